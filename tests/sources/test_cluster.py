"""What is read of a cluster, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import wraps

from crds.decode import decode
from tests.fakes.api_server import FakeApiServer, Fault
from tests.fakes.virtual_time import run_virtually
from tests.mirror import Mirror, mirrored
from tests.sources.clusters import (
    CONFIG,
    CONFIG_MAPS,
    ENVOY_FILTERS,
    NAMESPACES,
    PODS,
    SECRETS,
    SYSTEM,
    VIRTUAL_SERVICES,
    meta,
    pod,
    selectors,
)

Test = Callable[[FakeApiServer], Coroutine[None, None, None]]


def virtually(test: Test) -> Callable[[], None]:
    """A test that waits for nothing."""

    @wraps(test)
    def run() -> None:
        async def with_server() -> None:
            await test(FakeApiServer())

        run_virtually(with_server())

    del run.__wrapped__
    return run


def mirror_of(server: FakeApiServer) -> AbstractAsyncContextManager[Mirror]:
    return mirrored(server, CONFIG, selectors)


@virtually
async def test_nothing_is_synced_before_all_has_been_read(server: FakeApiServer) -> None:
    server.put(PODS, pod("a"))
    server.down = True
    async with mirror_of(server) as mirror:
        await asyncio.sleep(300)
        assert (mirror.synced, mirror.objects) == (0, {})
        server.down = False
        await asyncio.sleep(60)
        assert (mirror.synced, mirror.names("Pod")) == (1, ["a"])


@virtually
async def test_an_api_server_that_is_away_takes_nothing_back(server: FakeApiServer) -> None:
    server.put(PODS, pod("a"))
    server.put(PODS, pod("b"))
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        server.down = True
        server.restart()
        server.delete((PODS, "shop", "a"))
        await asyncio.sleep(3600)
        assert mirror.names("Pod") == ["a", "b"]
        server.down = False
        await asyncio.sleep(60)
        assert mirror.names("Pod") == ["b"]


@virtually
async def test_what_goes_while_nobody_can_hear_of_it_is_told(server: FakeApiServer) -> None:
    """The history of it is gone, too: only a list can tell."""
    server.put(PODS, pod("a"))
    server.put(PODS, pod("b"))
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        server.delete((PODS, "shop", "a"))
        server.put(PODS, pod("c"))
        server.compact()
        server.restart()
        mirror.said.clear()
        await asyncio.sleep(60)
        assert mirror.said == ["-a", "+c"]


@virtually
async def test_what_is_not_read_may_change_without_a_word(server: FakeApiServer) -> None:
    server.put(PODS, pod("a", status={"phase": "Running"}))
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        mirror.said.clear()
        server.put(PODS, pod("a", status={"phase": "Running", "containerStatuses": [{}]}))
        await asyncio.sleep(10)
        assert mirror.said == []
        server.put(PODS, pod("a", status={"phase": "Failed"}))
        await asyncio.sleep(10)
        assert mirror.said == ["+a"]


@virtually
async def test_a_kind_that_is_not_installed_is_waited_for(server: FakeApiServer) -> None:
    """All others are served meanwhile."""
    server.missing = {"VirtualService"}
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        assert mirror.synced == 1
        server.missing.clear()
        server.put(VIRTUAL_SERVICES, {"metadata": meta("route", "shop"), "spec": {}})
        await asyncio.sleep(30)
        assert mirror.names("VirtualService") == ["route"]


@virtually
async def test_a_kind_that_is_installed_no_more_is_gone(server: FakeApiServer) -> None:
    """Once it is sure: an API server that just started may not know its kinds yet."""
    server.put(VIRTUAL_SERVICES, {"metadata": meta("route", "shop"), "spec": {}})
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        server.missing = {"VirtualService"}
        server.restart()
        await asyncio.sleep(2)
        assert mirror.names("VirtualService") == ["route"]
        await asyncio.sleep(60)
        assert mirror.names("VirtualService") == []


@virtually
async def test_kinds_that_nobody_reads_are_told_of(server: FakeApiServer) -> None:
    """Their authors rely on them. Nothing of what they say is held; most clusters have none."""
    server.missing = {"Telemetry", "WasmPlugin"}
    given = {"metadata": meta("patch", "shop"), "spec": {"configPatches": [{}]}, "status": {"a": 1}}
    server.put(ENVOY_FILTERS, given)
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        assert mirror.synced == 1
        (raw,) = (raw for key, raw in mirror.objects.items() if key.kind == "EnvoyFilter")
        assert (raw.get("spec"), raw["status"]) == (None, {"a": 1})
        assert [each.code for each in decode(raw).problems] == ["unsupported-kind"]


def asked(server: FakeApiServer, verb: str, path: str) -> int:
    return sum(each == (verb, path) for each in server.asked)


@virtually
async def test_secrets_may_be_withheld(server: FakeApiServer) -> None:
    """Where nobody may list them gateways find none, and all else works."""
    server.forbidden = {"secrets"}
    async with mirror_of(server) as mirror:
        await asyncio.sleep(300)
        assert mirror.synced == 1
        assert asked(server, "list", SECRETS) < 20


@virtually
async def test_pods_may_not(server: FakeApiServer) -> None:
    """A mesh without endpoints would be an outage."""
    server.forbidden = {"pods"}
    async with mirror_of(server) as mirror:
        await asyncio.sleep(300)
        assert mirror.synced == 0


@virtually
async def test_an_api_server_that_wants_to_be_left_alone_is(server: FakeApiServer) -> None:
    """429 with Retry-After: 7."""
    server.faults = iter([Fault.TOO_MANY] * 2)
    async with mirror_of(server) as mirror:
        await asyncio.sleep(6.9)
        assert [path for verb, path in server.asked if verb == "get"] == ["/api/v1"] * 2
        await asyncio.sleep(5)
        assert mirror.synced == 1


@virtually
async def test_failures_are_not_repeated_in_a_hurry(server: FakeApiServer) -> None:
    server.down = True
    async with mirror_of(server):
        await asyncio.sleep(3600)
        assert len(server.asked) < 2 * 3600 / 20


@virtually
async def test_a_connection_that_is_dead_is_noticed(server: FakeApiServer) -> None:
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        server.faults = iter([Fault.STALL])
        server.put(PODS, pod("a"))
        server.put(PODS, pod("b"))
        await asyncio.sleep(100)
        assert mirror.names("Pod") == ["a", "b"]


@virtually
async def test_a_backup_is_another_past(server: FakeApiServer) -> None:
    """Its versions are lower than those that we have seen, and its objects others."""
    server.put(PODS, pod("a"))
    backup = server.backup()
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        for name in ("b", "c", "d"):
            server.put(PODS, pod(name))
        server.delete((PODS, "shop", "a"))
        await asyncio.sleep(10)
        assert mirror.names("Pod") == ["b", "c", "d"]
        server.restore(backup)
        await asyncio.sleep(60)
        assert mirror.names("Pod") == ["a"]


@virtually
async def test_what_is_new_of_an_old_version_is_not_believed(server: FakeApiServer) -> None:
    """It is read again instead. The connection may not even have been interrupted."""
    backup = server.backup()
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        for name in ("a", "b", "c"):
            server.put(PODS, pod(name))
        await asyncio.sleep(10)
        server.restore(backup)
        server.put(PODS, pod("z"))
        await asyncio.sleep(60)
        assert mirror.names("Pod") == ["z"]


@virtually
async def test_namespaces_are_held_as_selected(server: FakeApiServer) -> None:
    """Live, when their labels change and when MeshConfig does; ours is in whatever happens."""
    config = {"metadata": meta("heddle", SYSTEM), "data": {"mesh": "1"}}
    server.put(CONFIG_MAPS, config)
    for name, value in (("shop", "1"), ("bank", "2"), (SYSTEM, "3")):
        server.put(NAMESPACES, {"metadata": meta(name, mesh=value)})
        server.put(PODS, pod(f"of-{name}", name))
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        assert mirror.names("Pod") == [f"of-{SYSTEM}", "of-shop"]
        server.put(NAMESPACES, {"metadata": meta("bank", mesh="1")})
        server.put(NAMESPACES, {"metadata": meta("shop", mesh="2")})
        await asyncio.sleep(10)
        assert mirror.names("Pod") == ["of-bank", f"of-{SYSTEM}"]
        server.put(CONFIG_MAPS, {**config, "data": {"mesh": "2"}})
        await asyncio.sleep(10)
        assert mirror.names("Pod") == [f"of-{SYSTEM}", "of-shop"]
        server.delete((CONFIG_MAPS, SYSTEM, "heddle"))
        await asyncio.sleep(10)
        assert mirror.names("Pod") == ["of-bank", f"of-{SYSTEM}", "of-shop"]
        assert mirror.said.count("+of-bank") == 2


@virtually
async def test_a_namespace_that_is_selected_is_all_that_is_read(server: FakeApiServer) -> None:
    """One label must not cost a list of the whole cluster."""
    server.put(CONFIG_MAPS, {"metadata": meta("heddle", SYSTEM), "data": {"mesh": "1"}})
    async with mirror_of(server):
        await asyncio.sleep(10)
        before = asked(server, "list", PODS)
        server.put(NAMESPACES, {"metadata": meta("shop", mesh="1")})
        await asyncio.sleep(10)
        assert asked(server, "list", PODS) == before
        assert asked(server, "list", PODS.replace("/pods", "/namespaces/shop/pods")) == 1


@virtually
async def test_a_large_list_comes_in_pages(server: FakeApiServer) -> None:
    for number in range(250):
        server.put(PODS, pod(f"p-{number}"))
    async with mirror_of(server) as mirror:
        await asyncio.sleep(10)
        assert len(mirror.names("Pod")) == 250
        assert asked(server, "list", PODS) == 3


@virtually
async def test_a_page_that_is_too_much_is_asked_for_in_smaller_ones(server: FakeApiServer) -> None:
    for number in range(250):
        server.put(PODS, pod(f"p-{number}"))
    server.too_much = 30
    async with mirror_of(server) as mirror:
        await asyncio.sleep(60)
        assert len(mirror.names("Pod")) == 250
