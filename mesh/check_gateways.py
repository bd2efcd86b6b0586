"""What is wrong with Gateways in their surroundings, and with what VirtualServices ask of them.

Gateways share ports and names with each other, so they are looked at all at once.
"""

from collections.abc import Iterable, Iterator, Mapping

from crds.gateway import Gateway
from crds.meta import Key
from crds.path import did_you_mean
from crds.problem import Problem, Severity
from crds.virtual_service import VirtualService
from mesh import hosts
from mesh.gateway_names import MESH, gateway_name
from mesh.gateway_routes import is_server_name, shared_hosts
from mesh.gateway_servers import Family, GatewayServer, Merged, Refused, merged, servers_of
from mesh.gateways import Gateways
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.service_index import Services, selects


def check_gateways(mesh: Mesh) -> Mapping[Key, tuple[Problem, ...]]:
    """What is wrong with each Gateway, where something is."""
    found: dict[Key, dict[Problem, None]] = {}
    for key in sorted(mesh.gateways.objects):
        for problem in _alone(mesh.gateways, key):
            found.setdefault(key, {})[problem] = None
    for proxy in _workloads(mesh.gateways):
        servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
        for key, problem in _at(mesh.services, proxy, servers):
            found.setdefault(key, {})[problem] = None
    return {key: tuple(problems) for key, problems in sorted(found.items())}


def _workloads(gateways: Gateways) -> Iterable[Proxy]:
    """One pod of each gateway Deployment."""
    seen = {
        (p.namespace, tuple(p.labels.items()), p.named_ports): p
        for _, p in sorted(gateways.pods.items(), reverse=True)
    }
    return reversed(seen.values())


def _alone(gateways: Gateways, key: Key) -> Iterator[Problem]:
    gateway = gateways.objects[key]
    if not any(selects(gateway.selector, proxy.labels) for proxy in gateways.pods.values()):
        yield _problem(
            key,
            Severity.WARNING,
            "no-gateway-pod",
            "spec.selector",
            ", ".join(f"{name}={value}" for name, value in sorted(gateway.selector.items())),
            "selects no gateway pod, so nobody listens: label the pods of a gateway so, which are "
            "those with the annotation inject.istio.io/templates: gateway",
        )
    yield from _server_names(key, gateway)


def _server_names(key: Key, gateway: Gateway) -> Iterator[Problem]:
    for server in servers_of(key, gateway):
        for index, (_, name) in enumerate(server.hosts):
            if server.family is Family.TLS and not is_server_name(name):
                yield _problem(
                    key,
                    Severity.WARNING,
                    "bad-server-name",
                    f"{server.path}.hosts[{index}]",
                    name,
                    "cannot be matched with TLS server names, so it is left out: write *.host",
                )


def _at(services: Services, proxy: Proxy, servers: Merged) -> Iterator[tuple[Key, Problem]]:
    for refused in servers.refused:
        if refused.code != "not-translated":  # the field itself was reported when it was read
            yield refused.server.gateway, _refused(proxy, refused)
    own = services.selecting(proxy.namespace, proxy.labels)
    exposed = {port.number for service in own for port in service.ports}
    for listener in servers.listeners if exposed else ():
        for server in listener.servers:
            number = server.server.port.number
            if number not in exposed and not server.server.bind:
                yield (
                    server.gateway,
                    _problem(
                        server.gateway,
                        Severity.WARNING,
                        "port-not-exposed",
                        f"{server.path}.port.number",
                        str(number),
                        f"no Service of the gateway's pods in {proxy.namespace} has this port: "
                        f"the pods listen on {number}, and clients of the Service cannot reach it; "
                        "add the port to the Service",
                    ),
                )


def _refused(proxy: Proxy, refused: Refused) -> Problem:
    server, tls = refused.server, refused.lacking
    match refused.code:
        case "unusable-secret" if tls is not None:
            path = f"{server.path}.tls.{tls.field}"
            message = (
                f"the Secret {proxy.namespace}/{tls.secret} has no usable {tls.what}, so this "
                "server stays closed until it has; it must be in the namespace of the gateway's "
                "pods"
            )
        case "reserved-port":
            path = f"{server.path}.port.number"
            message = (
                f"the gateway's Envoy itself uses port {refused.port}, so this server is closed: "
                "choose another port"
            )
        case "duplicate-sni":
            path = f"{server.path}.hosts"
            message = (
                f"{_who(refused.winner)} has this server name on port {refused.port} already and "
                "wins, so this server is closed: remove the name from one of the two"
            )
        case _:
            path = f"{server.path}.port"
            message = (
                f"{_who(refused.winner)} has port {refused.port} already and wins, so this server "
                "is closed: only plain HTTP servers, or only servers with TLS, can share a port"
            )
    value = refused.value or str(server.server.port.number)
    return _problem(server.gateway, Severity.ERROR, refused.code, path, value, message)


