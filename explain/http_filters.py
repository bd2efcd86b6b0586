"""What the HTTP filters before the router do with a request: CORS first, then faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from envoy.config.route.v3.route_components_pb2 import Route
from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.v3.percent_pb2 import FractionalPercent

from explain.errors import must
from translator.filters import cors, fault, upstream_alpn

Header = Callable[[str], str | None]
Matches = Callable[[StringMatcher, str], bool]

_DENOMINATORS = {
    FractionalPercent.HUNDRED: 100,
    FractionalPercent.TEN_THOUSAND: 10_000,
    FractionalPercent.MILLION: 1_000_000,
}
KNOWN = {cors.NAME, fault.NAME, upstream_alpn.NAME}


@dataclass(frozen=True, slots=True)
class Filtered:
    """`status`: answered before the router. `aborts`: the share that gets each other status."""

    status: int = 0
    aborts: Mapping[int, float] = field(default_factory=dict)


def filtered(route: Route, method: str, header: Header, matches: Matches) -> Filtered:
    """What becomes of a request before it is routed."""
    unknown = set(route.typed_per_filter_config) - KNOWN
    must(not unknown, f"a route with filters {sorted(unknown)}")
    if cors.NAME in route.typed_per_filter_config and _is_answered(route, method, header, matches):
        return Filtered(status=200)
    if fault.NAME not in route.typed_per_filter_config:
        return Filtered()
    faults = HTTPFault()
    must(route.typed_per_filter_config[fault.NAME].Unpack(faults), "faults of another type")
    if not faults.HasField("abort"):
        return Filtered()
    percentage = faults.abort.percentage
    share = percentage.numerator / _DENOMINATORS[percentage.denominator]
    status = faults.abort.http_status or 200  # a gRPC status travels in a header
    return Filtered(status=status) if share == 1 else Filtered(aborts={status: share})


def _is_answered(route: Route, method: str, header: Header, matches: Matches) -> bool:
    """A preflight: of an allowed origin always, of another one if it is not to be forwarded."""
    origin = header("origin")
    if not origin or method != "OPTIONS" or not header("access-control-request-method"):
        return False
    policy = CorsPolicy()
    must(route.typed_per_filter_config[cors.NAME].Unpack(policy), "CORS of another type")
    allowed = any(
        matches(each, "*") or matches(each, origin) for each in policy.allow_origin_string_match
    )
    forwards = policy.forward_not_matching_preflights
    ignored = policy.HasField("forward_not_matching_preflights") and not forwards.value
    return allowed or ignored
