"""How Envoy finds out what a connection speaks before it chooses a filter chain.

The inspectors look at the first bytes that the client sends, so they wait for them: without end, or
as long as `protocolDetectionTimeout` says, and then the connection is carried as one that told
nothing. A protocol in which the server speaks first must therefore say so in its port's name.
"""

from collections.abc import Iterable, Sequence

from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.listener.v3.listener_components_pb2 import (
    Filter,
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
)
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
from envoy.type.v3.range_pb2 import Int32Range
from google.protobuf.duration_pb2 import Duration as DurationMessage

from crds.meta import Key
from crds.scalars import Duration
from translator import pb
from translator.filter_chains import Table, cidr_range
from translator.provenance import metadata

NO_TIMEOUT = Duration(0)

PLAINTEXT_HTTP = ("http/1.1", "h2c")
"""What the HTTP inspector finds. HTTP/1.0 is carried without being looked into: Envoy would refuse
it (Istio's default, too).
"""


def listener_filters(
    *, tls: bool, http: bool, except_at: Iterable[int] = ()
) -> tuple[ListenerFilter, ...]:
    """The inspectors that a listener needs; that of TLS comes first, for TLS is no HTTP.
    `except_at`: ports whose connections are not to wait for that of HTTP.
    """
    return (*((_tls_inspector(),) if tls else ()), *((http_inspector(except_at),) if http else ()))


def _tls_inspector() -> ListenerFilter:
    return ListenerFilter(
        name="envoy.filters.listener.tls_inspector", typed_config=pb.any_of(TlsInspector())
    )


def http_inspector(except_at: Iterable[int] = ()) -> ListenerFilter:
    """`except_at`: ports whose connections are not to wait for it."""
    return ListenerFilter(
        name="envoy.filters.listener.http_inspector",
        typed_config=pb.any_of(HttpInspector()),
        filter_disabled=_at(sorted(set(except_at))),
    )


def _at(ports: Sequence[int]) -> ListenerFilterChainMatchPredicate | None:
    each = [
        ListenerFilterChainMatchPredicate(
            destination_port_range=Int32Range(start=port, end=port + 1)
        )
        for port in ports
    ]
    if len(each) < 2:
        return each[0] if each else None
    return ListenerFilterChainMatchPredicate(
        or_match=ListenerFilterChainMatchPredicate.MatchSet(rules=each)
    )


def timeout(detection_timeout: Duration) -> DurationMessage:
    """How long the inspectors wait: 0 is without end."""
    return pb.duration(detection_timeout)


def ends(detection_timeout: Duration) -> bool:
    """Whether the inspectors give up; the connection is then carried on."""
    return detection_timeout > NO_TIMEOUT


def by_name(entries: Table) -> bool:
    """Whether connections are told by the server name in their TLS."""
    return any(entry.name for entry in entries)


def http_chains(requests: Filter, beside: Table, of: Key | None = None) -> tuple[FilterChain, ...]:
    """The chain for plaintext requests, of the service at the address if there is one. Envoy looks
    at addresses first: where other chains are for some, requests to those need a chain of their
    own.
    """
    transport = "raw_buffer" if by_name(beside) else ""  # else TLS that offers http/1.1 is taken
    blocks = tuple(dict.fromkeys(entry.block for entry in beside if entry.block))
    told = metadata(of=of)
    chains = [_http_chain("http", transport, (), requests, told)]
    if blocks:
        chains.append(_http_chain("http-at-addresses", transport, blocks, requests, told))
    return tuple(chains)


def _http_chain(
    name: str, transport: str, blocks: Iterable[str], requests: Filter, told: Metadata | None
) -> FilterChain:
    return FilterChain(
        name=name,
        filter_chain_match=FilterChainMatch(
            prefix_ranges=[cidr_range(block) for block in blocks],
            transport_protocol=transport,
            application_protocols=PLAINTEXT_HTTP,
        ),
        filters=(requests,),
        metadata=told,
    )