def _who(winner: GatewayServer | None) -> str:
    return f"{winner.gateway} ({winner.path})" if winner else "another"


def check_bindings(mesh: Mesh, key: Key, virtual_service: VirtualService) -> Iterator[Problem]:
    """What a VirtualService asks of Gateways that they do not have."""
    own = virtual_service.meta.namespace
    bound: list[GatewayServer] = []
    missing = False
    for index, name in enumerate(virtual_service.gateways):
        full = gateway_name(name, own)
        gateway = None if full == MESH else _find(mesh.gateways, full)
        if gateway is not None:
            bound += servers_of(gateway, mesh.gateways.objects[gateway])
        elif full != MESH:
            missing = True
            known = [f"{k.namespace}/{k.name}" for k in sorted(mesh.gateways.objects)]
            hint = did_you_mean(full, known)
            yield _problem(
                key,
                Severity.ERROR,
                "unknown-gateway",
                f"spec.gateways[{index}]",
                name,
                f"there is no Gateway {full}, so nothing is routed there{hint}",
            )
    in_mesh = not virtual_service.gateways or MESH in virtual_service.gateways
    if not in_mesh and not missing:
        yield from _unserved(key, virtual_service, bound)
    if virtual_service.hosts:  # a delegate is judged by who delegates to it
        yield from _never(key, virtual_service)


def _find(gateways: Gateways, full: str) -> Key | None:
    namespace, _, name = full.partition("/")
    key = Key("networking.istio.io", "Gateway", namespace, name)
    return key if key in gateways.objects else None


def _unserved(
    key: Key, virtual_service: VirtualService, bound: Iterable[GatewayServer]
) -> Iterator[Problem]:
    served = {host for server in bound for host in shared_hosts(server, virtual_service)}
    for index, host in enumerate(virtual_service.hosts):
        full = hosts.resolve(host, virtual_service.meta.namespace)
        if full not in served and not any(hosts.matches(full, each) for each in served):
            yield _problem(
                key,
                Severity.WARNING,
                "unserved-host",
                f"spec.hosts[{index}]",
                host,
                "no server of the Gateways named has this host for this namespace, so it is not "
                "served: add it to `hosts` of a server",
            )


def _never(key: Key, virtual_service: VirtualService) -> Iterator[Problem]:
    """Matches that name a place which the object as a whole does not."""
    own = virtual_service.meta.namespace
    places = {gateway_name(name, own) for name in virtual_service.gateways or (MESH,)}
    for path, names in _matched_gateways(virtual_service):
        for index, name in enumerate(names):
            if gateway_name(name, own) not in places:
                yield _problem(
                    key,
                    Severity.WARNING,
                    "unlisted-gateway",
                    f"{path}.gateways[{index}]",
                    name,
                    "is not in spec.gateways, so nothing arrives from there: add it there",
                )


def _matched_gateways(virtual_service: VirtualService) -> Iterator[tuple[str, tuple[str, ...]]]:
    for i, http in enumerate(virtual_service.http):
        yield from ((f"spec.http[{i}].match[{j}]", m.gateways) for j, m in enumerate(http.match))
    for i, tls in enumerate(virtual_service.tls):
        yield from ((f"spec.tls[{i}].match[{j}]", m.gateways) for j, m in enumerate(tls.match))
    for i, tcp in enumerate(virtual_service.tcp):
        yield from ((f"spec.tcp[{i}].match[{j}]", m.gateways) for j, m in enumerate(tcp.match))


def server_ports(mesh: Mesh, virtual_service: VirtualService) -> Iterator[int]:
    """The ports at which the Gateways of a VirtualService take its traffic."""
    own = virtual_service.meta.namespace
    for name in virtual_service.gateways:
        key = _find(mesh.gateways, gateway_name(name, own))
        if key is not None:
            yield from (s.port.number for s in mesh.gateways.objects[key].servers)


def _problem(
    key: Key, severity: Severity, code: str, path: str, value: str, message: str
) -> Problem:
    return Problem(
        code=code, severity=severity, object=key, path=path, value=value, message=message
    )
