"""What commands tell of proxies that run: by their own account, and by the control plane's."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from e2e.mesh import SUBSETS, Mesh, routes
from e2e.test_mutual_tls import peer_authentication
from heddle.cli.reach import Where, ask
from heddle.main import app
from heddle.proxies.redaction import shows_key
from tests.meshes import authorization_policy
from webhook import raw

CLIENT = "deployment/client.e2e"
ROUTED = routes(
    "[{match: [{uri: {prefix: /v2}}], route: [{destination: {host: echo, subset: v2}}]}]"
)


TRIES = 60


def heddle(mesh: Mesh, *arguments: str) -> Result:
    """A command that asks this mesh."""
    return CliRunner().invoke(app, [*arguments, *mesh.options])


def table(result: Result) -> list[list[str]]:
    """The cells of a table, without its headings; a blank one is not there."""
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines()[1:]]


@pytest.fixture
def routed(mesh: Mesh) -> Mesh:
    """With two subsets and a route to one of them."""
    mesh.apply(ROUTED)
    return mesh


def test_what_a_live_proxy_holds(routed: Mesh) -> None:
    """In istioctl's columns, with the objects that it came from."""
    echo = "echo.e2e.svc.cluster.local"
    clusters = table(heddle(routed, "pc", "cluster", CLIENT, "--fqdn", echo, "--port", "8080"))
    assert [echo, "8080", "v2", "outbound", "EDS", "echo.e2e"] in clusters
    named = ("--name", "8080") if routed.intercepts else ()
    found = table(heddle(routed, "pc", "route", CLIENT, *named))
    assert ["/v2*", "echo.e2e"] in [row[-2:] for row in found]
    listeners = table(heddle(routed, "pc", "listener", CLIENT, "--port", "8080"))
    assert any(row[-2:] == ["Route:", "8080"] for row in listeners) or not routed.intercepts
    subset = f"outbound|8080|v2|{echo}"
    (endpoint,) = table(heddle(routed, "pc", "endpoint", CLIENT, "--cluster", subset))
    assert endpoint[0].startswith(routed.address("e2e/echo-v2"))
    assert endpoint[1:] == ["HEALTHY", "OK", subset]


def test_certificates_are_shown_and_keys_are_not(routed: Mesh) -> None:
    """Neither in a table nor in a dump, by whatever name."""
    secrets = {row[0]: row for row in table(heddle(routed, "pc", "secret", CLIENT))}
    assert "true" in secrets["default"]
    assert "true" in secrets["ROOTCA"]
    whole = heddle(routed, "pc", "all", CLIENT, "-o", "json").stdout
    dump = heddle(routed, "config-dump", CLIENT).stdout
    for text in (whole, dump):
        assert "certificate_chain" in text
        assert not shows_key(text)


def test_a_proxy_holds_what_it_is_to_hold(routed: Mesh) -> None:
    """Resource by resource, also after an edit; at a gateway too."""
    kinds = {"cluster", "endpoint", "secret"}
    for proxy, more in ((CLIENT, {"listener", "route"}), ("deploy/ingress.edge", set())):
        result = compared(routed, proxy)
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert {each["kind"] for each in found} >= kinds | more
        assert {(each["state"], each["acked"]) for each in found} == {("same", "ACKED")}


def compared(mesh: Mesh, proxy: str) -> Result:
    """What a proxy holds and what it is to hold, once they are the same: Envoy acknowledges what it
    is still warming up.
    """
    for _ in range(TRIES):
        result = heddle(mesh, "config-dump", proxy, "--diff", "--all", "-o", "json")
        if result.exit_code == 0:
            break
    return result


SECURED = (
    ROUTED,
    authorization_policy("viewers", "{rules: [{}]}", "e2e"),
    peer_authentication("PERMISSIVE", name="open"),
)
SERVER = "deployment/echo-v1.e2e"


