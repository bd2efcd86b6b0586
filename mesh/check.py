"""What is wrong with an object in its surroundings: references that lead nowhere, objects that
another one overrules.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from crds.destination_rule import DestinationRule
from crds.meta import Key
from crds.problem import Problem, Severity
from crds.virtual_service import Destination, VirtualService
from mesh import hosts
from mesh.check_delegates import check_delegates
from mesh.destination_rules import merged, pattern_of, rules_for
from mesh.endpoint_index import unusable
from mesh.host_view import is_reserved
from mesh.mesh import Mesh, client
from mesh.port_conflicts import port_taker
from mesh.proxy import Mode
from mesh.routing import Missing, resolve
from mesh.rule_conflicts import rule_conflicts
from mesh.rule_problems import rule_problems
from mesh.scope import Scope
from mesh.service_index import answers
from mesh.services import Arrival, Port, Protocol, Service
from mesh.shadows import winners
from mesh.virtual_services import destinations, routed_hosts

_DETECTED = (
    "the port does not say what it speaks, so it is found out from the first bytes that a client "
    "sends; where the server speaks first the connection hangs: set appProtocol, or begin the "
    "port's name with http-, grpc- or tcp-"
)
_ANYWHERE = (
    "its service has no address, so it takes every connection to this port that goes to no "
    "address of the mesh; give it addresses"
)
_UNADDRESSED = (
    "its service has no address, so nothing tells its connections; give it addresses, or another "
    "port, for this one belongs to"
)
_IN_CLUSTER = f".svc.{hosts.DOMAIN}"
"""All hosts of Services end so, which would make any two of them look alike."""

_RESERVED = "sidecars listen on this port themselves, so it is not routed; use another"


@dataclass(frozen=True, slots=True)
class _About:
    """The object that problems are about."""

    key: Key

    def error(self, code: str, path: str, value: str, message: str) -> Problem:
        return self._problem(Severity.ERROR, code, path, value, message)

    def warning(self, code: str, path: str, value: str, message: str) -> Problem:
        return self._problem(Severity.WARNING, code, path, value, message)

    def _problem(
        self, severity: Severity, code: str, path: str, value: str, message: str
    ) -> Problem:
        return Problem(
            code=code, severity=severity, object=self.key, path=path, value=value, message=message
        )


def check(mesh: Mesh, key: Key) -> tuple[Problem, ...]:
    """Everything that is wrong with one object in this mesh."""
    about = _About(key)
    if (virtual_service := mesh.virtual_services.written.get(key)) is not None:
        return tuple(_virtual_service(mesh, about, virtual_service))
    if (rule := mesh.rules.objects.get(key)) is not None:
        return tuple(_destination_rule(mesh, about, rule))
    if services := mesh.services.contributed.get(key):
        return tuple(_service(mesh, about, services))
    return ()


def check_all(mesh: Mesh) -> tuple[Problem, ...]:
    """Everything that is wrong with any object of the mesh."""
    keys = (*mesh.virtual_services.objects, *mesh.rules.objects, *mesh.services.contributed)
    return tuple(problem for key in sorted(keys) for problem in check(mesh, key))


def _virtual_service(
    mesh: Mesh, about: _About, virtual_service: VirtualService
) -> Iterator[Problem]:
    for index, host in enumerate(routed_hosts(virtual_service)):
        path = f"spec.hosts[{index}]"
        yield from _routed_host(mesh, about, path, host)
    for path, destination in destinations(virtual_service):
        yield from _destination(mesh, about, virtual_service, path, destination)
    yield from check_delegates(mesh.virtual_services, about.key)


def _routed_host(mesh: Mesh, about: _About, path: str, host: str) -> Iterator[Problem]:
    for winner, namespaces in winners(mesh.virtual_services, about.key, host).items():
        others = [name for name in namespaces if name]
        where = "" if "" in namespaces else f" for clients of namespace {', '.join(others)}"
        yield about.warning(
            "shadowed-virtual-service",
            path,
            host,
            f"{winner} routes this host already and wins for sidecars{where}; "
            "merge the two or remove one",
        )
    if not hosts.is_wildcard(host) and not mesh.services.at(host):
        yield about.warning(
            "unknown-host",
            path,
            host,
            "no service has this host, so it is served on port 80 only" + _meant(mesh, host),
        )


def _destination(
    mesh: Mesh,
    about: _About,
    virtual_service: VirtualService,
    path: str,
    destination: Destination,
) -> Iterator[Problem]:
    namespace = virtual_service.meta.namespace
    wants_http = path.startswith("spec.http")
    for port in sorted(_listener_ports(mesh, about.key, wants_http)) or [80]:
        found = resolve(mesh, Scope(namespace), namespace, destination, port)
        if isinstance(found, Missing):
            yield _missing(mesh, about, namespace, path, destination, found)
            return


def _listener_ports(mesh: Mesh, key: Key, http: bool) -> set[int]:
    """Of the hosts that the object routes, or those that delegate to it."""
    index = mesh.virtual_services
    roots = (index.objects[each] for each in (key, *index.delegating.get(key, ())))
    services = (s for root in roots for host in routed_hosts(root) for s in mesh.services.at(host))
    return {p.number for s in services for p in s.ports if p.protocol.is_http == http}


def _missing(
    mesh: Mesh,
    about: _About,
    namespace: str,
    path: str,
    destination: Destination,
    missing: Missing,
) -> Problem:
    host = hosts.resolve(destination.host, namespace)
    match missing.code:
        case "unknown-subset":
            value, hint = destination.subset, _meant_subset(mesh, namespace, host, destination)
        case "unknown-port":
            value = str(destination.port.number) if destination.port else ""
            hint = "; name one of " + ", ".join(_ports(mesh, host))
        case _:
            value, hint = destination.host, _meant(mesh, host)
    message = f"{missing.reason}, so {_outcome(path)}{hint}"
    return about.error(missing.code, f"{path}.{missing.field}", value, message)


def _outcome(path: str) -> str:
    if path.startswith(("spec.tcp", "spec.tls")):
        return "these connections are closed"
    return "nothing is mirrored" if ".mirror" in path else "these requests get a 503"


def _ports(mesh: Mesh, host: str) -> list[str]:
    return [str(port.number) for service in mesh.services.at(host)[:1] for port in service.ports]


def _meant(mesh: Mesh, host: str) -> str:
    shorter = {known.removesuffix(_IN_CLUSTER): known for known in sorted(mesh.services.hosts)}
    wanted = host.removesuffix(_IN_CLUSTER)
    elsewhere = [s for s in shorter if s.partition(".")[0] == wanted.partition(".")[0]]
    close = get_close_matches(wanted, shorter, n=1, cutoff=0.8)
    found = (close or (elsewhere if wanted != host else []))[:1]
    return f"; did you mean {shorter[found[0]]}?" if found else "; check the name and the namespace"


def _meant_subset(mesh: Mesh, namespace: str, host: str, destination: Destination) -> str:
    service = mesh.services.visible(host, namespace)
    owner = service.namespace if service else ""
    keys = rules_for(mesh.rules, host, owner, client(mesh, namespace))
    names = [s.name for s in merged(mesh.rules.objects[key] for key in keys).subsets]
    close = get_close_matches(destination.subset, names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    known = f"it has {', '.join(names)}" if names else "there is none yet"
    return f"; add the subset to a DestinationRule of the host ({known})"


def _destination_rule(mesh: Mesh, about: _About, rule: DestinationRule) -> Iterator[Problem]:
    pattern = pattern_of(rule)
    known = any(hosts.matches(pattern[1], host) for host in _nearest(mesh, pattern[1]))
    if not known:
        yield about.warning(
            "unknown-host",
            "spec.host",
            rule.host,
            "no service has this host, so the rule has no effect" + _meant(mesh, pattern[1]),
        )
    for problem in (*rule_conflicts(mesh.rules, about.key), *rule_problems(mesh, about.key)):
        yield replace(problem, object=about.key)


def _nearest(mesh: Mesh, pattern: str) -> Iterable[str]:
    if hosts.is_wildcard(pattern):
        return mesh.services.hosts
    return (pattern,) if pattern in mesh.services.hosts else ()


def _service(mesh: Mesh, about: _About, services: tuple[Service, ...]) -> Iterator[Problem]:
    for index, port in enumerate(services[0].ports):
        path = f"spec.ports[{index}]"
        yield from _port(mesh, about, path, services[0], port)
        for address in services[0].addresses:
            if not answers(mesh.services, services[0], address, port):
                owner = mesh.services.owner(address, port.number)
                yield about.warning(
                    "address-conflict",
                    path,
                    f"{address}:{port.number}",
                    f"{owner.key if owner else 'another'} has this address and port already "
                    "and answers there; give one of them another",
                )
    for workload in unusable(mesh.endpoints, services[0]):
        yield about.warning(
            "unusable-endpoint",
            "spec.endpoints",
            workload.address,
            "is left out: without resolution DNS an endpoint needs an IP address or a unix:// path",
        )


def _port(mesh: Mesh, about: _About, path: str, service: Service, port: Port) -> Iterator[Problem]:
    if port.protocol is Protocol.UNSPECIFIED:
        yield about.warning("protocol-unknown", path, port.name, _DETECTED)
    at_any = service.arrival is Arrival.ANYWHERE
    if (port.protocol.is_http or at_any) and is_reserved(port.number, Mode.REDIRECT):
        yield about.warning("reserved-port", path, str(port.number), _RESERVED)
    elif at_any and not (port.protocol.is_http or port.protocol.is_tls or service.blocks):
        taker = port_taker(mesh.services, service, port)
        message = f"{_UNADDRESSED} {taker}" if taker else _ANYWHERE
        yield about.warning("port-conflict" if taker else "no-address", path, port.name, message)
