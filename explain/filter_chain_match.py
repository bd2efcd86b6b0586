"""Which filter chain Envoy chooses for a connection, by its documented order: destination port,
longest block of addresses, most specific server name, transport, application protocol. What has
matched once is not gone back on; the default filter chain is for what matches none in the end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from envoy.config.listener.v3.listener_components_pb2 import (
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
)
from envoy.config.listener.v3.listener_pb2 import Listener

from explain.errors import must

KNOWN = frozenset(
    (
        "destination_port",
        "prefix_ranges",
        "server_names",
        "transport_protocol",
        "application_protocols",
    )
)
INSPECTORS = frozenset(("tls_inspector", "http_inspector"))


@dataclass(frozen=True, slots=True)
class Connection:
    """Where it goes, and what its first bytes show: `http/1.1`, `h2c`, `tls`, or nothing that
    anyone knows. `alpn` is what its TLS offers; `silent`: it waits for the server to speak.
    """

    address: str
    port: int
    sni: str = ""
    speaks: str = ""
    alpn: tuple[str, ...] = ()
    silent: bool = False


def is_at(listener: Listener, address: str) -> bool:
    """Whether a listener of any address is one for this address too: Envoy looks by family."""
    every = (listener.address, *(each.address for each in listener.additional_addresses))
    own = {ip_address(each.socket_address.address) for each in every}
    return any(ip_address(address).version == each.version for each in own)


def is_heard(listener: Listener, connection: Connection) -> bool:
    """Whether it is ever carried on: inspectors wait for its first bytes, perhaps without end."""
    waiting = connection.silent and _inspectors(listener, connection)
    return not waiting or listener.continue_on_listener_filters_timeout


def chosen(listener: Listener, connection: Connection) -> FilterChain:
    """The chain, without a name, filters or anything if none takes the connection. Raises
    `Unexplained` of a match that is not known, so nothing is skipped.
    """
    for chain in listener.filter_chains:
        said = {field.name for field, _ in chain.filter_chain_match.ListFields()}
        must(said <= KNOWN, f"a match by {sorted(said - KNOWN)}")
    inspected = _inspectors(listener, connection)
    tls = connection.speaks == "tls" and "tls_inspector" in inspected
    sni = connection.sni.lower() if tls else ""
    http = connection.speaks not in ("", "tls") and "http_inspector" in inspected
    found: Iterable[FilterChain] = listener.filter_chains
    found = _narrowed(found, lambda m: _port_rank(m, connection.port))
    found = _narrowed(found, lambda m: _block_rank(m, connection.address))
    found = _narrowed(found, lambda m: _name_rank(m, sni))
    transport = "tls" if tls else "raw_buffer"
    found = _narrowed(found, lambda m: _word_rank((m.transport_protocol,), transport))
    offered = (connection.speaks,) if http else connection.alpn if tls else ()
    found = _narrowed(found, lambda m: _word_rank(m.application_protocols, *offered))
    chains = list(found)
    must(len(chains) <= 1, "two filter chains with one match")
    return chains[0] if chains else listener.default_filter_chain


def _narrowed(
    chains: Iterable[FilterChain], rank: Callable[[FilterChainMatch], int | None]
) -> list[FilterChain]:
    """Those with the best rank; `None` is no match."""
    ranked = [
        (found, chain) for chain in chains if (found := rank(chain.filter_chain_match)) is not None
    ]
    best = max((found for found, _ in ranked), default=0)
    return [chain for found, chain in ranked if found == best]


def _port_rank(match: FilterChainMatch, port: int) -> int | None:
    if not match.HasField("destination_port"):
        return 0
    return 1 if match.destination_port.value == port else None


def _block_rank(match: FilterChainMatch, address: str) -> int | None:
    if not match.prefix_ranges:
        return 0
    blocks = (f"{each.address_prefix}/{each.prefix_len.value}" for each in match.prefix_ranges)
    lengths = [1 + b.prefixlen for b in map(ip_network, blocks) if ip_address(address) in b]
    return max(lengths, default=None)


def _name_rank(match: FilterChainMatch, sni: str) -> int | None:
    if not match.server_names:
        return 0
    ranks = [_one_name_rank(name, sni) for name in match.server_names]
    return max((rank for rank in ranks if rank is not None), default=None)


def _one_name_rank(name: str, sni: str) -> int | None:
    if name == sni:
        return 1000
    must("*" not in name.removeprefix("*."), "a wildcard within a label")
    return len(name) if name.startswith("*.") and sni.endswith(name[1:]) else None


def _word_rank(wanted: Iterable[str], *words: str) -> int | None:
    asked = set(filter(None, wanted))
    if not asked:
        return 0
    return 1 if asked.intersection(words) else None


def _inspectors(listener: Listener, connection: Connection) -> set[str]:
    return {
        name
        for each in listener.listener_filters
        if (name := each.name.rpartition(".")[2]) in INSPECTORS
        and not _is_disabled(each, connection.port)
    }


def _is_disabled(each: ListenerFilter, port: int) -> bool:
    return each.HasField("filter_disabled") and _holds(each.filter_disabled, port)


def _holds(predicate: ListenerFilterChainMatchPredicate, port: int) -> bool:
    if predicate.HasField("or_match"):
        return any(_holds(rule, port) for rule in predicate.or_match.rules)
    ports = predicate.destination_port_range
    return ports.start <= port < ports.end