def test_a_dump_of_ours_says_where_each_object_is_written(mesh: Mesh) -> None:
    """Of what a proxy is to hold, as it is now."""
    in_files(mesh)
    mesh.apply(*SECURED)
    dump = heddle(mesh, "config-dump", SERVER, "--source", "desired").stdout
    kinds: set[object] = set()
    for each in objects(json.loads(dump)):
        line = Path(str(each["file"])).read_text().splitlines()[int(str(each["line"])) - 1]
        assert line.strip(), each
        kinds.add(each["kind"])
    assert kinds >= {"DestinationRule", "Service", "VirtualService"}
    assert kinds >= {"AuthorizationPolicy", "PeerAuthentication"}


def test_an_envoy_says_itself_where_its_objects_are_written(mesh: Mesh) -> None:
    """Clusters, routes, filter chains and policies, and that lines move changes none of them."""
    in_files(mesh)
    told = (
        ROUTED.replace("name: echo, namespace", "name: told, namespace"),
        authorization_policy("told", "{rules: [{}]}", "e2e"),
        peer_authentication("PERMISSIVE", name="told"),
    )
    mesh.apply(*told)
    before = live(mesh)
    kinds: set[object] = set()
    for _, place in stamps(before, "told"):
        found = document(place)
        assert raw.mapping(found["metadata"])["name"] == "told"
        kinds.add(found["kind"])
    services = [document(place) for _, place in stamps(before, "Service e2e/echo")]
    assert {each["kind"] for each in services} == {"Service"}
    assert kinds >= {"DestinationRule", "VirtualService"}
    assert kinds >= {"AuthorizationPolicy", "PeerAuthentication"}
    mesh.apply("# one\n# two\n# three", *told)
    after = live(mesh)
    assert list(stamps(after, "told")) == list(stamps(before, "told"))
    assert updates(after) == updates(before)


def in_files(mesh: Mesh) -> None:
    if "kubernetes" in mesh.options:
        pytest.skip("objects of a cluster are in no file")


def live(mesh: Mesh) -> object:
    """What the server's Envoy holds, by its own account, once it is what it is to hold."""
    assert compared(mesh, SERVER).exit_code == 0
    return json.loads(heddle(mesh, "config-dump", SERVER).stdout)


def stamps(dump: object, name: str) -> Iterator[tuple[str, str]]:
    """What an Envoy says of objects with this in their name, each with `file:line`."""
    if isinstance(dump, list):
        for each in dump:
            yield from stamps(each, name)
    elif isinstance(dump, dict):
        said = raw.mapping(dump.get("filter_metadata"))
        ours, istio = raw.mapping(said.get("heddle")), raw.mapping(said.get("istio"))
        found = {raw.text(istio.get("config")) or raw.text(ours.get("object")): ours}
        found |= {n: raw.mapping(each) for n, each in raw.mapping(ours.get("policies")).items()}
        for key, each in found.items():
            if name in key:
                yield key, raw.text(each["written"])
        yield from stamps(list(dump.values()), name)


def document(place: str) -> Mapping[str, object]:
    """The object that begins at `file:line`."""
    file, _, line = place.rpartition(":")
    text = "\n".join(Path(file).read_text().splitlines()[int(line) - 1 :])
    found = next(yaml.safe_load_all(text))
    assert isinstance(found, dict), place
    return found


def updates(dump: object) -> set[tuple[str, str]]:
    """Every cluster and listener in use with the time of its last change, but for what `apply`
    waits for; what only drains comes and goes.
    """
    assert isinstance(dump, dict)
    found: set[tuple[str, str]] = set()
    for config in dump["configs"]:
        for each in config.get("dynamic_active_clusters", ()):
            found.add((each["cluster"]["name"], each["last_updated"]))
        for each in config.get("dynamic_listeners", ()):
            if "active_state" in each:
                found.add((each["name"], each["active_state"]["last_updated"]))
    return {each for each in found if "||marker-" not in each[0]}


