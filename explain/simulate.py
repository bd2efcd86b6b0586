"""What a sidecar would do with a request or a connection, worked out from its configuration.

It follows Envoy's documented rules over the generated messages: listener by destination, filter
chain, virtual host by domain, the first route that matches, its clusters and their shares. It
knows what our translator emits and raises `Unexplained` of anything else, so no field is skipped in
silence. The real Envoy has the last word (tests/test_simulator_agrees.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

import re2  # type: ignore[import-untyped]  # google-re2 ships no types
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import (
    HeaderMatcher,
    QueryParameterMatcher,
    RedirectAction,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from explain.errors import Unexplained, must
from explain.filter_chain_match import Connection, chosen, is_at, is_heard
from explain.http_filters import filtered
from explain.rbac import metadata_matches
from explain.request import SCHEME_PORTS, Request
from explain.sent_headers import sent_headers
from translator import names
from translator.config import Config
from translator.http_messages import HttpConnectionManager
from translator.provenance import Provenance, provenance
from translator.translate import in_place

ANY = "0.0.0.0"
CHAIN, VIRTUAL_HOST, ROUTE = "filter chain", "virtual host", "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where it went. `clusters` are shares that add up to 1; `status` is set if it was answered on
    the spot, and `location` if that is a redirect. `aborts`: the share that gets a status instead.

    `authorities` are the hosts that each cluster may be asked for, `headers` what it is sent, and
    `position` which route it was;
    `chain` is the filter chain. `made_by` says of it, the virtual host and the route what they say
    of their objects.
    """

    listener: str
    virtual_host: str = ""
    route: str = ""
    clusters: Mapping[str, float] = field(default_factory=dict)
    status: int = 0
    body: str = ""
    location: str = ""
    path: str = ""
    authorities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    aborts: Mapping[int, float] = field(default_factory=dict)
    position: int = -1
    chain: str = ""
    made_by: Mapping[str, Provenance] = field(default_factory=dict, compare=False)

    @property
    def authority(self) -> str:
        """The only host that is asked for."""
        (only,) = frozenset[str]().union(*self.authorities.values())
        return only

    @property
    def cluster(self) -> str:
        """The only cluster."""
        (only,) = self.clusters
        return only


def send(config: Config, request: Request) -> Outcome:
    """What the client's sidecar does with a request."""
    listener = _listener(config, request.address, request.port)
    chain = chosen(listener, Connection(request.address, request.port, speaks="http/1.1"))
    manager = manager_of(chain)
    if manager is None:
        return carried(listener, chain)
    outcome = decide(route_configuration(config, manager), request)
    made_by = {CHAIN: provenance(chain.metadata), **outcome.made_by}
    return replace(outcome, listener=listener.name, chain=chain.name, made_by=made_by)


def carried(listener: Listener, chain: FilterChain) -> Outcome:
    """What a chain does with a connection that it does not look into."""
    return Outcome(
        listener=listener.name,
        chain=chain.name,
        clusters=_tcp_clusters(chain),
        made_by={CHAIN: provenance(chain.metadata)},
    )


def decide(routes: RouteConfiguration, request: Request) -> Outcome:
    """What a route configuration, with its virtual hosts in place, does with a request."""
    host = _virtual_host(routes, request.authority)
    if host is None:
        return Outcome(listener="", status=404)
    made_by = {VIRTUAL_HOST: provenance(host.metadata)}
    if host.require_tls == VirtualHost.ALL and request.scheme == "http":
        location = f"https://{request.authority}{request.path}"
        return Outcome(
            listener="", virtual_host=host.name, status=301, location=location, made_by=made_by
        )
    for position, route in enumerate(host.routes):
        if _matches(route.match, request):
            outcome, made_by = (
                _acted(route, request),
                {**made_by, ROUTE: provenance(route.metadata)},
            )
            taken = replace(outcome, virtual_host=host.name, route=route.name, made_by=made_by)
            return replace(taken, position=position)
    return Outcome(listener="", virtual_host=host.name, status=404, made_by=made_by)


def connect(
    config: Config, address: str, port: int, *, sni: str = "", silent: bool = False
) -> Outcome:
    """What the client's sidecar does with a connection that is not HTTP; `sni` makes it TLS. One
    that is `silent` goes nowhere if the sidecar waits for its first bytes without end.
    """
    listener = _listener(config, address, port)
    speaks = "tls" if sni else ""
    connection = Connection(address, port, sni=sni, speaks=speaks, silent=silent)
    if not is_heard(listener, connection):
        return Outcome(listener=listener.name)
    return carried(listener, chosen(listener, connection))


