"""Virtual hosts and route configurations.

A virtual host is a resource of its own (VHDS): a route configuration is then only a skeleton that
says so. Its name is the resource's name, because Envoy otherwise acknowledges a removal and does
nothing; Istio's name for it is in the metadata. Unmatched requests get a 404: what comes after the
last rule is nobody's.
"""

from collections.abc import Iterable, Iterator, Sequence

from envoy.config.core.v3.base_pb2 import DataSource, Metadata
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration, Vhds
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import BoolValue

from crds.meta import Key
from crds.virtual_service import HTTPMatchRequest, HTTPRoute
from mesh.outgoing import UnknownTraffic
from mesh.routing import HttpRule, Missing, Target
from mesh.services import Protocol
from mesh.source import Source
from translator import headers, names, pb, tunnels
from translator.filters import cors, fault, upstream_alpn
from translator.provenance import metadata
from translator.retries import inbound_retry_policy
from translator.route_action import (
    MAX_BODY_BYTES,
    as_grpc_clients_ask,
    direct_response,
    forward,
    redirect,
    unavailable,
)
from translator.route_match import is_expressible, route_match
from translator.shares import Share, cluster_of, shares

STRIPPED = (
    "x-envoy-auth-failure-mode-allowed",
    "x-envoy-is-timeout-retry",
    "x-envoy-original-dst-host",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "x-istio-attributes",
)
"""What proxies of the mesh may say to each other and nobody outside to them, beside what Envoy
removes itself from requests of strangers.
"""

_EVERYTHING = HTTPMatchRequest()


def virtual_host(
    route_config: str,
    name: str,
    domains: Sequence[str],
    rules: Sequence[HttpRule],
    *,
    tunnel: Sequence[Target | Missing] = (),
    of: Key | None = None,
) -> VirtualHost:
    """The routes of one host at one port, and where a tunnel to it leads, if one may be opened.
    `name` is its `names.host_port`, `of` the service, if there is one.
    """
    listener_port = names.port_of(name)
    return VirtualHost(
        name=names.virtual_host(route_config, name),
        domains=domains,
        routes=[
            *((tunnels.opened(tunnel, metadata(of=of)),) if tunnel else ()),
            *(route for rule in rules for route in _routes(rule, listener_port)),
        ],
        include_request_attempt_count=True,
        metadata=metadata(config=None if of else _written_in(rules), of=of, name=name),
    )


def _written_in(rules: Sequence[HttpRule]) -> Key | None:
    """The object of a host that no service has: that of its first rule."""
    return next((rule.source.object for rule in rules if rule.source is not None), None)


def default_rules(target: Target, of: Key | None = None) -> tuple[HttpRule, ...]:
    """The rules of a host that no VirtualService speaks of: everything goes to the endpoints of the
    service itself, which it is `of`.
    """
    source = Source(object=of) if of is not None else None
    return (HttpRule(route=HTTPRoute(name="default"), targets=(target,), source=source),)


def _routes(rule: HttpRule, listener_port: int) -> Iterator[Route]:
    parts = shares(rule.targets)
    for match in filter(is_expressible, rule.matches or (_EVERYTHING,)):
        yield _route(rule, match, parts, listener_port)


def _route(
    rule: HttpRule, match: HTTPMatchRequest, parts: Sequence[Share], listener_port: int
) -> Route:
    http = rule.route
    only = parts[0].target if len(parts) == 1 else None
    own = (http.headers, only.headers if only else None)
    request = [each.request for each in own if each]
    response = [each.response for each in own if each]
    answered = http.redirect is not None or http.direct_response is not None
    return Route(
        name=".".join(filter(None, (http.name, match.name))),
        match=route_match(match),
        redirect=redirect(http.redirect, listener_port) if http.redirect else None,
        direct_response=None if http.redirect else _answer(rule, parts),
        route=forward(http, parts, rule.mirrors) if parts and not answered else None,
        stat_prefix=match.stat_prefix,
        request_headers_to_add=headers.to_add(*request),
        request_headers_to_remove=headers.to_remove(*request),
        response_headers_to_add=headers.to_add(*response),
        response_headers_to_remove=headers.to_remove(*response),
        typed_per_filter_config=_filter_config(http, only),
        metadata=metadata(source=rule.source),
    )


def _answer(rule: HttpRule, parts: Sequence[Share]) -> DirectResponseAction | None:
    """What is answered without any upstream: the rule's own response, or a 503 if there is no
    destination to go to.
    """
    if rule.route.direct_response:
        return direct_response(rule.route.direct_response)
    if parts:
        return None
    missing = [target.reason for target in rule.targets if isinstance(target, Missing)]
    return unavailable(missing or ["the rule sends to no destination"])


def _filter_config(http: HTTPRoute, only: Target | None) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if http.cors_policy:
        config[cors.NAME] = pb.any_of(cors.per_route(http.cors_policy))
    if only and only.detected:
        config[upstream_alpn.NAME] = pb.any_of(upstream_alpn.per_route())
    faults = fault.per_route(http.fault) if http.fault else None
    if faults:
        config[fault.NAME] = pb.any_of(faults)
    return config


