"""The parts that a proxy's configuration is put together from, each from the narrow values it
depends on.

A host gives its clusters, virtual hosts and TCP listeners; the frame of a scope gives what all
hosts share; a workload
gives its inbound side. Nothing here is kept: whoever keeps parts (heddle/engine.py) decides by
identity what to make again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from crds.connection_pool import H2UpgradePolicy
from crds.fields import EMPTY
from crds.http_retry import HTTPRetry
from crds.load_balancer import NO_LOCALITY_SETTING, LocalityLoadBalancerSetting
from crds.mesh_config import MeshConfig
from crds.meta import Key
from crds.names import UNIX
from mesh.destinations import Policy
from mesh.endpoints import Endpoint
from mesh.host_view import HostView, PortView, with_port
from mesh.inbound import InboundPort
from mesh.l4_routing import L4Rule, first_for
from mesh.localities import ANYWHERE, Place
from mesh.locality_balance import LocalityBalance, locality_balance
from mesh.mutual_tls import identities, peers
from mesh.outgoing import OUTGOING, Outgoing
from mesh.protection import trust_domains
from mesh.proxy import Mode
from mesh.routing import HttpRule, Missing, Target
from mesh.services import Arrival, Protocol, Resolution, Service
from translator import (
    clusters,
    listeners_inbound,
    listeners_outbound,
    names,
    pod_hosts,
    routes,
    server_tls,
)
from translator.cluster_security import UNKNOWN, Callee
from translator.clusters import Defaults
from translator.config import Config, joined
from translator.endpoints import load_assignment
from translator.jwks_clusters import jwks_clusters, jwks_secrets
from translator.listeners_inbound import INBOUND, Inbound
from translator.listeners_outbound import Settings
from translator.listeners_shared import detected_routes

Endpoints = Mapping[int, tuple[Endpoint, ...]]
"""Endpoints by service port."""


def defaults(config: MeshConfig) -> Defaults:
    """What the mesh's settings say of every host."""
    return Defaults(
        connect_timeout=config.connect_timeout,
        dns_refresh_rate=config.dns_refresh_rate,
        http2=config.h2_upgrade_policy is H2UpgradePolicy.UPGRADE,
        tcp_keepalive=config.tcp_keepalive,
        locality=config.locality_lb_setting,
        retries=config.default_http_retry_policy,
        domains=trust_domains(config),
        automatic_tls=config.enable_auto_mtls,
        source=config.certificate_source,
    )


@dataclass(frozen=True, slots=True)
class Assignment:
    """A cluster whose endpoints come over EDS: those of `port` that carry `labels`. With a
    `balance` it is another one for clients elsewhere.
    """

    cluster: str
    port: int
    labels: Mapping[str, str]
    balance: LocalityBalance | None = None


def http_ports(view: HostView) -> frozenset[int]:
    """The ports at which requests for the host arrive; those for the one proxy port of proxy-port
    mode are not among them.
    """
    shared = (each for port in view.ports if port.domains for each in port.routes)
    return frozenset(each.port for each in shared if not each.bound) - {0}


def listening(config: MeshConfig, *, ipv6: bool = False, outgoing: Outgoing = OUTGOING) -> Settings:
    """What the mesh's settings, whether the proxy has IPv6, and its Sidecar say of every
    listener.
    """
    return Settings(
        ipv6=ipv6,
        outgoing=outgoing,
        detection_timeout=config.protocol_detection_timeout,
        paths=config.path_normalization.normalization,
    )


def host(view: HostView, endpoints: Endpoints, settings: Defaults, listening: Settings) -> Config:
    """The clusters (but for those with `resolved` endpoints), virtual hosts, own listeners and own
    route configurations of one host, and of its pods that have names: `endpoints` are read for
    these, and for who they are.
    """
    own = () if is_resolved(view) else _clusters(view, endpoints, settings)
    whole = _host(view, own, settings, listening)
    named = tuple(pod_hosts.pods(view, endpoints))
    if not named:
        return whole
    pods = (_host(p, _clusters(p, its, settings), settings, listening) for p, its in named)
    return joined((whole, *pods))