def receive(config: Config, port: int, *, speaks: str = "http/1.1") -> Outcome:
    """Where the server's sidecar takes what arrives for a port of its workload, over iptables."""
    listener = next(each for each in config.listeners if each.name == names.VIRTUAL_INBOUND)
    chain = chosen(listener, Connection("10.1.0.1", port, speaks=speaks))
    manager = manager_of(chain)
    if manager is None:
        return Outcome(listener=listener.name, clusters=_tcp_clusters(chain))
    (host,) = manager.route_config.virtual_hosts
    route = next(each for each in host.routes if _matches(each.match, Request(authority="x")))
    return Outcome(listener=listener.name, clusters=_shares(route.route), route=route.name)


def endpoints(config: Config, cluster: str) -> list[str]:
    """The healthy addresses of an EDS cluster."""
    assignment = next(each for each in config.endpoints if each.cluster_name == cluster)
    sockets = (
        endpoint.endpoint.address.socket_address
        for locality in assignment.endpoints
        for endpoint in locality.lb_endpoints
        if not endpoint.health_status
    )
    return [f"{socket.address}:{socket.port_value}" for socket in sockets]


def _listener(config: Config, address: str, port: int) -> Listener:
    """Envoy's `use_original_dst`: the listener of the address, which the application may also have
    called itself, that of the port, its own.
    """
    by_name = {listener.name: listener for listener in config.listeners}
    own, any_address = names.listener(address, port), names.listener(ANY, port)
    if own in by_name:
        return by_name[own]
    if names.HTTP_PROXY in by_name:
        return by_name[names.HTTP_PROXY]
    if any_address in by_name and is_at(by_name[any_address], address):
        return by_name[any_address]
    return by_name[names.VIRTUAL_OUTBOUND]


def _tcp_clusters(chain: FilterChain) -> Mapping[str, float]:
    proxy = TcpProxy()
    must(chain.filters[-1].typed_config.Unpack(proxy), "a chain that carries nothing on")
    if proxy.cluster:
        return {proxy.cluster: 1.0}
    return _fractions((each.name, each.weight) for each in proxy.weighted_clusters.clusters)


def _fractions(weighted: Iterable[tuple[str, int]]) -> Mapping[str, float]:
    pairs = list(weighted)
    total = sum(weight for _, weight in pairs)
    shares: dict[str, float] = {}
    for name, weight in pairs:
        shares[name] = shares.get(name, 0.0) + weight / total
    return shares


def manager_of(chain: FilterChain) -> HttpConnectionManager | None:
    """What a chain routes requests by; nothing if it carries connections as they are."""
    manager = HttpConnectionManager()
    return manager if chain.filters[-1].typed_config.Unpack(manager) else None


def route_configuration(config: Config, manager: HttpConnectionManager) -> RouteConfiguration:
    """The routes of a connection manager, with the virtual hosts in place."""
    wanted = manager.rds.route_config_name
    return next(route for route in in_place(config).routes if route.name == wanted)


def _virtual_host(routes: RouteConfiguration, authority: str) -> VirtualHost | None:
    """Envoy's order: exact, the longest `*suffix`, the longest `prefix*`, `*`."""
    host = authority.lower()
    if routes.ignore_port_in_host_matching:
        host = without_port(host)
    domains = [(domain, each) for each in routes.virtual_hosts for domain in each.domains]
    ranked = [(_domain_rank(domain.lower(), host), each) for domain, each in domains]
    found = [(rank, each) for rank, each in ranked if rank is not None]
    must(len({rank for rank, _ in found}) == len(found), "two virtual hosts with one domain")
    return min(found, key=lambda pair: pair[0])[1] if found else None


