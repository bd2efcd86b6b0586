"""The rules that a client obeys for a host and port, with every reference resolved to a target or
to what is missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from crds.virtual_service import (
    Destination,
    Headers,
    HTTPMatchRequest,
    HTTPRoute,
    VirtualService,
)
from mesh import hosts
from mesh.delegates import unusable
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.destinations import NO_POLICY, Policy
from mesh.gateway_names import MESH, gateway_name
from mesh.mesh import Mesh, client
from mesh.scope import Scope, sidecar_of
from mesh.service_aliases import concrete
from mesh.services import Port, Protocol, Service
from mesh.source import Source
from mesh.visibility import reachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A destination that exists. `policy` is there for what ends up on the route (consistent
    hashing). `named_port`: a connection says in its TLS greeting where it wants to go, and this is
    the port there; 0 if not. `detected`: the port, of the mesh, does not say what it speaks.
    """

    host: str
    port: int
    subset: str = ""
    weight: int = 0
    headers: Headers | None = None
    policy: Policy = NO_POLICY
    named_port: int = 0
    detected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A destination that does not exist: its share of requests gets a clear 503.

    `code` is that of the problem (`unknown-subset`), `field` the part of the destination at fault,
    `reason` one sentence.
    """

    destination: str
    reason: str
    weight: int = 0
    code: str = "unknown-host"
    field: str = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A shadow destination and its share in percent (0 to 100)."""

    target: Target
    percent: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRule:
    """One `http` rule for one client and port.

    `matches` are the blocks that can apply here (port, gateways, sourceLabels and sourceNamespace
    are already evaluated);
    none means that the rule takes every request. `source` is where it was written.
    """

    route: HTTPRoute
    matches: tuple[HTTPMatchRequest, ...] = ()
    targets: tuple[Target | Missing, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    source: Source | None = None


def http_rules(
    mesh: Mesh, scope: Scope, virtual_service: VirtualService, port: int, gateway: str = MESH
) -> tuple[HttpRule, ...]:
    """The rules that can apply on `port`, up to the first that takes every request; none: the
    object has nothing to say here. `gateway` is where the requests arrive, as namespace/name.
    """
    at = At(gateway, port, virtual_service.meta.namespace)
    rules: list[HttpRule] = []
    sources = mesh.virtual_services.http_sources(virtual_service)
    for route, source in zip(virtual_service.http, sources, strict=True):
        matches = tuple(match for match in route.match if _http_applies(match, scope, at))
        if route.match and not matches:
            continue
        rule = _http_rule(mesh, scope, virtual_service.meta.namespace, route, matches, port)
        rules.append(replace(rule, source=source))
        if not matches:
            break
    return tuple(rules)


@dataclass(frozen=True, slots=True)
class At:
    """Where traffic arrives, for an object of `namespace`."""

    gateway: str
    port: int
    namespace: str

    def is_one_of(self, gateways: Iterable[str]) -> bool:
        """Whether a list names the place."""
        return any(gateway_name(name, self.namespace) == self.gateway for name in gateways)


def _http_applies(match: HTTPMatchRequest, scope: Scope, at: At) -> bool:
    if match.port not in (0, at.port):
        return False
    if match.gateways:  # once the gateway is named, the source no longer matters (S-12)
        return at.is_one_of(match.gateways)
    return from_source(match.source_labels, match.source_namespace, scope)


def from_source(labels: Mapping[str, str], namespace: str, scope: Scope) -> bool:
    """Whether clients of the scope are those that a match asks for."""
    return namespace in ("", scope.namespace) and labels.items() <= dict(scope.labels).items()


def _http_rule(
    mesh: Mesh,
    scope: Scope,
    namespace: str,
    route: HTTPRoute,
    matches: tuple[HTTPMatchRequest, ...],
    port: int,
) -> HttpRule:
    targets = [
        resolve(mesh, scope, namespace, each.destination, port, each.weight, each.headers)
        for each in route.route
        if each.destination is not None
    ]
    if route.delegate is not None:
        # What can be put in its place was, so this delegate cannot be used.
        reason = unusable(route, namespace, mesh.virtual_services.written)
        targets = [Missing(destination=route.delegate.name, reason=reason, code="unknown-delegate")]
    return HttpRule(
        route=route,
        matches=matches,
        targets=tuple(targets),
        mirrors=tuple(_mirrors(mesh, scope, namespace, route, port)),
    )


def _mirrors(
    mesh: Mesh, scope: Scope, namespace: str, route: HTTPRoute, port: int
) -> Iterator[Mirror]:
    wanted: list[tuple[Destination, float]] = []
    if route.mirror is not None:
        share = 100.0 if route.mirror_percent is None else float(route.mirror_percent)
        if route.mirror_percentage is not None:
            share = route.mirror_percentage.value
        wanted.append((route.mirror, share))
    for each in route.mirrors:
        if each.destination is not None:
            share = 100.0 if each.percentage is None else each.percentage.value
            wanted.append((each.destination, share))
    for destination, share in wanted:
        target = resolve(mesh, scope, namespace, destination, port)
        if isinstance(target, Target) and share > 0:
            yield Mirror(target=target, percent=share)


def resolve(
    mesh: Mesh,
    scope: Scope,
    namespace: str,
    destination: Destination,
    listener_port: int,
    weight: int = 0,
    headers: Headers | None = None,
) -> Target | Missing:
    """What `destination`, written in an object of `namespace`, is for a client: port and subset
    must exist too (S-13).
    """
    host = hosts.resolve(destination.host, namespace)
    host = concrete(mesh.aliases, mesh.services.hosts, host)

    def missing(code: str, field: str, reason: str) -> Missing:
        return Missing(
            destination=destination.host, reason=reason, weight=weight, code=code, field=field
        )

    service = reachable(mesh, scope, host)
    if service is None:
        return missing("unknown-host", "host", f"the host {host} {_why_hidden(mesh, scope, host)}")
    number = _port_number(destination, [port.number for port in service.ports], listener_port)
    port = service.port(number)
    if port is None:
        return missing("unknown-port", "port.number", f"{host} has no port {number}")
    who = client(mesh, scope.namespace, scope.labels)
    keys = rules_for(mesh.rules, host, service.namespace, who)
    rule = merged(mesh.rules.objects[key] for key in keys)
    subset = rule.subset(destination.subset) if destination.subset else None
    if destination.subset and subset is None:
        return missing(
            "unknown-subset",
            "subset",
            f"no DestinationRule that holds for {host} has a subset {destination.subset}",
        )
    return Target(
        host=host,
        port=number,
        subset=destination.subset,
        weight=weight,
        headers=headers,
        policy=policy_for(rule, subset, number, mesh.config.default_traffic_policy),
        named_port=service.named_port(port),
        detected=is_detected(service, port),
    )


def _why_hidden(mesh: Mesh, scope: Scope, host: str) -> str:
    if not mesh.services.at(host):
        return f"is not known in namespace {scope.namespace}"
    if not mesh.services.seen(host, scope.namespace):
        return f"is not exported to namespace {scope.namespace}"
    return f"is excluded by {sidecar_of(mesh, scope)}"


def is_detected(service: Service, port: Port) -> bool:
    """Whether a sidecar has to find out what is spoken at the port."""
    return port.protocol is Protocol.UNSPECIFIED and not service.external


def _port_number(destination: Destination, ports: list[int], listener_port: int) -> int:
    if destination.port is not None and destination.port.number:
        return destination.port.number
    return ports[0] if len(ports) == 1 else listener_port