def catch_all(route_config: str, unknown: UnknownTraffic, *, called: bool = False) -> VirtualHost:
    """Requests to hosts that the mesh does not know: passed through to where they were going, or to
    a proxy, or refused with a 502. `called`: they were going to the sidecar itself, as to its proxy
    port, so they are refused unless there is another proxy to send them to.
    """
    told = metadata(source=unknown.source)
    if unknown.proxy is not None:
        made = _to_proxy(unknown.proxy, told, opened=called)
        return _catch_all(route_config, "allow_any", made, unknown.source)
    if unknown.allowed and not called:
        made = _passed_on(names.PASSTHROUGH, told)
        return _catch_all(route_config, "allow_any", made, unknown.source)
    refusal = Route(
        name="block_all",
        match=RouteMatch(prefix="/"),
        direct_response=_refusal(unknown.allowed),
        metadata=told,
    )
    return _catch_all(route_config, refusal.name, (refusal,), unknown.source)


def _catch_all(
    route_config: str, name: str, made: Iterable[Route], source: Source | None
) -> VirtualHost:
    return VirtualHost(
        name=names.virtual_host(route_config, names.CATCH_ALL),
        domains=("*",),
        routes=made,
        include_request_attempt_count=True,
        metadata=metadata(source=source, name=name),
    )


def _passed_on(cluster: str, told: Metadata | None, only: Target | None = None) -> Iterator[Route]:
    yield tunnels.passed_on("allow_any_connect", cluster, told)
    yield Route(
        name="allow_any",
        match=RouteMatch(prefix="/"),
        route=RouteAction(cluster=cluster, timeout=pb.seconds(0)),
        typed_per_filter_config=_filter_config(HTTPRoute(), only),
        metadata=told,
    )


def _to_proxy(proxy: Target | Missing, told: Metadata | None, *, opened: bool) -> Iterator[Route]:
    """`opened`: who asks for a tunnel means a connection, which goes to the proxy as such."""
    if isinstance(proxy, Missing):
        yield tunnels.opened((proxy,), told)
        yield Route(
            name="allow_any",
            match=RouteMatch(prefix="/"),
            direct_response=unavailable((proxy.reason,)),
            metadata=told,
        )
        return
    tunnel, rest = _passed_on(cluster_of(proxy), told, proxy)
    yield tunnels.opened((proxy,), told) if opened else tunnel
    yield rest


def _refusal(allow_any: bool) -> DirectResponseAction:
    reason = (
        "what is called here leads to services of the mesh only: call other hosts themselves"
        if allow_any
        else "unknown hosts are blocked (outboundTrafficPolicy REGISTRY_ONLY)"
    )
    text = f"no service of the mesh has this host and port, and {reason}\n"
    return DirectResponseAction(status=502, body=DataSource(inline_string=text))


def route_configuration(
    name: str,
    *,
    vhds: bool,
    virtual_hosts: Sequence[VirtualHost] = (),
    merges: bool = False,
    stripped: Sequence[str] = (),
) -> RouteConfiguration:
    """With `vhds` a skeleton whose virtual hosts come as resources of their own, else complete.
    `stripped` are headers that no request goes on with.

    Only where it `merges` hosts of all ports do their domains say the port.
    """
    return RouteConfiguration(
        name=name,
        virtual_hosts=virtual_hosts,
        vhds=Vhds(config_source=pb.over_ads()) if vhds else None,
        ignore_port_in_host_matching=not merges,
        validate_clusters=BoolValue(value=False),
        max_direct_response_body_size_bytes=pb.uint32(MAX_BODY_BYTES),
        request_headers_to_remove=stripped,
    )


def own_route_configuration(
    name: str,
    rules: Sequence[HttpRule],
    tunnel: Target | None = None,
    of: Key | None = None,
) -> RouteConfiguration:
    """The requests to an address that is one host's own, whatever host they name; those for a
    tunnel go to `tunnel`. It is small, so its virtual host is in place. `name` is the host's
    `names.host_port`, `of` its service.
    """
    host = VirtualHost(
        name=name,
        domains=("*",),
        routes=[
            *(
                (tunnels.passed_on("connect", cluster_of(tunnel), metadata(of=of)),)
                if tunnel
                else ()
            ),
            *(route for rule in rules for route in _routes(rule, names.port_of(name))),
        ],
        include_request_attempt_count=True,
        metadata=metadata(of=of, name=name),
    )
    return route_configuration(name, vhds=False, virtual_hosts=(host,))


def inbound_route_configuration(port: int, protocol: Protocol) -> RouteConfiguration:
    """Everything that arrives at a port of the workload goes to its cluster, however long it
    takes.
    """
    return _to_cluster(names.inbound_cluster(port), f"inbound|http|{port}", protocol)


def inbound_passthrough_routes() -> RouteConfiguration:
    """Everything that arrives at a port of no service goes where it was meant to go."""
    return _to_cluster(names.INBOUND_PASSTHROUGH, "inbound|http|0", Protocol.UNSPECIFIED)


def _to_cluster(cluster: str, virtual_host: str, protocol: Protocol) -> RouteConfiguration:
    return RouteConfiguration(
        name=cluster,
        virtual_hosts=(
            VirtualHost(
                name=virtual_host,
                domains=("*",),
                routes=(
                    tunnels.passed_on("connect", cluster),
                    Route(
                        name="default",
                        match=RouteMatch(prefix="/"),
                        route=RouteAction(
                            cluster=cluster,
                            timeout=pb.seconds(0),
                            max_stream_duration=as_grpc_clients_ask(),
                            retry_policy=inbound_retry_policy(protocol),
                        ),
                    ),
                ),
            ),
        ),
        validate_clusters=BoolValue(value=False),
    )
