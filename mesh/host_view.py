"""All that the configuration of one host depends on for the clients of one scope: the narrow input
of the translator.

It is made in two steps. `selection` finds, cheaply, which objects count, by key; two scopes with
equal selections share
one view, one translation and the very same bytes. `view` then reads those objects.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crds.destination_rule import Subset
from crds.meta import Key
from crds.virtual_service import VirtualService
from mesh.binds import SIDECAR_PORTS, Bind
from mesh.client_tls import with_credential
from mesh.destination_rules import Merged, may_have_secrets, merged, policy_for, rules_for
from mesh.destinations import NO_POLICY, Policy, SubsetRef
from mesh.egress import NOWHERE, Exposure
from mesh.l4_routing import L4Rule, l4_rules
from mesh.mesh import Mesh, client
from mesh.proxy import Mode
from mesh.route_configurations import (
    RouteConfiguration,
    binds_at,
    is_called,
    of_binds,
    of_the_port,
)
from mesh.routing import HttpRule, Target, http_rules, is_detected
from mesh.scope import Scope, sidecar_of
from mesh.service_aliases import concrete, leading_to
from mesh.service_endpoints import endpoints_of
from mesh.service_names import OtherName, names_of, pod_names
from mesh.services import Arrival, Port, Protocol, Resolution, Service
from mesh.virtual_services import asks_for_source, destination_hosts
from mesh.visibility import (
    HTTP_PORT,
    answers,
    binds_of,
    claims,
    reachable,
    routed_only,
    routes_of,
    seen_service,
)

_ROUTED_PORT = Port(number=HTTP_PORT, name="http", protocol=Protocol.HTTP, target=HTTP_PORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects decide on `host` for a scope. `targets` names, for each host routed to, its
    service and rules.

    `source` is the scope itself if the VirtualService asks who the client is; `exposure` is what
    the Sidecar says of the host; `taken` are names and addresses at ports (0: all) that belong to
    another host. `namespace` and `sidecar` are only there if a destination is missing, to say why.
    `aliases` are other names of the service: name, namespace, whether that is the clients' own.
    `pods` are the names of its pods within its own, where a request says no address. `secrets` is
    the namespace whose Secrets the rules name for these clients, if they name any.
    """

    host: str
    mode: Mode
    namespace: str
    sidecar: Key | None
    own_namespace: bool
    aliases: tuple[OtherName, ...]
    pods: tuple[str, ...]
    service: Key | None
    exposure: Exposure | None
    taken: frozenset[tuple[str, int]]
    virtual_service: Key | None
    rules: tuple[Key, ...]
    secrets: str
    targets: tuple[tuple[str, Key | None, tuple[Key, ...]], ...]
    source: Scope | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetView:
    """One subset at one port, and the DestinationRule that has it."""

    ref: SubsetRef
    policy: Policy
    rule: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """One port of a host. `domains` and `addresses` are those that no other host has a better claim
    to; `blocks` are those that it shares with others; `pods` are those of its pods with names, by
    name. If it is not `called`, it is only routed to, or called at `binds`, which are those of the
    Sidecar's addresses that do not take requests.

    No `rules`: requests go to `default`, and so do the connections that no rule of `l4` takes.
    `rule` is the DestinationRule with the traffic policy.
    """

    port: Port
    default: Target | None
    called: bool = True
    policy: Policy = NO_POLICY
    rule: Key | None = None
    domains: tuple[str, ...] = ()
    routes: tuple[RouteConfiguration, ...] = ()
    addresses: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    pods: tuple[tuple[str, tuple[str, ...]], ...] = ()
    binds: tuple[Bind, ...] = ()
    subsets: tuple[SubsetView, ...] = ()
    rules: tuple[HttpRule, ...] = ()
    l4: tuple[L4Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """A host as clients of a scope see it. Without a `service` it is only a name that a
    VirtualService routes.
    """

    host: str
    mode: Mode
    service: Service | None
    ports: tuple[PortView, ...]


def selection(mesh: Mesh, scope: Scope, host: str) -> Selection | None:
    """Which objects decide on `host` for `scope`; nothing if the host does not exist for it."""
    seen = seen_service(mesh, scope, host)
    chosen = next(routes_of(mesh, scope, host), None)
    exposed = seen.exposure if seen else None
    if seen is None or exposed == NOWHERE:
        called = routed_only(mesh, scope, host, chosen) if chosen else NOWHERE
        if seen is None and called == NOWHERE:
            return None
        exposed = called
    service = seen.service if seen else None
    aliases = _aliases(mesh, scope.namespace, host) if service else ()
    pods = _named_pods(mesh, scope, service) if service else ()
    virtual_service = mesh.virtual_services.objects[chosen] if chosen else None
    targets = tuple(_targets(mesh, scope, virtual_service)) if virtual_service else ()
    rules = _rules_for(mesh, scope, service) if service else ()
    nameless = all(target[1] for target in targets)
    return Selection(
        host=host,
        mode=scope.mode,
        namespace="" if nameless else scope.namespace,
        sidecar=None if nameless else sidecar_of(mesh, scope),
        own_namespace=service is not None and service.namespace == scope.namespace,
        aliases=aliases,
        pods=pods,
        service=service.key if service else None,
        exposure=exposed,
        taken=frozenset(_taken(mesh, scope, service, aliases, pods)) if service else frozenset(),
        virtual_service=chosen,
        rules=rules,
        secrets=(
            scope.namespace if may_have_secrets(mesh.rules, rules, gateway=scope.is_gateway) else ""
        ),
        targets=targets,
        source=scope if virtual_service and asks_for_source(virtual_service) else None,
    )


def _aliases(mesh: Mesh, namespace: str, host: str) -> tuple[OtherName, ...]:
    found = leading_to(mesh.aliases, mesh.services.hosts, host)
    return tuple(
        (alias.name, alias.namespace, alias.namespace == namespace)
        for alias in found
        if mesh.services.is_visible(alias, namespace)
    )


def _named_pods(mesh: Mesh, scope: Scope, service: Service) -> tuple[str, ...]:
    """Behind the proxy port a pod of a StatefulSet is found by its name alone."""
    if not service.headless or scope.mode is not Mode.NONE:
        return ()
    found = endpoints_of(mesh.endpoints, service)
    return tuple(sorted({e.hostname for each in found.values() for e in each if e.hostname}))


def _targets(
    mesh: Mesh, scope: Scope, virtual_service: VirtualService
) -> Iterator[tuple[str, Key | None, tuple[Key, ...]]]:
    named = destination_hosts(virtual_service)
    for name in sorted({concrete(mesh.aliases, mesh.services.hosts, each) for each in named}):
        found = reachable(mesh, scope, name)
        yield name, found.key if found else None, _rules_for(mesh, scope, found) if found else ()


def _rules_for(mesh: Mesh, scope: Scope, service: Service) -> tuple[Key, ...]:
    who = client(mesh, scope.namespace, scope.labels)
    return rules_for(mesh.rules, service.host, service.namespace, who)


def _taken(
    mesh: Mesh,
    scope: Scope,
    service: Service,
    aliases: Iterable[OtherName],
    pods: Iterable[str],
) -> Iterator[tuple[str, int]]:
    """The other names of a service and of its pods, and its addresses, that are another host's own
    (S-45).
    """
    names = names_of(service, aliases, own_namespace=True)[1:]
    names += (name for pod in pods for name in pod_names(pod, service, own_namespace=True))
    for name in (*names, *service.addresses):
        if claims(mesh, scope, name, 0):
            yield name, 0
        elif claims(mesh, scope, name, HTTP_PORT):
            yield name, HTTP_PORT
    for bind in binds_of(mesh, scope):
        if bind.address in service.addresses:
            yield _at(bind.address), bind.port
    for address in service.addresses:
        for port in service.ports:
            if not answers(mesh, scope, service, address, port.number):
                yield _at(address), port.number


def _at(address: str) -> str:
    """A virtual IP that somebody else answers at: told apart from the same text as a name."""
    return f"@{address}"


def view(mesh: Mesh, scope: Scope, chosen: Selection) -> HostView:
    """The view that a selection stands for; any scope that made the selection gives the same."""
    service = next((s for s in mesh.services.at(chosen.host) if s.key == chosen.service), None)
    if service is not None and service.headless and scope.mode is Mode.NONE:
        # Behind the proxy port there is no address that the client chose: balance instead.
        service = replace(service, resolution=Resolution.CLIENT_SIDE)
    rule = merged(mesh.rules.objects[key] for key in chosen.rules)
    if service is None:
        ports = [_routed_only(mesh, scope, chosen, _ROUTED_PORT)]
    else:
        ports = [_port_view(mesh, scope, chosen, service, port, rule) for port in service.ports]
        if _is_routed_beside(chosen, service):
            ports.append(_routed_only(mesh, scope, chosen, _ROUTED_PORT))
    return HostView(host=chosen.host, mode=scope.mode, service=service, ports=tuple(ports))


def _is_routed_beside(chosen: Selection, service: Service) -> bool:
    """Whether a service that is not imported has a name that a route serves at a port which the
    service does not have.
    """
    called = chosen.exposure.numbers if chosen.exposure else ()
    return HTTP_PORT in called and service.port(HTTP_PORT) is None


def _routed_only(mesh: Mesh, scope: Scope, chosen: Selection, port: Port) -> PortView:
    rules = _rules(mesh, scope, chosen, port)
    return PortView(
        port=port,
        default=None,
        domains=(_bracketed(chosen.host),) if rules else (),
        routes=(
            *of_the_port(chosen.exposure, port.number, scope.mode),
            *of_binds(chosen.exposure, port.number),
        ),
        rules=rules,
    )


def _port_view(
    mesh: Mesh, scope: Scope, chosen: Selection, service: Service, port: Port, rule: Merged
) -> PortView:
    policy = _policy(mesh, chosen, rule, None, port)
    routed = _is_routed(service, port, scope.mode) and not is_reserved(port.number, scope.mode)
    routes = (
        *(of_the_port(chosen.exposure, port.number, scope.mode) if routed else ()),
        *of_binds(chosen.exposure, port.number),
    )
    detected = port.protocol is Protocol.UNSPECIFIED
    shares = _shares_addresses(mesh, service, port)
    return PortView(
        port=port,
        default=Target(
            host=service.host,
            port=port.number,
            policy=policy,
            detected=is_detected(service, port),
            named_port=service.named_port(port),
        ),
        called=is_called(chosen.exposure, port.number),
        policy=policy,
        rule=rule.policy_of,
        domains=tuple(_domains(chosen, service, port.number)) if routes else (),
        routes=routes,
        addresses=() if shares else tuple(_addresses(chosen, service, port.number)),
        blocks=(*service.blocks, *service.addresses) if shares else service.blocks,
        pods=tuple(_pods(chosen, service, port.number)) if routes else (),
        binds=tuple(b for b in binds_at(chosen.exposure, port.number) if not b.protocol.is_http),
        subsets=tuple(
            SubsetView(
                ref=SubsetRef(name=subset.name, labels=subset.labels),
                policy=_policy(mesh, chosen, rule, subset, port),
                rule=rule.subset_of[subset.name],
            )
            for subset in rule.subsets
        ),
        rules=_rules(mesh, scope, chosen, port) if port.protocol.is_http or detected else (),
        l4=() if port.protocol.is_http else _l4(mesh, scope, chosen, port),
    )


def _policy(
    mesh: Mesh, chosen: Selection, rule: Merged, subset: Subset | None, port: Port
) -> Policy:
    found = policy_for(rule, subset, port.number, mesh.config.default_traffic_policy)
    return with_credential(found, mesh.credentials, chosen.secrets)


def _is_routed(service: Service, port: Port, mode: Mode) -> bool:
    """Whether requests are told from those to other hosts by their name; in proxy-port mode also
    requests for a tunnel. Where the protocol is still to be detected, and the address tells, they
    are not: the port has routes of its own.
    """
    if mode is Mode.NONE or port.protocol.is_http:
        return True
    return port.protocol is Protocol.UNSPECIFIED and service.arrival is Arrival.ANYWHERE


def _shares_addresses(mesh: Mesh, service: Service, port: Port) -> bool:
    """Whether the names in TLS tell the hosts of a ServiceEntry, which share its addresses."""
    if service.automatic or not port.protocol.is_tls:
        return False
    return len(mesh.services.contributed[service.key]) > 1


def _addresses(chosen: Selection, service: Service, port: int) -> Iterator[str]:
    """The virtual IPs at which the service answers."""
    if is_called(chosen.exposure, port):
        yield from (a for a in service.addresses if (_at(a), port) not in chosen.taken)


def is_reserved(port: int, mode: Mode) -> bool:
    """Whether requests to a port cannot be routed, because the sidecar itself listens there."""
    return mode is Mode.REDIRECT and port in SIDECAR_PORTS


def _rules(mesh: Mesh, scope: Scope, chosen: Selection, port: Port) -> tuple[HttpRule, ...]:
    if chosen.virtual_service is None:
        return ()
    return http_rules(
        mesh, scope, mesh.virtual_services.objects[chosen.virtual_service], port.number
    )


def _l4(mesh: Mesh, scope: Scope, chosen: Selection, port: Port) -> tuple[L4Rule, ...]:
    if chosen.virtual_service is None:
        return ()
    return l4_rules(mesh, scope, mesh.virtual_services.objects[chosen.virtual_service], port)


def _domains(chosen: Selection, service: Service, port: int) -> Iterator[str]:
    names = names_of(service, chosen.aliases, own_namespace=chosen.own_namespace)
    answering = (a for a in service.addresses if (_at(a), port) not in chosen.taken)
    own, *others = (*names, *answering)
    yield own
    for name in others:
        if not {(name, 0), (name, port)} & chosen.taken:
            yield _bracketed(name)


def _pods(chosen: Selection, service: Service, port: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    for pod in chosen.pods:
        own, *others = pod_names(pod, service, own_namespace=chosen.own_namespace)
        if not {(own, 0), (own, port)} & chosen.taken:
            free = (name for name in others if not {(name, 0), (name, port)} & chosen.taken)
            yield pod, (own, *free)


def with_port(names: tuple[str, ...] | list[str], port: int) -> tuple[str, ...]:
    """The names as a proxy is asked for them: with the port, and without it where HTTP's own is
    meant.
    """
    ported = tuple(f"{name}:{port}" for name in names)
    return (*ported, *names) if port == HTTP_PORT else ported


def _bracketed(name: str) -> str:
    """An IPv6 address as it stands in a Host header."""
    return f"[{name}]" if ":" in name else name
