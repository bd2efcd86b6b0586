"""What a proxy is to hold, and what it has accepted, as Envoy's own dump would show it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_connection, socket

import pytest
from aiohttp import web

from heddle.proxies.config_dump import ACKED, NACKED, REQUESTED
from tests.features.debugged import Debugged, debugged
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, route
from tests.security_rows import guards
from xds.types import CDS, EDS, LDS, RDS, VHDS

SLOWER = route("reviews", "{route: [{destination: {host: reviews}}], timeout: 3s}")
ROUTED = "80"
"""The route configuration of that port."""


@pytest.fixture
async def shown(plane: Plane, tmp_path: Path) -> AsyncIterator[Debugged]:
    """The pages of the shop's control plane."""
    plane.apply(SHOP)
    async with debugged(plane, tmp_path) as found:
        yield found


Entries = dict[tuple[str, str], dict[str, object]]


def entries(dump: object) -> Entries:
    """Each resource of a dump, by the name of its list and its own."""
    found: Entries = {}
    assert isinstance(dump, dict)
    for config in dump["configs"]:
        for field, listed in config.items():
            for entry in listed if field != "@type" else ():
                found[field, name_of(entry)] = entry
    return found


def name_of(entry: Mapping[str, object]) -> str:
    """The name of a resource, wherever its entry has it."""
    for content in entry.values():
        if isinstance(content, dict):
            return str(entry.get("name") or content.get("name") or content.get("cluster_name"))
    raise AssertionError(entry)


def page(plane: Plane, pod: str, source: str) -> str:
    """The address of a dump."""
    namespace, _, name = plane.pod(pod).partition("/")
    return f"/config_dump?proxyID={name}.{namespace}&source={source}"


async def test_it_is_what_the_proxy_holds(plane: Plane, shown: Debugged) -> None:
    """Every resource by its version, all of them accepted; the other address is Istio's."""
    async with plane.of("shop/web") as web_:
        await web_.synced()
        await web_.ping()
        dump = entries(await shown.json(page(plane, "shop/web", "desired")))
        held = web_.envoy.held
        for type_url, field in (
            (CDS, "dynamic_active_clusters"),
            (EDS, "dynamic_endpoint_configs"),
            (RDS, "dynamic_route_configs"),
        ):
            versions = {name: each.version for name, each in held[type_url].items()}
            assert versions == {n: e["version_info"] for (f, n), e in dump.items() if f == field}
        listeners = {n for f, n in dump if f == "dynamic_listeners"}
        assert listeners == set(held[LDS])
        assert {entry["client_status"] for entry in dump.values()} == {ACKED}
        assert await shown.json(page(plane, "shop/web", "acked")) == await shown.json(
            "/debug" + page(plane, "shop/web", "desired")
        )


def hosts(entry: Mapping[str, object]) -> set[str]:
    """The virtual hosts of a route configuration's entry."""
    content = entry["route_config"]
    assert isinstance(content, dict)
    return {host["name"] for host in content.get("virtual_hosts", ())}


async def test_virtual_hosts_are_in_their_route_configuration(
    plane: Plane, shown: Debugged
) -> None:
    """However they travelled."""
    async with plane.of("shop/web") as web_:
        await web_.synced()
        await web_.ping()
        dump = entries(await shown.json(page(plane, "shop/web", "desired")))
        sent = {name for name in web_.envoy.held[VHDS] if name.startswith(f"{ROUTED}/")}
        assert hosts(dump["dynamic_route_configs", ROUTED]) == sent
        assert any(REVIEWS in name for name in sent)


async def test_what_is_rejected_is_not_accepted(plane: Plane, shown: Debugged) -> None:
    """With Envoy's words; the content that it does not hold is not shown as its own."""
    async with plane.of("shop/web") as web_:
        await web_.synced()
        await web_.ping()
        await web_.rejects("no such timeout", lambda: plane.apply(SHOP, SLOWER))
        await web_.ping()
        wanted = entries(await shown.json(page(plane, "shop/web", "desired")))
        acked = entries(await shown.json(page(plane, "shop/web", "acked")))
    key = "dynamic_route_configs", ROUTED
    assert (wanted[key]["client_status"], acked[key]["client_status"]) == (NACKED, NACKED)
    assert acked[key]["error_state"] == {"details": "no such timeout"}
    assert hosts(wanted[key]) - hosts(acked[key]) == {f"80/{REVIEWS}:80"}
    others = {entry["client_status"] for name, entry in acked.items() if name != key}
    assert others == {ACKED}


