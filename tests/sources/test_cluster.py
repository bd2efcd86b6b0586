"""A whole cluster mirrored, in virtual time, from an API server with every fault that they have."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import wraps

from hypothesis import given, settings
from hypothesis import strategies as st

from crds.label_selector import LabelSelector
from crds.meta import Key
from sources.api_answers import Raw
from tests.fakes.api_server import FakeApiServer, Fault, collection
from tests.fakes.virtual_time import run_virtually
from tests.mirror import Mirror, mirrored

SYSTEM = "heddle-system"
CONFIG = Key("", "ConfigMap", SYSTEM, "heddle")
PODS = collection("", "Pod")
SERVICES = collection("", "Service")
SECRETS = collection("", "Secret")
NAMESPACES = collection("", "Namespace")
CONFIG_MAPS = collection("", "ConfigMap")
VIRTUAL_SERVICES = collection("networking.istio.io", "VirtualService")
KIND_OF = {
    PODS: ("", "Pod"),
    SERVICES: ("", "Service"),
    SECRETS: ("", "Secret"),
    NAMESPACES: ("", "Namespace"),
    CONFIG_MAPS: ("", "ConfigMap"),
    VIRTUAL_SERVICES: ("networking.istio.io", "VirtualService"),
}
SETTLED = 400.0
"""Seconds after which all is as it should be."""


def meta(name: str, namespace: str = "", **labels: str) -> dict[str, object]:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, **({"labels": labels} if labels else {})}


def selectors(raw: Raw | None) -> tuple[Sequence[LabelSelector], tuple[str, ...]]:
    data = (raw or {}).get("data", {})
    assert isinstance(data, Mapping)
    wanted = data.get("mesh", "")
    return ((LabelSelector(match_labels={"mesh": wanted}),) if wanted else ()), (SYSTEM,)


def held_by(server: FakeApiServer) -> Mapping[Key, str]:
    """All that must be known, by version: what is in namespaces that are part of the mesh."""
    config = server.objects.get((CONFIG_MAPS, SYSTEM, "heddle"))
    wanted, always = selectors(config)
    namespaces = {
        name: item["metadata"].get("labels", {})  # type: ignore[attr-defined]  # a mapping
        for (of, _, name), item in server.objects.items()
        if of == NAMESPACES
    }
    found = {}
    for (of, namespace, name), item in server.objects.items():
        known = namespace in namespaces and any(s.selects(namespaces[namespace]) for s in wanted)
        if not namespace or not wanted or namespace in always or known:
            found[Key(*KIND_OF[of], namespace, name)] = value_of(item)
    return found


def value_of(item: Raw) -> str:
    """What tells an object from what it was before."""
    spec, metadata = item.get("spec"), item["metadata"]
    assert isinstance(metadata, Mapping)
    return f"{metadata.get('labels')} {spec}"


NAMES = st.sampled_from(("a", "b", "c"))
PLACES = st.sampled_from(("shop", "bank"))
VALUES = st.sampled_from(("1", "2", "3"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pod"), PLACES, NAMES, VALUES),
        st.tuples(st.just("route"), PLACES, NAMES, VALUES),
        st.tuples(st.just("no pod"), PLACES, NAMES),
        st.tuples(st.just("no route"), PLACES, NAMES),
        st.tuples(st.just("namespace"), PLACES, VALUES),
        st.tuples(st.just("no namespace"), PLACES),
        st.tuples(st.just("config"), st.sampled_from(("", "1", "2"))),
        st.tuples(st.just("time"), st.sampled_from((0.0, 0.3, 20.0, 100.0))),
        st.tuples(st.just("compact")),
        st.tuples(st.just("restart")),
        st.tuples(st.just("backup")),
        st.tuples(st.just("restore")),
    ),
    max_size=25,
)
FAULTS = st.lists(st.sampled_from(Fault), max_size=60)


class World:
    """Does the steps."""

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server
        self._backup = server.backup()

    async def step(self, name: str, *rest: str | float) -> None:
        server = self._server
        match (name, *rest):
            case ("pod", str(place), str(pod), str(value)):
                server.put(PODS, {"metadata": meta(pod, place), "spec": {"nodeName": value}})
            case ("route", str(place), str(route), str(value)):
                server.put(VIRTUAL_SERVICES, {"metadata": meta(route, place), "spec": {"x": value}})
            case ("no pod", str(place), str(pod)):
                server.delete((PODS, place, pod))
            case ("no route", str(place), str(route)):
                server.delete((VIRTUAL_SERVICES, place, route))
            case ("namespace", str(place), str(value)):
                server.put(NAMESPACES, {"metadata": meta(place, mesh=value)})
            case ("no namespace", str(place)):
                for kind in (PODS, VIRTUAL_SERVICES):
                    for pod in ("a", "b", "c"):
                        server.delete((kind, place, pod))
                server.delete((NAMESPACES, "", place))
            case ("config", str(value)):
                data = {"data": {"mesh": value}}
                server.put(CONFIG_MAPS, {"metadata": meta("heddle", SYSTEM), **data})
            case _:
                await self._trouble(name, *rest)

    async def _trouble(self, name: str, *rest: str | float) -> None:
        match (name, *rest):
            case ("time", float(seconds)):
                await asyncio.sleep(seconds)
            case ("compact",):
                self._server.compact()
            case ("restart",):
                self._server.restart()
            case ("backup",):
                self._backup = self._server.backup()
            case ("restore",):
                self._server.restore(self._backup)
                # What is written before anybody looks could make it seem as new as it was.
                await asyncio.sleep(200.0)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, faults=FAULTS)
def test_what_is_said_in_the_end_is_what_the_server_holds(
    steps: list[tuple[str, ...]], faults: list[Fault]
) -> None:
    """Whatever the faults."""

    async def run() -> None:
        server = FakeApiServer()
        server.faults = iter(faults)
        world = World(server)
        async with mirrored(server, CONFIG, selectors) as mirror:
            for step in steps:
                await world.step(*step)
            server.faults = iter(())
            await asyncio.sleep(SETTLED)
            assert {key: value_of(raw) for key, raw in mirror.objects.items()} == held_by(server)
            assert mirror.synced == 1

    run_virtually(run())


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


def pod(name: str, namespace: str = "shop", **fields: object) -> Raw:
    return {"metadata": meta(name, namespace), **fields}


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
