"""The pure parts of running a pod: images, hosts, paths, containers, the root, Envoy's version."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from heddle.local.container_run import FIRST_PAUSE, LONGEST_PAUSE, STEADY, next_pause
from heddle.local.containers import APP_USER, Role, containers
from heddle.local.envoy import VARIABLE, checked_version, find_envoy
from heddle.local.errors import CannotRun, ProgramMissing
from heddle.local.hosts import hosts_file
from heddle.local.images import Images, image_name
from heddle.local.launch import Launch, Mount, take, write
from heddle.local.logs import LONGEST_LINE, LineReader, Log
from heddle.local.paths import relocate
from heddle.local.places import ProcessPlace
from heddle.local.probes import GrpcHealth, HttpGet, probe
from heddle.local.resolvers import has_resolvers, resolver_files
from heddle.local.root import CHECKOUT, POD_FOLDER, python_trees, root_mounts, uncovered
from tests.local.nodes import container, mode_of, pod

IMAGES = Images(envoy=Path("/opt/envoy"), programs={"heddle-demo/shop": ("python", "-m", "shop")})


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("heddle-demo/shop", "heddle-demo/shop"),
        ("heddle-demo/shop:v2", "heddle-demo/shop"),
        ("localhost:5000/shop", "localhost:5000/shop"),
        ("localhost:5000/shop:v2@sha256:00", "localhost:5000/shop"),
    ],
)
def test_tag_and_digest_are_no_part_of_an_images_name(image: str, name: str) -> None:
    assert image_name(image) == name


@pytest.mark.parametrize(
    ("image", "command", "program"),
    [
        ("heddle-demo/shop:1", (), ("python", "-m", "shop", "x")),
        ("heddle-demo/shop:1", ("sleep",), ("sleep", "x")),
        ("envoyproxy/envoy:distroless-v1.40.0", (), ("/opt/envoy", "x")),
        ("envoyproxy/envoy:v1", ("/usr/local/bin/envoy",), ("/opt/envoy", "x")),
        ("heddle/init:0.1.0", ("/bin/sh", "-c"), ("/bin/sh", "-c", "x")),
    ],
)
def test_images_have_local_programs(
    image: str, command: tuple[str, ...], program: tuple[str, ...]
) -> None:
    assert IMAGES.program(image, command, ("x",)) == program


def test_an_unknown_image_says_which_ones_there_are() -> None:
    with pytest.raises(CannotRun, match="heddle-demo/shop") as caught:
        IMAGES.program("nginx:1.27", (), ())
    assert caught.value.value == "nginx:1.27"


def test_services_are_found_by_all_their_names_and_by_the_short_one_at_home() -> None:
    hosts = {
        "a.shop.svc.cluster.local": ["10.2.0.1", "10.2.0.3"],
        "b.bank.svc.cluster.local": ["10.2.0.2"],
        "db-0.db.shop.svc.cluster.local": ["10.2.0.4"],
        "x.com": ["1.1.1.1"],
    }
    text = hosts_file(namespace="shop", pod="web", pod_address="10.1.0.1", hosts=hosts)
    lines = [line.split("\t") for line in text.splitlines()]
    assert ["10.1.0.1", "web"] in lines
    for address in ("10.2.0.1", "10.2.0.3"):
        assert [address, "a.shop.svc.cluster.local a.shop.svc a.shop a"] in lines
    assert ["10.2.0.4", "db-0.db.shop.svc.cluster.local db-0.db.shop.svc db-0.db.shop db-0.db"] in (
        lines
    )
    assert ["10.2.0.2", "b.bank.svc.cluster.local b.bank.svc b.bank"] in lines
    assert ["1.1.1.1", "x.com"] in lines


def test_a_pod_may_name_its_resolvers() -> None:
    """As in Kubernetes; what would be a line of its own is none of them."""
    config = {
        "nameservers": ["10.0.0.53", "1.1.1.1\nsearch evil"],
        "searches": ["shop.svc.cluster.local", "svc.cluster.local"],
        "options": [{"name": "ndots", "value": "5"}, {"name": "edns0"}],
    }
    files = resolver_files({"dnsPolicy": "None", "dnsConfig": config})
    assert files["resolv.conf"] == (
        "nameserver 10.0.0.53\n"
        "search shop.svc.cluster.local svc.cluster.local\n"
        "options ndots:5 edns0\n"
    )
    assert "hosts: files dns\n" in files["nsswitch.conf"]
    bare = resolver_files({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.53"]}})
    assert bare["resolv.conf"] == "nameserver 10.0.0.53\n"


def test_a_pod_that_names_none_has_no_resolver() -> None:
    for spec in ({}, {"dnsConfig": {"nameservers": ["10.0.0.53"]}}, {"dnsPolicy": "None"}):
        assert not has_resolvers(spec)
        assert resolver_files(spec)["nsswitch.conf"].endswith("hosts: files\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data", "/R"),
        ("/data/file", "/R/file"),
        ("--path=/data/file", "--path=/R/file"),
        ('{"filename":"/data/x"}', '{"filename":"/R/x"}'),
        ("file:///data/x", "file:///R/x"),
        ("/data:/data/deep", "/R:/D"),
        ("/database", "/database"),
        ("/var/data", "/var/data"),
        ("/data.txt", "/data.txt"),
        ("http://host/data", "http://host/data"),
    ],
)
def test_only_whole_paths_are_relocated(text: str, expected: str) -> None:
    assert relocate(text, {"/data": "/R", "/data/deep": "/D"}) == expected


def test_a_volume_over_the_checkout_does_not_hide_our_packages(tmp_path: Path) -> None:
    """Without privileges, where a checkout below /tmp meets an emptyDir at /tmp."""
    above = str(Path(CHECKOUT).parent)
    (app,) = containers(
        pod(
            "a",
            "127.0.0.1",
            container("") | {"volumeMounts": [{"name": "scratch", "mountPath": above}]},
        )
    )
    place = ProcessPlace(address="127.64.0.2", containers=[app], folder=tmp_path)
    launch = place.launch(app, ["python"], {"PYTHONPATH": CHECKOUT, "DATA": f"{above}/data"})
    assert launch.environment["PYTHONPATH"] == CHECKOUT
    assert launch.environment["DATA"] == f"{tmp_path}/volumes/scratch/data"


def test_containers_start_in_the_kubelets_order_and_as_whom_they_say() -> None:
    raw = pod(
        "web",
        "10.0.0.1",
        container(""),
        securityContext={"runAsUser": 1000, "fsGroup": 7},
        initContainers=[
            container("") | {"name": "init", "securityContext": {"runAsUser": 0}},
            container("", restartPolicy="Always") | {"name": "proxy"},
        ],
    )
    found = containers(raw)
    assert [(c.name, c.role) for c in found] == [
        ("init", Role.INIT),
        ("proxy", Role.SIDECAR),
        ("app", Role.APP),
    ]
    assert [(c.uid, c.gid, c.groups) for c in found] == [(0, 0, (7,)), *[(1000, 1000, (7,))] * 2]


def test_who_says_nothing_is_an_ordinary_user_and_not_the_sidecar() -> None:
    (app,) = containers(pod("web", "10.0.0.1", container("")))
    assert app.uid == app.gid == APP_USER


def test_dropping_all_capabilities_leaves_those_that_are_added() -> None:
    security = {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]}}
    (app,) = containers(pod("web", "10.0.0.1", container("", securityContext=security)))
    assert app.capabilities == {12, 13}


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "../x"},
        {"volumeMounts": [{"name": "v", "mountPath": "/"}]},
        {"volumeMounts": [{"name": "v", "mountPath": "/a/../../etc"}]},
        {"volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "../b"}]},
    ],
    ids=["name", "root", "path", "sub-path"],
)
def test_a_spec_that_leads_out_of_the_pod_is_an_error(bad: Mapping[str, object]) -> None:
    with pytest.raises(CannotRun):
        containers(pod("web", "10.0.0.1", {**container(""), **bad}))


def test_a_probe_may_name_its_port() -> None:
    named = {"httpGet": {"port": "web", "path": "/up"}, "periodSeconds": 3}
    raw = container("", ports=[{"name": "web", "containerPort": 80}], readinessProbe=named)
    found = probe(raw, "readinessProbe")
    assert found is not None
    assert found.check == HttpGet(port=80, path="/up", host="", headers=())
    assert (found.period, found.failures, found.timeout) == (3.0, 3, 1.0)


def test_a_probe_may_be_over_tls() -> None:
    found = probe(container("", p={"httpGet": {"port": 443, "scheme": "HTTPS"}}), "p")
    assert found is not None
    assert found.check == HttpGet(port=443, path="/", host="", headers=(), tls=True)


def test_a_probe_may_ask_for_a_service() -> None:
    found = probe(container("", p={"grpc": {"port": 9001, "service": "shop"}}), "p")
    assert found is not None
    assert found.check == GrpcHealth(port=9001, service="shop")


def test_pauses_double_up_to_a_limit_and_start_anew_after_a_steady_run() -> None:
    assert next_pause(FIRST_PAUSE, 0.0) == 2 * FIRST_PAUSE
    assert next_pause(LONGEST_PAUSE, 0.0) == LONGEST_PAUSE
    assert next_pause(LONGEST_PAUSE, STEADY) == FIRST_PAUSE


def test_folders_that_are_seen_anyway_are_not_bound_again() -> None:
    assert uncovered(["/usr/lib/python3", "/srv/a", "/srv/a/b", "/srv/ab", "/", "/srv/a/"]) == (
        "/srv/a",
        "/srv/ab",
    )


def test_the_interpreter_is_seen_at_every_step_of_its_chain_of_links() -> None:
    trees = python_trees()
    assert any(sys.executable.startswith(f"{tree}/") for tree in trees)
    assert any(os.path.realpath(sys.executable).startswith(f"{tree}/") for tree in trees)


def test_a_volume_above_a_folder_of_programs_does_not_hide_it(tmp_path: Path) -> None:
    volume = Mount(kind="bind", source="/state/tmp", target="/tmp")
    mounts = root_mounts(
        trees=["/tmp/checkout"], pod_folder=tmp_path, host_name="web", volumes=[volume]
    )
    targets = [mount.target for mount in mounts]
    assert targets.index("/tmp/checkout") > len(targets) - 2 >= targets.index(POD_FOLDER)
    assert mounts.index(volume) < targets.index("/tmp/checkout")


def test_a_launch_is_read_once_and_by_its_user_only(tmp_path: Path) -> None:
    launch = Launch(
        parent=1,
        program=["x"],
        environment={"A": "b"},
        mounts=[Mount(kind="bind", source="/a", target="/b")],
        groups=[],
        capabilities=[12],
    )
    write(tmp_path / "launch", launch)
    assert mode_of(tmp_path / "launch") == 0o600
    assert take(tmp_path / "launch") == launch
    assert not (tmp_path / "launch").exists()


def test_a_log_is_bounded(tmp_path: Path) -> None:
    log = Log(tmp_path / "logs" / "app.log", limit=100)
    for number in range(100):
        log.write(b"line %d" % number)
    log.close()
    log.write(b"lost")
    assert sum(path.stat().st_size for path in log.path.parent.iterdir()) < 250
    assert b"line 99" in b"".join(p.read_bytes() for p in log.path.parent.iterdir())
    assert {mode_of(path) for path in log.path.parent.iterdir()} == {0o600}


def test_lines_are_whole_however_they_arrive_and_long_ones_are_cut() -> None:
    seen: list[bytes] = []
    reader = LineReader(seen.append)
    for piece in (b"on", b"e\ntw", b"o\n", b"x" * (LONGEST_LINE + 1), b"\nend"):
        reader.data_received(piece)
    reader.connection_lost(None)
    assert seen == [b"one", b"two", b"x" * LONGEST_LINE, b"x", b"end"]


VERSION = "envoy  version: 9aa6d5f/{}/Clean/RELEASE/BoringSSL"


def test_the_version_of_envoy_is_read() -> None:
    assert checked_version(VERSION.format("1.40.0"), "envoy") == "1.40.0"
    assert checked_version(VERSION.format("1.41.0-dev"), "envoy") == "1.41.0"


@pytest.mark.parametrize("output", [VERSION.format("1.36.4"), "something else"])
def test_an_envoy_that_is_too_old_is_refused_with_what_to_do(output: str) -> None:
    with pytest.raises(ProgramMissing, match="make setup"):
        checked_version(output, "envoy")


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_envoy_is_looked_for_in_the_setting_the_environment_the_checkout_and_on_the_path(
    tmp_path: Path,
) -> None:
    on_path = _program(tmp_path / "bin/envoy")
    environment = {"PATH": str(on_path.parent)}
    assert find_envoy(None, environment, tmp_path) == on_path
    own = _program(tmp_path / ".envoy/envoy/_bin/envoy")
    assert find_envoy(None, environment, tmp_path) == own
    environment[VARIABLE] = str(_program(tmp_path / "env"))
    assert find_envoy(None, environment, tmp_path) == tmp_path / "env"
    assert find_envoy(str(_program(tmp_path / "set")), environment, tmp_path) == tmp_path / "set"


def test_the_checkouts_envoy_may_be_elsewhere(tmp_path: Path) -> None:
    """Containers see the folders of programs, and would not see where a link leads."""
    real = _program(tmp_path / "tools/envoy/_bin/envoy")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/.envoy").symlink_to(tmp_path / "tools")
    assert find_envoy(None, {}, tmp_path / "checkout") == real


def test_an_envoy_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="--envoy names /none"):
        find_envoy("/none", {}, tmp_path)
    with pytest.raises(ProgramMissing, match="There is no Envoy"):
        find_envoy(None, {"PATH": str(tmp_path)}, tmp_path)
