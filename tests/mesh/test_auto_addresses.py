"""Addresses that nobody wrote: the same everywhere, whatever came first."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from crds.meta import Key
from mesh.advance import advance as advance_mesh
from mesh.auto_addresses import PLACES, Claim, Table, advance
from mesh.mesh import Mesh
from tests.meshes import additions, mesh_of, objects_of


def claim(name: str, created: str = "~") -> Claim:
    key = Key("networking.istio.io", "ServiceEntry", "shop", name)
    return Claim((created, name, "shop"), key, f"{name}.example.com")


def table(*claims: Claim, size: int = 8) -> Table:
    return advance(Table(size=size), (), claims)[0]


def test_an_address_of_each_family_is_allocated() -> None:
    one = claim("a")
    found = advance(Table(), (), [one])[0].addresses(one)
    assert [ip_address(each).version for each in found] == [4, 6]
    assert ip_address(found[0]) in ip_network("240.240.0.0/16")
    assert ip_address(found[1]) in ip_network("2001:2::/48")


def test_an_unknown_claim_has_none() -> None:
    assert Table().addresses(claim("a")) == ()


def test_every_claim_has_an_address_of_its_own() -> None:
    claims = [claim(f"e{i}") for i in range(8)]
    full = table(*claims)
    assert len({full.addresses(each) for each in claims}) == 8


def test_who_comes_too_late_waits_until_another_goes() -> None:
    claims = [claim(f"e{i}", f"{i}") for i in range(3)]
    full = table(*claims, size=2)
    assert full.addresses(claims[2]) == ()
    after, moved = advance(full, [claims[0]], ())
    assert after.addresses(claims[2]) != ()
    assert claims[2] in moved


def test_what_stays_the_same_is_the_same_table() -> None:
    one = table(claim("a"))
    assert advance(one, [claim("a")], [claim("a")]) == (one, set())


def test_one_that_waits_can_go() -> None:
    claims = [claim(f"e{i}", f"{i}") for i in range(3)]
    assert advance(table(*claims, size=2), [claims[2]], ())[0] == table(*claims[:2], size=2)


def entry(number: int) -> str:
    created = f"'2026-01-0{number % 2 + 1}'"
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: e, namespace: n{number}, creationTimestamp: {created}}}\n"
        "spec: {hosts: [a.example.com], resolution: DNS,"
        " ports: [{number: 80, name: http, protocol: HTTP}]}\n"
    )


def address(mesh: Mesh, number: int) -> str:
    (found,) = (s for s in mesh.services.at("a.example.com") if s.namespace == f"n{number}")
    return found.addresses[0]


def test_an_older_entry_takes_its_place_from_a_younger_one() -> None:
    """Of two entries that are led to one address, in whatever order they come."""
    alone: dict[str, list[int]] = {}
    pair: tuple[int, int] | None = None
    for number in range(4 * int(PLACES**0.5)):
        seen = alone.setdefault(address(mesh_of(entry(number)), number), [])
        pair = next(((o, number) for o in seen if o % 2 != number % 2), pair)
        seen.append(number)
    assert pair is not None
    older, younger = sorted(pair, key=lambda number: number % 2)
    first = mesh_of(entry(younger))
    mesh, _ = advance_mesh(first, additions(objects_of(entry(older))), first.config)
    assert address(mesh, older) == address(first, younger) != address(mesh, younger)
    assert mesh.services == mesh_of(entry(older) + entry(younger)).services


edits = st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=40)


@given(edits)
def test_the_order_of_edits_does_not_matter(steps: list[tuple[int, bool]]) -> None:
    """Two replicas that saw the same end state after different edits give the same addresses, and
    each step names all that moved.
    """
    claims = [claim(f"e{i}", f"{i % 3}") for i in range(12)]
    now, there = Table(size=8), set[Claim]()
    for number, goes in steps:
        one = claims[number]
        after = there - {one} if goes else there | {one}
        new, moved = advance(now, there - after, after - there)
        for each in there & after:
            assert (new.addresses(each) != now.addresses(each)) <= (each in moved)
        now, there = new, after
    assert now == table(*sorted(there, key=str, reverse=True))
