"""A change that concerns many parts is published in small steps, and others get in between."""

from collections.abc import Mapping

from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key
from heddle.engine import PARTS_AT_ONCE, Engine, OutboundKey
from heddle.oracle import verify
from mesh.proxy import Proxy
from mesh.scope import Scope
from mesh.store import Change
from tests.meshes import destination_rule, objects_of, service, virtual_service
from xds.publisher import Publisher
from xds.types import CDS, VHDS

NAMESPACES = 3 * PARTS_AT_ONCE
BEFORE = objects_of(service("reviews") + service("ratings"))
AFTER = BEFORE | objects_of(
    destination_rule("d", "{host: reviews, subsets: [{name: v1, labels: {version: v1}}]}")
    + virtual_service(
        "v",
        "{hosts: [ratings], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}",
    )
)
SUBSET = "outbound|80|v1|reviews.shop.svc.cluster.local"


def proxy(number: int) -> Proxy:
    return Proxy(namespace=f"n{number}", name="p", labels={}, service_account="default")


def part(number: int) -> OutboundKey:
    return OutboundKey(Scope(f"n{number}"))


class World:
    """An engine with a scope in each of many namespaces."""

    def __init__(self) -> None:
        self.publisher = Publisher()
        self.engine = Engine(self.publisher)
        self.engine.apply(changes({}, BEFORE), DEFAULT_MESH_CONFIG)
        for number in range(NAMESPACES):
            self.engine.select(proxy(number))

    def has_subset(self, number: int) -> bool:
        return SUBSET in self.publisher.resources(part(number), CDS)

    def routes_to_subset(self, number: int) -> bool:
        hosts = self.publisher.resources(part(number), VHDS).values()
        return any(SUBSET.encode() in host.message_bytes for host in hosts)


def changes(before: Mapping[Key, Object], after: Mapping[Key, Object]) -> tuple[Change, ...]:
    return tuple(
        Change(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )


def test_each_step_publishes_a_few_parts() -> None:
    world, had = World(), 0
    for _ in world.engine.steps(changes(BEFORE, AFTER), DEFAULT_MESH_CONFIG):
        have = sum(map(world.has_subset, range(NAMESPACES)))
        assert have - had <= PARTS_AT_ONCE
        had = have
    assert had == NAMESPACES


def test_a_part_changes_as_a_whole() -> None:
    """A route must not name a cluster that is sent a step later."""
    world = World()
    for _ in world.engine.steps(changes(BEFORE, AFTER), DEFAULT_MESH_CONFIG):
        for number in range(NAMESPACES):
            assert world.has_subset(number) == world.routes_to_subset(number)


def test_who_connects_meanwhile_is_given_the_newest_as_a_whole() -> None:
    world = World()
    steps = world.engine.steps(changes(BEFORE, AFTER), DEFAULT_MESH_CONFIG)
    next(steps)
    last, new = NAMESPACES - 1, NAMESPACES
    assert not world.has_subset(last)
    for number in (last, new):
        world.engine.select(proxy(number))
        assert world.has_subset(number)
        assert world.routes_to_subset(number)
    assert [*steps]
    verify(world.engine, world.publisher, AFTER, DEFAULT_MESH_CONFIG)


def test_who_leaves_meanwhile_is_not_published_for() -> None:
    world = World()
    world.engine.collect()
    steps = world.engine.steps(changes(BEFORE, AFTER), DEFAULT_MESH_CONFIG)
    next(steps)
    world.engine.collect()
    assert [*steps]
    assert not world.publisher.keys()