def _host(
    view: HostView, own: Iterable[Cluster], settings: Defaults, listening: Settings
) -> Config:
    return Config(
        clusters=tuple(own),
        virtual_hosts=tuple(_virtual_hosts(view, settings.retries)),
        listeners=tuple(
            listeners_outbound.service_listener(
                address,
                port.port,
                port.l4,
                port.default,
                listening,
                routes=detected_routes(view.service, port.port),
                of=view.service.key,
            )
            for port in view.ports
            if view.service is not None
            and view.mode is Mode.REDIRECT
            and not port.port.protocol.is_http
            for address in port.addresses
        ),
        routes=tuple(_detected_routes(view, settings.retries)),
    )


def is_resolved(view: HostView) -> bool:
    """Whether Envoy finds the endpoints of a host by name."""
    return view.service is not None and view.service.resolution.is_dns


def resolved(
    view: HostView, endpoints: Endpoints, settings: Defaults, place: Place = ANYWHERE
) -> Config:
    """The clusters of a host whose endpoints are names: they are inside, so that a cluster is
    another one for clients elsewhere.
    """
    if not is_resolved(view):
        return Config()
    return Config(clusters=tuple(_clusters(view, endpoints, settings, place)))


def asks_place(view: HostView, setting: LocalityLoadBalancerSetting) -> bool:
    """Whether it matters where the clients of a host are."""
    return any(
        locality_balance(policy, setting) is not None
        for port in view.ports
        for _, policy, *_ in _subsets(port)
    )


def _clusters(
    view: HostView, endpoints: Endpoints, settings: Defaults, place: Place | None = None
) -> Iterator[Cluster]:
    callee = _callee(view.service, endpoints, settings) if view.service else UNKNOWN
    for port in view.ports:
        if view.service is not None and port.default is not None:
            for subset, policy, labels, rule in _subsets(port):
                yield clusters.outbound_cluster(
                    view.service,
                    port.port,
                    subset,
                    policy,
                    settings,
                    endpoints=endpoints.get(port.port.number, ()),
                    labels=labels,
                    place=place,
                    callee=callee,
                    rule=rule,
                )


def _callee(service: Service, endpoints: Endpoints, settings: Defaults) -> Callee:
    who = peers(endpoints)
    return Callee(identities=identities(service, who, settings.domains), all_mutual=who.all_mutual)


def _detected_routes(view: HostView, retries: HTTPRetry | None) -> Iterator[RouteConfiguration]:
    """Those of requests to an address that is the host's own (istio-api.md S-46)."""
    for port in view.ports:
        name = detected_routes(view.service, port.port) if view.service is not None else ""
        reached = port.addresses or _at_endpoints(view, port)
        if name and reached and view.mode is Mode.REDIRECT:
            rules = [_retried(rule, retries) for rule in _requests(view, port)]
            tunnel = None if port.rules else port.default
            yield routes.own_route_configuration(name, rules, tunnel, _service(view))


def _at_endpoints(view: HostView, port: PortView) -> bool:
    """Whether clients call the port at the addresses of its endpoints."""
    service = view.service
    return port.called and service is not None and service.arrival is Arrival.ENDPOINT


def _subsets(port: PortView) -> Iterator[tuple[str, Policy, Mapping[str, str], Key | None]]:
    yield "", port.policy, EMPTY, port.rule
    for subset in port.subsets:
        yield subset.ref.name, subset.policy, subset.ref.labels, subset.rule


def _virtual_hosts(view: HostView, retries: HTTPRetry | None) -> Iterator[VirtualHost]:
    for port in view.ports:
        for config in port.routes if port.domains else ():
            number = port.port.number
            domains = port.domains if config.port else with_port(port.domains, number)
            yield routes.virtual_host(
                config.name,
                names.host_port(view.host, number),
                domains,
                [_retried(rule, retries) for rule in _requests(view, port)],
                tunnel=_tunnel(view, port),
                of=_service(view),
            )


def _service(view: HostView) -> Key | None:
    return view.service.key if view.service is not None else None


def _retried(rule: HttpRule, retries: HTTPRetry | None) -> HttpRule:
    """The mesh's default counts where the rule says nothing of retries."""
    if retries is None or rule.route.retries is not None:
        return rule
    return replace(rule, route=replace(rule.route, retries=retries))


