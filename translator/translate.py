"""The whole configuration of one proxy, made from nothing: what `heddle translate` prints, and the
oracle that the
incremental engine is compared with.
"""

from collections.abc import Iterator

from envoy.config.route.v3.route_pb2 import RouteConfiguration

from mesh.dns_names import dns_names
from mesh.host_view import HostView, selection, view
from mesh.inbound import inbound_ports
from mesh.localities import Place
from mesh.mesh import Mesh
from mesh.mutual_tls import known_endpoints
from mesh.outgoing import outgoing
from mesh.place import place_of
from mesh.protection import protection_of
from mesh.proxy import Proxy
from mesh.scope import Scope, scope_of, upstream_scope
from mesh.visibility import known_hosts
from translator import frames, names, parts
from translator.cluster_secrets import file_secrets
from translator.config import Config, joined
from translator.dns import dns_listener
from translator.listeners_inbound import Inbound
from translator.listeners_shared import claims
from translator.translate_gateway import whole


def translate(mesh: Mesh, proxy: Proxy) -> Config:
    """Everything that `proxy` is sent: what its scope holds, and its own inbound side; of a
    gateway, its servers.
    """
    place = place_of(mesh, proxy)
    if proxy.is_gateway:
        scope = upstream_scope(mesh, proxy)
        return joined((upstream(mesh, scope), placed(mesh, scope, place), whole(mesh, proxy)))
    scope = scope_of(mesh, proxy)
    return joined((outbound(mesh, scope), placed(mesh, scope, place), inbound(mesh, proxy)))


def outbound(mesh: Mesh, scope: Scope, *, vhds: bool = True) -> Config:
    """What all proxies of a scope share wherever they are: its frame, and each host that it sees.
    Without `vhds` the route configurations are to be filled with their virtual hosts.
    """
    views = tuple(_views(mesh, scope))
    ports = {port for each in views for port in parts.http_ports(each)}
    secrets = {secret for each in views for secret in file_secrets(each)}
    own = outgoing(mesh, scope)
    frame = frames.frame(
        scope.mode,
        ports,
        mesh.config,
        outgoing=own,
        ipv6=scope.ipv6,
        vhds=vhds,
        secrets=secrets,
    )
    hosts = [_host(mesh, each) for each in views]
    claimed = (c for each in views for c in claims(each, _known(mesh, each)))
    named = {listener.name for each in hosts for listener in each.listeners}
    listening = parts.listening(mesh.config, ipv6=scope.ipv6, outgoing=own)
    shared = frames.shared(ports, claimed, named, listening, own.binds)
    return joined((frame, shared, _dns(mesh, scope), *hosts))


def _dns(mesh: Mesh, scope: Scope) -> Config:
    if not scope.dns:
        return Config()
    chosen = (selection(mesh, scope, host) for host in sorted(known_hosts(mesh)))
    known = [name for each in chosen for name in dns_names(mesh, each)]
    return Config(listeners=(dns_listener(known, scope.dns, ipv6=scope.ipv6),))


def upstream(mesh: Mesh, scope: Scope) -> Config:
    """What all gateways of a scope share wherever they are: the clusters of each host that they
    see.
    """
    views = tuple(_views(mesh, scope))
    own = Config(clusters=joined(_host(mesh, each) for each in views).clusters)
    secrets = {secret for each in views for secret in file_secrets(each)}
    return joined((frames.upstream_frame(mesh.config, secrets), own))


def placed(mesh: Mesh, scope: Scope, place: Place) -> Config:
    """What those proxies of a scope share that are at one place: endpoints, and the clusters that
    have theirs inside.
    """
    return joined(_placed(mesh, each, place) for each in _views(mesh, scope))


def inbound(mesh: Mesh, proxy: Proxy) -> Config:
    """The side of a proxy's workload that takes calls."""
    guarded = Inbound(
        protection=protection_of(mesh, proxy),
        settings=parts.listening(mesh.config, ipv6=proxy.ipv6),
        draining=proxy.draining,
    )
    ports = inbound_ports(mesh, proxy)
    return parts.inbound(proxy.mode, proxy.address, ports, parts.defaults(mesh.config), guarded)


def _views(mesh: Mesh, scope: Scope) -> Iterator[HostView]:
    for host in sorted(known_hosts(mesh)):
        chosen = selection(mesh, scope, host)
        if chosen is not None:
            yield view(mesh, scope, chosen)


def _known(mesh: Mesh, each: HostView) -> parts.Endpoints:
    return known_endpoints(mesh, each.service) if each.service else {}


def _host(mesh: Mesh, each: HostView) -> Config:
    settings, listening = parts.defaults(mesh.config), parts.listening(mesh.config)
    return parts.host(each, _known(mesh, each), settings, listening)


def _placed(mesh: Mesh, each: HostView, place: Place) -> Config:
    known = _known(mesh, each)
    wanted = parts.assignments(each, mesh.config.locality_lb_setting)
    return joined(
        (
            parts.resolved(each, known, parts.defaults(mesh.config), place),
            Config(endpoints=tuple(parts.endpoints(a, known, place) for a in wanted)),
        )
    )


def in_place(config: Config) -> Config:
    """The same with each virtual host inside its route configuration, as Envoy's /config_dump shows
    it.
    """
    return Config(
        clusters=config.clusters,
        endpoints=config.endpoints,
        listeners=config.listeners,
        routes=tuple(_filled(route, config) for route in config.routes),
        secrets=config.secrets,
    )


def _filled(route: RouteConfiguration, config: Config) -> RouteConfiguration:
    filled = RouteConfiguration()
    filled.CopyFrom(route)
    filled.virtual_hosts.extend(
        each
        for each in config.virtual_hosts
        if (name := names.parse_virtual_host(each.name)) and name.route_config == route.name
    )
    return filled
