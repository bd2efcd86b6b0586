"""What a DestinationRule asks for that its hosts cannot give: settings that are closed, weaker than
they look, or without effect there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds.client_tls import ClientTLSSettings
from crds.destination_rule import (
    ConnectionPoolSettings,
    DestinationRule,
    LoadBalancerSettings,
    OutlierDetection,
    PortTrafficPolicy,
    TrafficPolicy,
)
from crds.meta import Key
from crds.problem import Problem, error, warning
from mesh import client_tls, hosts
from mesh.credentials import Credentials
from mesh.destination_rules import pattern_of
from mesh.ejection_problems import ejection_problems
from mesh.endpoints import NOWHERE, Endpoint
from mesh.exports import is_exported
from mesh.mesh import Mesh
from mesh.service_endpoints import endpoints_of
from mesh.services import Port, Resolution, Service

_UNVERIFIED = (
    "the server's name is not verified: any certificate of these authorities is accepted; set "
    "subjectAltNames"
)
_UNLISTED = (
    "has no effect where nothing says where endpoints are: list them, each with its `locality`, "
    "and resolution STATIC or DNS"
)
_NO_OUTLIERS = (
    "nothing fails over without outlierDetection: Envoy would not know that an endpoint is down; "
    "set it beside the loadBalancer"
)
_NO_POLICY = TrafficPolicy()
_LOST = (
    "the settings of this port replace the policy around them, its {} too, which no port can set; "
    "move the other settings to the policy, or to a subset"
)


def rule_problems(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Those of one rule, without the object."""
    rule = mesh.rules.objects[key]
    services = tuple(_services(mesh, rule))
    endpoints = [endpoints_of(mesh.endpoints, each) for each in services]
    about = _Rule(
        selected=rule.workload_selector is not None,
        secrets=mesh.credentials,
        clients=_clients(mesh, key),
        ports=tuple(port for service in services for port in service.ports),
        unlisted=any(_is_anywhere(*each) for each in zip(services, endpoints, strict=True)),
        detects=mesh.config.default_traffic_policy.outlier_detection is not None,
    )
    yield from _of_rule(about, rule)
    yield from ejection_problems(rule, endpoints)


def _clients(mesh: Mesh, key: Key) -> tuple[str, ...]:
    """The namespaces of the clients that may have the Secrets that a rule names."""
    if mesh.rules.objects[key].workload_selector is not None:
        return (key.namespace,)
    exports = mesh.rules.exports_of(key)
    namespaces = sorted({proxy.namespace for proxy in mesh.gateways.pods.values()})
    own = key.namespace
    return tuple(n for n in namespaces if n == own or is_exported(exports, own, n))