def _requests(view: HostView, port: PortView) -> tuple[HttpRule, ...]:
    """The rules for requests; a port that is said not to speak HTTP takes none."""
    if not (port.port.protocol.is_http or port.port.protocol is Protocol.UNSPECIFIED):
        return ()
    if port.rules or port.default is None:
        return port.rules
    return routes.default_rules(port.default, _service(view))


def _tunnel(view: HostView, port: PortView) -> tuple[Target | Missing, ...]:
    """Behind the proxy port there are no connections but those in tunnels."""
    if view.mode is Mode.REDIRECT or port.port.protocol.is_http or port.default is None:
        return ()
    last = L4Rule(targets=(port.default,))
    return first_for((*port.l4, last), view.host, port.addresses).targets


def assignments(
    view: HostView, setting: LocalityLoadBalancerSetting = NO_LOCALITY_SETTING
) -> tuple[Assignment, ...]:
    """The clusters of a host whose endpoints we send; `setting` is the mesh's."""
    service = view.service
    if service is None or service.resolution is not Resolution.CLIENT_SIDE:
        return ()
    return tuple(
        Assignment(
            names.outbound_cluster(port.port.number, name, view.host),
            port.port.number,
            labels,
            locality_balance(policy, setting),
        )
        for port in view.ports
        if port.default is not None
        for name, policy, labels, _ in _subsets(port)
        if clusters.has_assignment(policy)
    )


def endpoints(
    assignment: Assignment, known: Endpoints, place: Place = ANYWHERE
) -> ClusterLoadAssignment:
    """The endpoints of one cluster for clients of a place; none is an answer too."""
    found = known.get(assignment.port, ())
    balance = assignment.balance
    return load_assignment(assignment.cluster, found, assignment.labels, balance, place)


def inbound(
    mode: Mode,
    address: str,
    ports: tuple[InboundPort, ...],
    settings: Defaults,
    guarded: Inbound = INBOUND,
) -> Config:
    """The side of a workload that takes calls; in proxy-port mode also the port that its own calls
    go to.
    """
    issuers = guarded.protection.issuers
    own = [
        *(_inbound_cluster(port, address, settings, guarded.settings) for port in ports),
        *jwks_clusters(issuers, settings),
    ]
    captured = [port for port in ports if port.captured]
    bound = (
        listeners_inbound.inbound_listener(port.bind, port.number, port, guarded)
        for port in ports
        if port.bind
    )
    if mode is Mode.REDIRECT:
        return Config(
            clusters=(
                *own,
                clusters.inbound_passthrough_cluster(settings, ipv6=guarded.settings.ipv6),
            ),
            listeners=(listeners_inbound.virtual_inbound(captured, guarded), *bound),
            secrets=(*jwks_secrets(issuers), *_shown(ports)),
        )
    entrances = (listeners_inbound.entrance(address, port, guarded) for port in captured)
    return Config(
        clusters=tuple(own),
        listeners=(*entrances, *bound, listeners_outbound.http_proxy(address, guarded.settings)),
        secrets=(*jwks_secrets(issuers), *_shown(ports)),
    )


def _shown(ports: Iterable[InboundPort]) -> Iterator[Secret]:
    """The certificates in files that callers from outside are shown."""
    every = (port.tls for port in ports if port.tls is not None)
    found = {secret.name: secret for tls in every for secret in server_tls.file_secrets(tls)}
    yield from (found[name].message() for name in sorted(found))


def _inbound_cluster(
    port: InboundPort, address: str, settings: Defaults, listening: Settings
) -> Cluster:
    """The application, in proxy-port mode always at the pod's own `address`: all pods share one
    loopback there. Where nothing is redirected the listener's own address is all that is known.
    """
    to = port.application
    own = address or ("" if port.captured else port.bind)
    if to is not None and (to.address.startswith(UNIX) or (to.address and not address)):
        own = to.address
    return clusters.inbound_cluster(
        port.number,
        port.protocol,
        address=own or None,
        target=to.port if to else None,
        ipv6=listening.ipv6,
        pool=port.pool,
        sidecar=port.sidecar,
        defaults=settings,
    )