def without_port(host: str) -> str:
    """A host, as it was asked for, without the port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and not name.endswith(":") else host


def _domain_rank(domain: str, host: str) -> tuple[int, int] | None:
    if domain == "*":
        return 3, 0
    if domain == host:
        return 0, 0
    if domain.startswith("*") and host.endswith(domain[1:]) and len(host) > len(domain) - 1:
        return 1, -len(domain)
    if domain.endswith("*") and host.startswith(domain[:-1]) and len(host) > len(domain) - 1:
        return 2, -len(domain)
    return None


def _matches(match: RouteMatch, request: Request) -> bool:
    return (
        _path_matches(match, request.path)
        and all(_header_matches(each, request) for each in match.headers)
        and all(_query_matches(each, request.path) for each in match.query_parameters)
        and all(metadata_matches(each, request.claims) for each in match.dynamic_metadata)
    )


def _path_matches(match: RouteMatch, path: str) -> bool:
    if match.HasField("connect_matcher"):
        return False  # for tunnels: there is no such request here
    plain = path.partition("?")[0]  # a query is never part of the path
    folds = match.HasField("case_sensitive") and not match.case_sensitive.value
    same = str.lower if folds else str
    match match.WhichOneof("path_specifier"):
        case "path":
            return same(plain) == same(match.path)
        case "prefix":
            return same(plain).startswith(same(match.prefix))
        case "safe_regex":
            return re2.fullmatch(match.safe_regex.regex, plain) is not None
        case other:
            raise Unexplained(f"a field {other}")


def _header_matches(matcher: HeaderMatcher, request: Request) -> bool:
    value = request.header(matcher.name)
    if matcher.WhichOneof("header_match_specifier") == "present_match":
        return ((value is not None) == matcher.present_match) != matcher.invert_match
    if value is None and not matcher.treat_missing_header_as_empty:
        return False  # whatever is asked: what is not there is not compared
    return _string_matches(matcher.string_match, value or "") != matcher.invert_match


def _query_matches(matcher: QueryParameterMatcher, path: str) -> bool:
    values = dict(reversed(parse_qsl(path.partition("?")[2], keep_blank_values=True)))
    if matcher.WhichOneof("query_parameter_match_specifier") == "present_match":
        return (matcher.name in values) == matcher.present_match
    return matcher.name in values and _string_matches(matcher.string_match, values[matcher.name])


def _string_matches(matcher: StringMatcher, value: str) -> bool:
    match matcher.WhichOneof("match_pattern"):
        case "exact":
            return value == matcher.exact
        case "prefix":
            return value.startswith(matcher.prefix)
        case "safe_regex":
            return re2.fullmatch(matcher.safe_regex.regex, value) is not None
        case other:
            raise Unexplained(f"a field {other}")


def _acted(route: Route, request: Request) -> Outcome:
    before = filtered(route, request.method, request.header, _string_matches)
    if before.status:
        return Outcome(listener="", status=before.status)
    match route.WhichOneof("action"):
        case "route":
            clusters = _shares(route.route)
            return Outcome(
                listener="",
                clusters=clusters,
                headers={each: sent_headers(route, each, request.headers) for each in clusters},
                path=_rewritten(route, request.path),
                authorities=_authorities(route.route, request),
                aborts=before.aborts,
            )
        case "direct_response":
            return Outcome(
                listener="",
                status=route.direct_response.status,
                body=route.direct_response.body.inline_string,
            )
        case "redirect":
            return Outcome(
                listener="",
                status=_CODES[route.redirect.response_code],
                location=_location(route.redirect, route.match, request),
            )
        case other:
            raise Unexplained(f"a field {other}")


def _authorities(action: RouteAction, request: Request) -> Mapping[str, frozenset[str]]:
    """The route's own rewrite comes after that of a weighted cluster, of which several may be the
    same cluster.
    """
    shares = action.weighted_clusters.clusters
    every = [(c.name, c.host_rewrite_literal) for c in shares] or [(action.cluster, "")]
    own = action.host_rewrite_literal
    asked: dict[str, frozenset[str]] = {}
    for name, rewrite in every:
        asked[name] = asked.get(name, frozenset()) | {own or rewrite or request.authority}
    return asked


def _shares(action: RouteAction) -> Mapping[str, float]:
    if action.cluster:
        return {action.cluster: 1.0}
    return _fractions((each.name, each.weight.value) for each in action.weighted_clusters.clusters)


def _rewritten(route: Route, path: str) -> str:
    plain, mark, query = path.partition("?")
    if route.route.HasField("regex_rewrite"):
        rewrite = route.route.regex_rewrite
        plain = re2.sub(rewrite.pattern.regex, rewrite.substitution, plain)
    elif route.route.prefix_rewrite:
        plain = _replaced(route.match, route.route.prefix_rewrite, plain)
    return plain + mark + query


def _replaced(match: RouteMatch, replacement: str, path: str) -> str:
    """A prefix match replaces the prefix, any other match the whole path."""
    return replacement + path[len(match.prefix) :] if match.prefix else replacement


_CODES: Sequence[int] = (301, 302, 303, 307, 308)


def _location(action: RedirectAction, match: RouteMatch, request: Request) -> str:
    scheme = action.scheme_redirect or request.scheme
    host = action.host_redirect or without_port(request.authority)
    port = action.port_redirect or _kept_port(action, request)
    plain, mark, query = request.path.partition("?")
    path = action.path_redirect or plain
    if action.prefix_rewrite:
        path = _replaced(match, action.prefix_rewrite, plain)
    kept = "" if "?" in path else mark + query
    return f"{scheme}://{host}{f':{port}' if port else ''}{path}{kept}"


def _kept_port(action: RedirectAction, request: Request) -> int:
    """The request's own port stays, unless host or scheme changed away from what implied it."""
    port = request.authority.rpartition("]")[2].partition(":")[2]
    if action.host_redirect or not port:
        return 0
    swapped = action.scheme_redirect and int(port) == SCHEME_PORTS[request.scheme]
    return 0 if swapped else int(port)