def test_the_page_lays_a_live_proxy_over_what_it_is_to_hold(routed: Mesh) -> None:
    """The table of all its resources, what one of them is, and the certificate that it shows."""
    listed = json.loads(heddle(routed, "ps", CLIENT, "-o", "json").stdout)
    proxy = str(listed[0]["proxy"])
    assert compared(routed, CLIENT).exit_code == 0
    whole = page(routed, "/proxy", proxyID=proxy)
    assert re.search(r"(\d+) resources: \1 same\.", whole), whole[:3000]
    assert "could not be asked" not in whole
    assert "spiffe://cluster.local/ns/e2e/sa/default" in whole
    name = "outbound|8080|v2|echo.e2e.svc.cluster.local"
    one = page(routed, "/proxy/resource", proxyID=proxy, kind="cluster", name=name)
    assert "which the proxy has accepted" in one
    assert name in one
    assert not shows_key(whole + one)


def test_a_check_finds_the_mesh_well(routed: Mesh) -> None:
    """Proxies, the version of the Envoys that run, and how long their certificates last."""
    if "kubernetes" in routed.options:
        pytest.skip("heddle check of a cluster is tested there")
    result = heddle(routed, "check", "-o", "json")
    assert result.exit_code == 0, result.output
    found = {each["check"]: each["result"] for each in json.loads(result.stdout)["checks"]}
    assert found.keys() >= {"certificates-renewed", "proxies-synced", "envoy-supported"}
    assert set(found.values()) == {"ok"}


def page(mesh: Mesh, path: str, **query: str) -> str:
    """A page of the mesh's control plane, as a browser gets it."""
    said = dict(zip(mesh.options[::2], mesh.options[1::2], strict=True))
    return ask(Where(mesh=said["--mesh"]), lambda plane: plane.get(path, query)).text


def objects(dump: object) -> Iterator[Mapping[str, object]]:
    """Every object that a dump of ours names."""
    if isinstance(dump, list):
        for each in dump:
            yield from objects(each)
    elif isinstance(dump, dict):
        yield from dump.get("heddle.written", {}).get("objects", ())
        yield from objects(list(dump.values()))


@pytest.mark.parametrize("kind", ["cluster", "listener", "route", "secret", "bootstrap"])
def test_a_saved_dump_is_read_as_the_proxy_is(routed: Mesh, kind: str) -> None:
    """Through a pipe; once nothing drains any more."""

    def saved() -> str:
        dump = heddle(routed, "config-dump", CLIENT).stdout
        result = CliRunner().invoke(app, ["proxy-config", kind, "--file", "-"], input=dump)
        assert result.exit_code == 0, result.output
        return result.stdout

    for _ in range(TRIES):
        before, live, after = saved(), heddle(routed, "pc", kind, CLIENT).stdout, saved()
        if before == after:
            break
    assert before == live == after


def test_how_far_proxies_are(mesh: Mesh) -> None:
    """All of them; one of them by type; for programs."""
    mesh.apply(SUBSETS)
    result = heddle(mesh, "proxy-status")
    rows = table(result)
    assert {row[1] for row in rows} == {"synced"}
    assert any(row[0].startswith("client-") and row[0].endswith(".e2e") for row in rows)
    types = table(heddle(mesh, "ps", CLIENT))[1:]
    assert {row[0] for row in types} >= {"CDS", "LDS"}
    listed = json.loads(heddle(mesh, "ps", "-n", "e2e", "-o", "json").stdout)
    assert all(each["proxy"].endswith(".e2e") for each in listed)


def test_who_is_not_there_ends_the_command(mesh: Mesh) -> None:
    result = heddle(mesh, "pc", "cluster", "deployment/clint.e2e")
    assert result.exit_code == 2
    assert "did you mean client.e2e?" in result.stderr


def test_how_much_a_proxy_logs(routed: Mesh) -> None:
    """Read, set for one logger and for all, and set back; a level that there is not, is refused."""

    def levels(*options: str) -> dict[str, str]:
        result = heddle(routed, "pc", "log", CLIENT, "-o", "json", *options)
        assert result.exit_code == 0, result.output
        found: dict[str, str] = json.loads(result.stdout)
        return found

    before = levels()
    assert levels("--level", "http:debug,rbac:error") == before | {"http": "debug", "rbac": "error"}
    assert set(levels("--level", "info").values()) == {"info"}
    assert set(levels("--reset").values()) == {"warning"}
    assert heddle(routed, "pc", "log", CLIENT, "--level", "loud").exit_code == 2
