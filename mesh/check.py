"""What is wrong with an object in its surroundings: references that lead nowhere, objects that
another one overrules.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches

from crds.destination_rule import DestinationRule
from crds.meta import Key
from crds.problem import Problem
from crds.virtual_service import Destination, VirtualService
from mesh import check_aliases, check_services, hosts
from mesh.about import About
from mesh.check_claims import check_claims
from mesh.check_delegates import check_delegates
from mesh.check_gateways import check_bindings, check_gateways, server_ports
from mesh.check_security import check_security
from mesh.check_sidecar import check_sidecar
from mesh.destination_rules import merged, pattern_of, rules_for
from mesh.mesh import Mesh, client
from mesh.routing import Missing, resolve
from mesh.rule_conflicts import rule_conflicts
from mesh.rule_problems import rule_problems
from mesh.scope import Scope
from mesh.service_aliases import concrete
from mesh.shadows import winners
from mesh.spelling import beginning, closest
from mesh.virtual_services import destinations, routed_hosts

_LIKENESS = 0.8
"""The least that a name has in common with what is proposed in its place (difflib's ratio)."""


def check(mesh: Mesh, key: Key) -> tuple[Problem, ...]:
    """Everything that is wrong with one object in this mesh."""
    about = About(key)
    if (virtual_service := mesh.virtual_services.written.get(key)) is not None:
        return tuple(_virtual_service(mesh, about, virtual_service))
    if (rule := mesh.rules.objects.get(key)) is not None:
        return tuple(_destination_rule(mesh, about, rule))
    if services := mesh.services.contributed.get(key):
        return tuple(check_services.problems(mesh, about, services))
    if key in mesh.sidecars.objects:
        return tuple(check_sidecar(mesh, key))
    alias = mesh.aliases.objects.get(hosts.fqdn(key.name, key.namespace))
    if alias is not None and alias.key == key:
        return tuple(check_aliases.problems(mesh, about, alias))
    return tuple(replace(each, object=key) for each in check_security(mesh, key))


def check_all(mesh: Mesh) -> tuple[Problem, ...]:
    """Everything that is wrong with any object of the mesh."""
    keys = (
        *mesh.virtual_services.objects,
        *mesh.rules.objects,
        *mesh.services.contributed,
        *(alias.key for alias in mesh.aliases.objects.values()),
        *mesh.sidecars.objects,
        *mesh.peer_authentications.objects,
        *mesh.authorization_policies.objects,
        *mesh.request_authentications.policies.objects,
    )
    every = (*((key, check(mesh, key)) for key in keys), *check_gateways(mesh).items())
    return tuple(p for _, found in sorted(every, key=lambda pair: pair[0]) for p in found)


def _virtual_service(
    mesh: Mesh, about: About, virtual_service: VirtualService
) -> Iterator[Problem]:
    for index, host in enumerate(routed_hosts(virtual_service)):
        path = f"spec.hosts[{index}]"
        yield from _routed_host(mesh, about, path, host)
    for path, destination in destinations(virtual_service):
        yield from _destination(mesh, about, virtual_service, path, destination)
    yield from check_delegates(mesh.virtual_services, about.key)
    yield from check_bindings(mesh, about.key, virtual_service)
    yield from check_claims(mesh, about, virtual_service)


def _routed_host(mesh: Mesh, about: About, path: str, host: str) -> Iterator[Problem]:
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
    about: About,
    virtual_service: VirtualService,
    path: str,
    destination: Destination,
) -> Iterator[Problem]:
    namespace = virtual_service.meta.namespace
    wants_http = path.startswith("spec.http")
    ports = _listener_ports(mesh, about.key, wants_http)
    for port in sorted({*ports, *server_ports(mesh, virtual_service)}) or [80]:
        found = resolve(mesh, Scope(namespace), namespace, destination, port)
        if isinstance(found, Missing):
            yield _missing(mesh, about, namespace, path, destination, found)
            return


def _listener_ports(mesh: Mesh, key: Key, http: bool) -> set[int]:
    """Of the hosts that the object routes, or those that delegate to it."""
    index = mesh.virtual_services
    roots = (index.objects[each] for each in (key, *index.delegating.get(key, ())))
    routed = (host for root in roots for host in routed_hosts(root))
    services = (s for h in routed for known in _nearest(mesh, h) for s in mesh.services.at(known))
    return {p.number for s in services for p in s.ports if p.protocol.is_http == http}


def _missing(
    mesh: Mesh,
    about: About,
    namespace: str,
    path: str,
    destination: Destination,
    missing: Missing,
) -> Problem:
    host = hosts.resolve(destination.host, namespace)
    code = missing.code
    match code:
        case "unknown-subset":
            value, hint = destination.subset, _meant_subset(mesh, namespace, host, destination)
        case "unknown-port":
            value = str(destination.port.number) if destination.port else ""
            code = code if value else "port-needed"
            hint = "; name one of " + ", ".join(_ports(mesh, host))
        case _:
            hint = "" if mesh.services.at(host) else _meant(mesh, host)
            value = destination.host
    message = f"{missing.reason}, so {_outcome(path)}{hint}"
    return about.error(code, f"{path}.{missing.field}", value, message)


def _outcome(path: str) -> str:
    if path.startswith(("spec.tcp", "spec.tls")):
        return "these connections are closed"
    return "nothing is mirrored" if ".mirror" in path else "these requests get a 503"


def _ports(mesh: Mesh, host: str) -> list[str]:
    return [str(port.number) for service in mesh.services.at(host)[:1] for port in service.ports]


def _meant(mesh: Mesh, host: str) -> str:
    if (end := concrete(mesh.aliases, mesh.services.hosts, host)) != host:
        return f"; it is another name of {end}: name that one"
    wanted = hosts.shortest(host)
    found = closest(mesh.services.names, wanted, cutoff=_LIKENESS)
    if found is None and wanted != host:  # the same name in another namespace
        found = beginning(mesh.services.names, f"{wanted.partition('.')[0]}.")
    if found is None:
        return "; check the name and the namespace"
    full = f"{found}{hosts.IN_CLUSTER}"
    return f"; did you mean {full if full in mesh.services.hosts else found}?"


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


def _destination_rule(mesh: Mesh, about: About, rule: DestinationRule) -> Iterator[Problem]:
    pattern = pattern_of(rule)
    if not _nearest(mesh, pattern[1]):
        yield about.warning(
            "unknown-host",
            "spec.host",
            rule.host,
            "no service has this host, so the rule has no effect" + _meant(mesh, pattern[1]),
        )
    for problem in (*rule_conflicts(mesh.rules, about.key), *rule_problems(mesh, about.key)):
        yield replace(problem, object=about.key)


def _nearest(mesh: Mesh, pattern: str) -> Iterable[str]:
    """The hosts of services that a host or a wildcard stands for."""
    if hosts.is_wildcard(pattern):
        return [host for host in mesh.services.hosts if hosts.matches(pattern, host)]
    return (pattern,) if pattern in mesh.services.hosts else ()
