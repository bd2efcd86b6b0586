"""A whole cluster mirrored, in virtual time, from an API server with every fault that they have."""

import asyncio
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from crds.meta import Key
from sources.api_answers import Raw
from tests.fakes.api_server import FakeApiServer, Fault
from tests.fakes.virtual_time import run_virtually
from tests.mirror import mirrored
from tests.sources.clusters import (
    CONFIG,
    CONFIG_MAPS,
    KIND_OF,
    NAMESPACES,
    PODS,
    SETTLED,
    SYSTEM,
    VIRTUAL_SERVICES,
    meta,
    selectors,
)


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
