"""All that the configuration of one host depends on for the clients of one scope: the narrow input
of the translator.

It is made in two steps. `selection` finds, cheaply, which objects count, by key; two scopes with
equal selections share
one view, one translation and the very same bytes. `view` then reads those objects.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crds.meta import Key
from mesh import hosts
from mesh.destination_rules import Merged, merged, policy_for, rules_for
from mesh.destinations import NO_POLICY, Policy, SubsetRef
from mesh.l4_routing import L4Rule, l4_rules
from mesh.mesh import Mesh, client
from mesh.proxy import Mode
from mesh.routing import HttpRule, Target, http_rules
from mesh.scope import Scope
from mesh.service_aliases import concrete, leading_to
from mesh.service_index import answers, is_visible
from mesh.services import Arrival, Port, Protocol, Resolution, Service
from mesh.virtual_services import asks_for_source, candidates, destination_hosts

HTTP_PORT = 80
"""Where a VirtualService's host that no service has is served (istio-api.md S-11)."""

SIDECAR_PORTS = frozenset({15001, 15006, 15021, 15090})
"""Where a sidecar listens at any address, for redirected traffic, readiness and metrics: Envoy
refuses a second listener there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects decide on `host` for a scope. `targets` names, for each host routed to, its
    service and rules.

    `source` is the scope itself if the VirtualService asks who the client is. `aliases` are other
    names of the service: name, namespace, whether that is the clients' own.
    """

    host: str
    mode: Mode
    namespace: str
    own_namespace: bool
    aliases: tuple[tuple[str, str, bool], ...]
    service: Key | None
    virtual_service: Key | None
    rules: tuple[Key, ...]
    targets: tuple[tuple[str, Key | None, tuple[Key, ...]], ...]
    source: Scope | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetView:
    """One subset at one port."""

    ref: SubsetRef
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """One port of a host. `domains` and `addresses` are those that no other host has a better claim
    to; `blocks` are those that it shares with others.

    No `rules`: requests go to `default`, and so do the connections that no rule of `l4` takes.
    """

    port: Port
    default: Target | None
    policy: Policy = NO_POLICY
    domains: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
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
    service = mesh.services.visible(host, scope.namespace)
    chosen = next(candidates(mesh.virtual_services, host, scope.namespace), None)
    if service is None and not (chosen and _is_only_routed(mesh, host, chosen)):
        return None
    virtual_service = mesh.virtual_services.objects[chosen] if chosen else None
    who = client(mesh, scope.namespace, scope.labels)
    targets: list[tuple[str, Key | None, tuple[Key, ...]]] = []
    asks = False
    if virtual_service is not None:
        for name in sorted(_concrete(mesh, destination_hosts(virtual_service))):
            found = mesh.services.visible(name, scope.namespace)
            rules = rules_for(mesh.rules, name, found.namespace, who) if found else ()
            targets.append((name, found.key if found else None, rules))
        asks = asks_for_source(virtual_service)
    nameless = all(target[1] for target in targets)
    return Selection(
        host=host,
        mode=scope.mode,
        namespace="" if nameless else scope.namespace,
        own_namespace=service is not None and service.namespace == scope.namespace,
        aliases=_aliases(mesh, scope.namespace, host) if service else (),
        service=service.key if service else None,
        virtual_service=chosen,
        rules=rules_for(mesh.rules, host, service.namespace, who) if service else (),
        targets=tuple(targets),
        source=scope if asks else None,
    )


def _concrete(mesh: Mesh, names: Iterable[str]) -> set[str]:
    return {concrete(mesh.aliases, mesh.services.hosts, name) for name in names}


def _aliases(mesh: Mesh, namespace: str, host: str) -> tuple[tuple[str, str, bool], ...]:
    found = leading_to(mesh.aliases, mesh.services.hosts, host)
    return tuple(
        (alias.name, alias.namespace, alias.namespace == namespace)
        for alias in found
        if is_visible(alias, namespace)
    )


def _is_only_routed(mesh: Mesh, host: str, chosen: Key) -> bool:
    """Whether `chosen` names the host, or wildcard, itself, and no service has it."""
    if host == "*" or chosen not in mesh.virtual_services.hosts.get(host, ()):
        return False
    if hosts.is_wildcard(host):
        return not any(hosts.matches(host, known) for known in mesh.services.hosts)
    return host not in mesh.services.hosts


