"""Which filter chain takes a connection: rules as Envoy can find them."""

import pytest

from mesh.l4_routing import L4Rule
from mesh.routing import Missing, Target
from tests.translator.inputs import target
from tests.translator.unpacked import tcp
from translator import tcp_proxy
from translator.filter_chains import Entry, can_match, filter_chains, table

V1, V2, V3 = ((target(name),) for name in ("v1", "v2", "v3"))
Expected = dict[Entry, tuple[Target | Missing, ...]]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), {}),
        ((L4Rule(targets=V1),), {Entry(): V1}),
        (
            (L4Rule(targets=V1, sni_hosts=("a.b",)), L4Rule(targets=V2, sni_hosts=("*.b",))),
            {Entry(name="a.b"): V1, Entry(name="*.b"): V2},
        ),
        (
            (L4Rule(targets=V2, sni_hosts=("*.b",)), L4Rule(targets=V1, sni_hosts=("a.b",))),
            {Entry(name="*.b"): V2, Entry(name="a.b"): V2},
        ),
        (
            (L4Rule(targets=V1, subnets=("10.1.0.0/16",)), L4Rule(targets=V2)),
            {Entry(): V2, Entry("10.1.0.0/16"): V1},
        ),
        (
            (
                L4Rule(targets=V1, subnets=("10.0.0.0/8",)),
                L4Rule(targets=V2, subnets=("10.1.0.0/16", "fd00::/8")),
            ),
            {Entry("10.0.0.0/8"): V1, Entry("10.1.0.0/16"): V1, Entry("fd00::/8"): V2},
        ),
        (
            (
                L4Rule(targets=V1, subnets=("10.0.0.0/8",), sni_hosts=("a.b",)),
                L4Rule(targets=V2, sni_hosts=("c.b",)),
                L4Rule(targets=V3),
            ),
            {
                Entry(name="c.b"): V2,
                Entry(): V3,
                Entry("10.0.0.0/8", "a.b"): V1,
                Entry("10.0.0.0/8", "c.b"): V2,
                Entry("10.0.0.0/8"): V3,
            },
        ),
    ],
    ids=[
        "none",
        "one for all",
        "the exact name first",
        "the wildcard first: it takes all",
        "an address before all others",
        "the wide block first: it takes all, of its family",
        "what one block lacks, the rules for all addresses have",
    ],
)
def test_the_most_specific_entry_is_the_first_rule(
    rules: tuple[L4Rule, ...], expected: Expected
) -> None:
    """Envoy looks for the most specific one and never turns back, and the first rule counts."""
    assert {entry: goal.targets for entry, goal in table(rules).items()} == expected


@pytest.mark.parametrize(
    ("name", "possible"),
    [("a.b", True), ("*.b", True), ("*-a.b", False), ("*", False), ("", False), ("*.*.b", False)],
)
def test_what_envoy_takes_for_a_server_name(name: str, possible: bool) -> None:
    assert can_match(name) is possible


def test_names_that_lead_to_one_place_share_a_chain() -> None:
    made = filter_chains(
        table(
            (
                L4Rule(targets=V1, sni_hosts=("b.c", "a.c")),
                L4Rule(targets=V2, subnets=("10.0.0.0/8",)),
                L4Rule(targets=V1),
            )
        ),
        lambda targets: (tcp_proxy.to_targets(targets),),
    )
    found = [
        (
            tcp(chain.filters[0]).cluster.split("|")[2],
            [f"{p.address_prefix}/{p.prefix_len.value}" for p in m.prefix_ranges],
            list(m.server_names),
            m.transport_protocol,
        )
        for chain in made
        for m in [chain.filter_chain_match]
    ]
    assert found == [
        ("v1", [], ["a.c", "b.c"], "tls"),
        ("v1", [], [], ""),
        ("v1", ["10.0.0.0/8"], ["a.c", "b.c"], "tls"),
        ("v2", ["10.0.0.0/8"], [], ""),
    ]
    assert not made[1].HasField("filter_chain_match")
