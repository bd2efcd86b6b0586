"""Which filter chain takes a connection, of those that carry it on without looking into it.

Envoy does not go through filter chains in order: it looks for the longest block of addresses, there
for the most specific server name, and never turns back. So the rules of one host, of which the
first that matches counts, are written out in a table in which the most specific entry is that
first one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from types import MappingProxyType

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.core.v3.base_pb2 import Metadata, TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch

from crds.meta import Key
from mesh import hosts
from mesh.l4_routing import L4Rule
from mesh.routing import Missing, Target
from mesh.source import Source
from translator import pb
from translator.provenance import metadata

Targets = tuple[Target | Missing, ...]
ToTargets = Callable[[Targets], tuple[Filter, ...]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A block of addresses and a server name, each empty for any."""

    block: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where connections go, and which rule says so."""

    targets: Targets
    source: Source | None = None


Table = Mapping[Entry, Goal]
EMPTY_TABLE: Table = MappingProxyType({})


def table(rules: Sequence[L4Rule]) -> Table:
    """Where each connection goes by these rules."""
    blocks = dict.fromkeys(block for rule in rules for block in rule.subnets)
    return {
        Entry(block, name): goal
        for block in ("", *blocks)
        for name, goal in _by_name([rule for rule in rules if _covers_block(rule, block)])
    }


def _covers_block(rule: L4Rule, block: str) -> bool:
    return not rule.subnets or any(_is_within(block, subnet) for subnet in rule.subnets if block)


def _is_within(block: str, other: str) -> bool:
    inner, outer = ip_network(block), ip_network(other)
    return outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def _by_name(rules: Sequence[L4Rule]) -> Iterator[tuple[str, Goal]]:
    names = dict.fromkeys(name for rule in rules for name in rule.sni_hosts if can_match(name))
    for name in (*names, ""):
        first = next((rule for rule in rules if _covers_name(rule, name)), None)
        if first is not None:
            yield name, Goal(first.targets, first.source)


def _covers_name(rule: L4Rule, name: str) -> bool:
    if not rule.sni_hosts or name in rule.sni_hosts:
        return True
    return any(hosts.matches(each, name) for each in rule.sni_hosts if hosts.is_wildcard(each))


def can_match(name: str) -> bool:
    """Whether Envoy takes the server name: a wildcard must stand for whole labels, as in
    `*.example.com`.
    """
    return bool(name) and "*" not in name.removeprefix("*.")


def filter_chains(
    entries: Table,
    to_targets: ToTargets,
    tls: TransportSocket | None = None,
    *,
    only_tls: bool = False,
    of: Key | None = None,
) -> tuple[FilterChain, ...]:
    """A chain for each group of entries that differ in the server name only. The entry for all that
    is left has no match, but with `only_tls` takes only what is TLS. `tls` is how it ends here.
    They all are `of` one object.
    """
    groups: dict[tuple[str, bool, int], list[Entry]] = {}
    for entry, goal in entries.items():
        groups.setdefault((entry.block, not entry.name, id(goal.targets)), []).append(entry)
    return tuple(
        FilterChain(
            filter_chain_match=_match(block, [entry.name for entry in group], only_tls),
            filters=to_targets(entries[group[0]].targets),
            transport_socket=tls,
            metadata=_metadata(entries[group[0]].source, of),
        )
        for (block, *_), group in groups.items()
    )


def _metadata(source: Source | None, of: Key | None) -> Metadata | None:
    """Only the object: with the number of a rule, or of an edit, each edit that puts another rule
    before it would make Envoy drain the connections of the chain.
    """
    return metadata(source=Source(object=source.object) if source else None, of=of)


def _match(block: str, names: Iterable[str], only_tls: bool) -> FilterChainMatch | None:
    named = sorted(filter(None, names))
    if not block and not named and not only_tls:
        return None
    return FilterChainMatch(
        prefix_ranges=(cidr_range(block),) if block else (),
        server_names=named,
        transport_protocol="tls" if named or only_tls else "",
    )


def cidr_range(block: str) -> CidrRange:
    """A block such as `10.0.0.0/8`."""
    network = ip_network(block)
    return CidrRange(
        address_prefix=str(network.network_address), prefix_len=pb.uint32(network.prefixlen)
    )
