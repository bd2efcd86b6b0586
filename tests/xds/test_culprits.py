"""What belongs together in a response, and whom the client's words name."""

import pytest
from envoy.config.route.v3.route_components_pb2 import VirtualHost

from tests.xds.resources import cluster
from tests.xds.rules import rules
from xds.culprits import atoms, domains, named
from xds.past import Past
from xds.resource import Resource, resource
from xds.search import Atom
from xds.standing import NEVER
from xds.types import CDS, VHDS


def host(name: str, *found: str) -> Resource:
    return resource(VHDS, name, VirtualHost(name=name, domains=found))


def groups(
    entries: list[Resource], removed: list[str], past: Past, base: int = NEVER
) -> list[list[str]]:
    return [
        [*(name for name, _ in atom.contents), *(f"-{name}" for name in atom.removed)]
        for atom in atoms(VHDS, entries, removed, past=past, base=base)
    ]


def alone(*names: str) -> tuple[Atom, ...]:
    return tuple(Atom(contents=((name, "v"),)) for name in names)


def test_clusters_can_be_sent_one_by_one() -> None:
    found = atoms(CDS, [cluster("b"), cluster("a")], ["c"], past=Past(), base=NEVER)
    assert [[name for name, _ in atom.contents] for atom in found] == [["a"], ["b"]]


@rules("X-129")
def test_who_gets_a_domain_travels_with_who_gives_it_up() -> None:
    past = Past()
    past.note(host("r/a", "moves", "stays"), 2)
    entries = [host("r/a", "stays"), host("r/b", "moves"), host("r/c", "other")]
    assert groups(entries, [], past) == [["r/a", "r/b"], ["r/c"]]


@rules("X-129")
def test_a_removed_virtual_host_travels_with_who_gets_its_domain() -> None:
    past = Past()
    past.note(host("r/a", "moves"), 2)
    past.note(host("r/z", "nobody's"), 2)
    assert groups([host("r/b", "moves")], ["r/a", "r/z"], past) == [["r/b", "-r/a"]]


def test_several_moves_make_one_group() -> None:
    past = Past()
    past.note(host("r/a", "one", "two"), 2)
    past.note(host("r/b", "three"), 2)
    entries = [host("r/a"), host("r/b", "one"), host("r/c", "two"), host("r/d", "three")]
    assert groups(entries, [], past) == [["r/a", "r/b", "r/c", "r/d"]]


def test_domains_of_another_route_configuration_are_others() -> None:
    past = Past()
    past.note(host("r/a", "moves"), 2)
    assert groups([host("r/a"), host("s/b", "moves")], [], past) == [["r/a"], ["s/b"]]


@rules("X-128")
def test_two_that_want_one_domain_are_no_group() -> None:
    past = Past()
    past.note(host("r/a", "both"), 2)
    assert groups([host("r/a", "both"), host("r/b", "both")], [], past) == [["r/a"], ["r/b"]]


def test_what_the_client_has_left_behind_does_not_count() -> None:
    past = Past()
    past.note(host("r/a", "once"), 2)
    past.note(host("r/a", "since"), 5)
    entries = [host("r/a"), host("r/b", "once"), host("r/c", "since")]
    assert groups(entries, [], past, base=3) == [["r/a", "r/c"], ["r/b"]]


def test_the_past_is_bounded_per_name_and_in_bytes() -> None:
    past = Past(max_bytes=1000)
    for generation in range(50):
        past.note(host("r/a", f"d{generation}"), generation)
    assert past.domains("r/a", after=NEVER) < {f"d{generation}" for generation in range(50)}
    assert "d49" in past.domains("r/a", after=NEVER)
    past.note(host("r/b", "x" * 900), 51)
    assert not past.domains("r/a", after=NEVER)


def test_a_change_in_many_parts_is_one() -> None:
    past = Past(max_bytes=500)
    entry = host("r/a", "d")
    past.note(host("r/z", "z"), 1)
    for _ in range(100):
        past.note(entry, 2)
    assert past.domains("r/z", after=NEVER) == {"z"}
    assert past.domains("r/a", after=NEVER) == {"d"}


@rules("X-30")
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Error adding/updating cluster(s) b: cannot be made., c: neither", ["b", "c"]),
        ('goo.gle/debugstr   \nname: "outbound|80||x.y"\ntype: EDS\n: Proto', ["outbound|80||x.y"]),
        ("error adding listener: 'c' has duplicate address '/front'", ["c"]),
        ("abc is not b-c", []),
        ("", []),
    ],
)
def test_names_are_found_in_what_envoy_says(message: str, expected: list[str]) -> None:
    found = named(alone("b", "c", "outbound|80||x.y"), message, {})
    assert found == set(alone(*expected))


@rules("X-30")
def test_a_virtual_host_is_found_by_its_domain() -> None:
    message = "Only unique values for domains are permitted. Duplicate entry of domain d.test in r"
    aliases = {"r/a": domains(host("r/a", "a.test")), "r/d": domains(host("r/d", "d.test"))}
    assert named(alone("r/a", "r/d"), message, aliases) == set(alone("r/d"))