def _is_anywhere(service: Service, endpoints: Mapping[int, Sequence[Endpoint]]) -> bool:
    """Whether nothing can say where its endpoints are."""
    if service.resolution is Resolution.DNS:
        return all(e.locality == NOWHERE for each in endpoints.values() for e in each)
    return service.resolution is not Resolution.CLIENT_SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Whether a rule has a workloadSelector, the Secrets and the namespaces of clients that may
    have them, the ports of the services that it is for, whether one of them has endpoints that only
    Envoy knows, and whether the mesh detects outliers by itself.
    """

    selected: bool
    secrets: Credentials
    clients: tuple[str, ...]
    ports: tuple[Port, ...]
    unlisted: bool
    detects: bool

    def at(self, number: int) -> tuple[Port, ...]:
        """Those with one number."""
        return tuple(port for port in self.ports if port.number == number)


def _services(mesh: Mesh, rule: DestinationRule) -> Iterator[Service]:
    pattern = pattern_of(rule)[1]
    if hosts.is_wildcard(pattern):
        named = [host for host in sorted(mesh.services.hosts) if hosts.matches(pattern, host)]
    else:
        named = [pattern]
    for host in named:
        yield from mesh.services.at(host)


def _of_rule(about: _Rule, rule: DestinationRule) -> Iterator[Problem]:
    own = rule.traffic_policy
    if own is not None:
        yield from _of_policy(about, "spec.trafficPolicy", own)
    for index, subset in enumerate(rule.subsets):
        if subset.traffic_policy is not None:
            path = f"spec.subsets[{index}].trafficPolicy"
            yield from _of_policy(about, path, subset.traffic_policy, own or _NO_POLICY)
            pool = subset.traffic_policy.connection_pool
            yield from _below_top(f"{path}.connectionPool", pool, about.ports)


def _of_policy(
    about: _Rule, path: str, policy: TrafficPolicy, around: TrafficPolicy = _NO_POLICY
) -> Iterator[Problem]:
    outliers = policy.outlier_detection or around.outlier_detection
    yield from _of_locality(about, f"{path}.loadBalancer", policy.load_balancer, outliers)
    if policy.tls is not None:
        own = {level.port.number for level in policy.port_level_settings if level.port}
        ports = tuple(port for port in about.ports if port.number not in own)
        yield from _of_tls(about, f"{path}.tls", policy.tls, ports)
    for index, level in enumerate(policy.port_level_settings):
        yield from _of_port(about, f"{path}.portLevelSettings[{index}]", policy, level)
    if policy.tunnel is not None and about.ports and all(p.protocol.is_http for p in about.ports):
        message = "has no effect on HTTP, which is routed by request: only TCP is tunnelled"
        yield warning("tunnel-needs-tcp", f"{path}.tunnel", message)


def _of_port(
    about: _Rule, path: str, policy: TrafficPolicy, level: PortTrafficPolicy
) -> Iterator[Problem]:
    number = level.port.number if level.port else 0
    ports = about.at(number)
    if about.ports and not ports:
        known = ", ".join(str(number) for number in sorted({p.number for p in about.ports}))
        message = f"the host has no such port, so these settings have no effect; it has {known}"
        yield warning("unknown-port", f"{path}.port.number", message, number)
    if level.tls is not None:
        yield from _of_tls(about, f"{path}.tls", level.tls, ports)
    yield from _below_top(f"{path}.connectionPool", level.connection_pool, ports)
    outliers = level.outlier_detection
    yield from _of_locality(about, f"{path}.loadBalancer", level.load_balancer, outliers)
    lost = {
        "tunnel": policy.tunnel,
        "proxyProtocol": policy.proxy_protocol,
        "retryBudget": policy.retry_budget,
    }
    for name, setting in lost.items():
        if setting is not None:
            message = _LOST.format(name)
            yield warning("lost-at-port", f"{path}.port.number", message, number)


def _of_locality(
    about: _Rule,
    path: str,
    balancer: LoadBalancerSettings | None,
    outliers: OutlierDetection | None,
) -> Iterator[Problem]:
    setting = balancer.locality_lb_setting if balancer else None
    if setting is None or setting.enabled is False:
        return
    path = f"{path}.localityLbSetting"
    if about.unlisted:
        yield warning("locality-unknown", path, _UNLISTED)
    orders = bool(setting.failover or setting.failover_priority)
    if orders and not (outliers or about.detects):
        yield warning("failover-needs-outlier-detection", path, _NO_OUTLIERS)


def _below_top(
    path: str, pool: ConnectionPoolSettings | None, ports: tuple[Port, ...]
) -> Iterator[Problem]:
    """What the client's listener takes from the rule itself only (istio-api.md S-23)."""
    if pool is None or pool.tcp is None or all(port.protocol.is_http for port in ports):
        return
    limits = {
        "idleTimeout": pool.tcp.idle_timeout,
        "maxConnectionDuration": pool.tcp.max_connection_duration,
    }
    for name, limit in limits.items():
        if limit is not None:
            message = (
                "has no effect on TCP connections here, in Istio neither: set it in the rule's own "
                "trafficPolicy"
            )
            yield warning("top-level-only", f"{path}.tcp.{name}", message, str(limit))


def _of_tls(
    about: _Rule, path: str, tls: ClientTLSSettings, ports: tuple[Port, ...]
) -> Iterator[Problem]:
    closed = False
    for fault in client_tls.faults(tls, about.secrets, about.clients, selected=about.selected):
        say = warning if fault.partly else error
        closed = closed or not fault.partly
        yield say(fault.code, f"{path}.{fault.field}", fault.message, fault.value)
    if closed or not tls.is_foreign:
        return
    if not _is_verified(tls, ports):
        yield warning("unverified-server-name", f"{path}.subjectAltNames", _UNVERIFIED)


def _is_verified(tls: ClientTLSSettings, ports: tuple[Port, ...]) -> bool:
    """Whether the server's name is compared with anything, or is not meant to be (istio-api.md
    S-25).
    """
    if tls.subject_alt_names or tls.insecure_skip_verify:
        return True
    return not tls.sni and all(port.protocol.is_http for port in ports)