def view(mesh: Mesh, scope: Scope, chosen: Selection) -> HostView:
    """The view that a selection stands for; any scope that made the selection gives the same."""
    service = next((s for s in mesh.services.at(chosen.host) if s.key == chosen.service), None)
    if service is not None and service.headless and scope.mode is Mode.NONE:
        # Behind the proxy port there is no address that the client chose: balance instead.
        service = replace(service, resolution=Resolution.CLIENT_SIDE)
    rule = merged(mesh.rules.objects[key] for key in chosen.rules)
    if service is None:
        port = Port(number=HTTP_PORT, name="http", protocol=Protocol.HTTP, target=HTTP_PORT)
        ports = [_routed_only(mesh, scope, chosen, port)]
    else:
        ports = [_port_view(mesh, scope, chosen, service, port, rule) for port in service.ports]
    return HostView(host=chosen.host, mode=scope.mode, service=service, ports=tuple(ports))


def _routed_only(mesh: Mesh, scope: Scope, chosen: Selection, port: Port) -> PortView:
    rules = _rules(mesh, scope, chosen, port)
    names = (_bracketed(chosen.host),)
    domains = with_port(names, port.number) if scope.mode is Mode.NONE else names
    return PortView(port=port, default=None, domains=domains if rules else (), rules=rules)


def _port_view(
    mesh: Mesh, scope: Scope, chosen: Selection, service: Service, port: Port, rule: Merged
) -> PortView:
    addresses = tuple(a for a in service.addresses if answers(mesh.services, service, a, port))
    default = mesh.config.default_traffic_policy
    policy = policy_for(rule, None, port.number, default)
    routed = _is_routed(service, port, scope.mode) and not is_reserved(port.number, scope.mode)
    detected = port.protocol is Protocol.UNSPECIFIED
    shares = _shares_addresses(mesh, service, port)
    return PortView(
        port=port,
        default=Target(
            host=service.host,
            port=port.number,
            policy=policy,
            named_port=service.named_port(port),
        ),
        policy=policy,
        domains=tuple(_domains(mesh, chosen, service, port, addresses)) if routed else (),
        addresses=() if shares else addresses,
        blocks=(*service.blocks, *service.addresses) if shares else service.blocks,
        subsets=tuple(
            SubsetView(
                ref=SubsetRef(name=subset.name, labels=subset.labels),
                policy=policy_for(rule, subset, port.number, default),
            )
            for subset in rule.subsets
        ),
        rules=_rules(mesh, scope, chosen, port) if port.protocol.is_http or detected else (),
        l4=() if port.protocol.is_http else _l4(mesh, scope, chosen, port),
    )


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


def _domains(
    mesh: Mesh, chosen: Selection, service: Service, port: Port, addresses: tuple[str, ...]
) -> Iterator[str]:
    names = [service.host]
    if service.in_kubernetes:
        names.append(f"{service.host}.")
        names += hosts.aliases(service.name, service.namespace, own_namespace=chosen.own_namespace)
    if service.in_kubernetes and service.headless:
        names += [f"*.{name}" for name in names]
    for name, namespace, is_own in chosen.aliases:
        full = hosts.fqdn(name, namespace)
        names += [full, f"{full}.", *hosts.aliases(name, namespace, own_namespace=is_own)]
    own, *others = (*names, *addresses)
    free = [own, *(_bracketed(name) for name in others if not _is_host(mesh, name, port.number))]
    yield from with_port(free, port.number) if chosen.mode is Mode.NONE else free


def _is_host(mesh: Mesh, name: str, port: int) -> bool:
    """Whether something claims another of a service's names, or its address, as its own: the exact
    name wins (S-45).
    """
    return name in mesh.services.hosts or (
        port == HTTP_PORT and name in mesh.virtual_services.hosts
    )


def with_port(names: tuple[str, ...] | list[str], port: int) -> tuple[str, ...]:
    """The names as a proxy is asked for them: with the port, and without it where HTTP's own is
    meant.
    """
    ported = tuple(f"{name}:{port}" for name in names)
    return (*ported, *names) if port == HTTP_PORT else ported


def _bracketed(name: str) -> str:
    """An IPv6 address as it stands in a Host header."""
    return f"[{name}]" if ":" in name else name