async def test_who_is_not_connected_would_be_given_this(plane: Plane, shown: Debugged) -> None:
    """The same content as when it is; of what it has accepted nothing is known."""
    before = entries(await shown.json(page(plane, "shop/web", "desired")))
    assert {entry["client_status"] for entry in before.values()} == {REQUESTED}
    async with plane.of("shop/web") as web_:
        await web_.synced()
        await web_.ping()
        after = entries(await shown.json(page(plane, "shop/web", "desired")))
    assert {k: v["version_info"] for k, v in before.items() if "version_info" in v} == {
        k: v["version_info"]
        for k, v in after.items()
        if "version_info" in v and k[0] != "dynamic_active_secrets"
    }


async def test_envoys_parameters(plane: Plane, shown: Debugged) -> None:
    """One kind, some names, some fields."""
    at = page(plane, "shop/web", "desired")
    found = await shown.json(
        f"{at}&resource=dynamic_active_clusters&mask=cluster.name,version_info"
    )
    assert isinstance(found, dict)
    assert {*found["configs"][0]} == {"cluster", "version_info"}
    assert {*found["configs"][0]["cluster"]} == {"@type", "name"}
    named = entries(await shown.json(f"{at}&name_regex=.*reviews.*"))
    assert named
    assert all("reviews" in name for _, name in named)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("&source=else", "?source= is one of live, desired, acked"),
        ("&source=desired&resource=unknown", "'unknown' is not in a dump"),
        ("&source=desired&mask=name", "say resource= too"),
        ("&source=desired&name_regex=(", "no regular expression"),
        ("&source=desired&other=1", "no parameter 'other'"),
    ],
)
async def test_what_cannot_be_asked(plane: Plane, shown: Debugged, more: str, said: str) -> None:
    at = page(plane, "shop/web", "").partition("&")[0]
    assert said in await shown.text(at + more, 400)


async def test_whom_nobody_knows(shown: Debugged) -> None:
    assert "say which proxy" in await shown.text("/config_dump", 400)
    assert "say which proxy" in await shown.text("/config_dump?proxyID=a/b.shop", 400)
    assert "no pod other.shop with a proxy" in await shown.text(
        "/config_dump?proxyID=other.shop", 404
    )


async def test_pods_out_of_reach(plane: Plane, shown: Debugged) -> None:
    """`heddle serve` of a folder does not run them."""
    assert "not in reach" in await shown.text(page(plane, "shop/web", "live"), 501)


@asynccontextmanager
async def admin_port() -> AsyncIterator[tuple[int, list[str]]]:
    """Something that answers as an admin port would, whatever it is asked; what it was asked."""
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.path_qs)
        return web.Response(text='{"private_key": {"inline_string": "a key"}, "name": "n"}')

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


@guards("C6")
async def test_only_pages_that_read_are_asked_of_a_live_proxy(plane: Plane, tmp_path: Path) -> None:
    """By their exact names, with the parameters that they have; and nothing secret comes back."""
    plane.apply(SHOP)
    async with admin_port() as (port, asked):

        @asynccontextmanager
        async def to_admin(
            namespace: str, pod: str, authorization: str | None
        ) -> AsyncIterator[socket]:
            with create_connection(("127.0.0.1", port)) as connected:
                yield connected

        async with debugged(plane, tmp_path, to_admin) as shown:
            at = page(plane, "shop/web", "live").removeprefix("/config_dump")
            said = await shown.json(f"/config_dump{at}&include_eds=")
            assert said == {"private_key": {"inline_string": "[redacted]"}, "name": "n"}
            await shown.text(f"/debug/envoy/clusters{at}&format=json")
            for bad in ("quitquitquit", "logging", "drain_listeners", "clusters%3Fa", "..%2Fready"):
                await shown.text(f"/debug/envoy/{bad}{at}", 400)
            await shown.text(f"/debug/envoy/certs{at}&level=trace", 400)
            await shown.text(f"/debug/envoy/stats{at}&filter={'x' * 3000}", 400)
    assert asked == ["/config_dump?include_eds=", "/clusters?format=json"]


async def test_a_proxy_that_does_not_answer(plane: Plane, tmp_path: Path) -> None:
    plane.apply(SHOP)

    @asynccontextmanager
    async def to_admin(
        namespace: str, pod: str, authorization: str | None
    ) -> AsyncIterator[socket]:
        raise ConnectionRefusedError("nobody listens")
        yield socket()

    async with debugged(plane, tmp_path, to_admin) as shown:
        said = await shown.text(page(plane, "shop/web", "live"), 502)
        assert "does not answer: nobody listens" in said
