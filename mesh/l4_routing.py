"""The rules that a client obeys below HTTP: where connections to a host's port go, by SNI and by
address.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from crds.virtual_service import (
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
    VirtualService,
)
from mesh import hosts
from mesh.gateway_names import MESH
from mesh.mesh import Mesh
from mesh.routing import At, Missing, Target, from_source, resolve
from mesh.scope import Scope
from mesh.services import Port
from mesh.source import VIRTUAL_SERVICE, Source, networking


@dataclass(frozen=True, slots=True, kw_only=True)
class L4Rule:
    """One `tcp` or `tls` rule for one client and port; of several rules the first that matches
    counts.

    It takes connections with any of these server names (lower case; none: whatever is asked for,
    or no TLS at all) to any of these addresses and blocks (none: wherever they go). `source` is
    where it was written, or the service if no rule speaks of it.
    """

    targets: tuple[Target | Missing, ...]
    sni_hosts: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    source: Source | None = None

    @property
    def takes_everything(self) -> bool:
        """Whether no rule after it can ever count."""
        return not self.sni_hosts and not self.subnets


def l4_rules(
    mesh: Mesh, scope: Scope, virtual_service: VirtualService, port: Port
) -> tuple[L4Rule, ...]:
    """The rules that can apply at `port`: `tls` rules where it speaks TLS, else `tcp` rules (istio-
    api.md S-49); none if the object has nothing to say here.
    """
    found = tls_rules if port.protocol.is_tls else tcp_rules
    at = At(MESH, port.number, virtual_service.meta.namespace)
    rules: list[L4Rule] = []
    for rule in found(mesh, scope, virtual_service, at):
        rules.append(rule)
        if rule.takes_everything:
            break
    return tuple(rules)


def tls_rules(
    mesh: Mesh, scope: Scope, virtual_service: VirtualService, at: At
) -> Iterator[L4Rule]:
    """The `tls` rules that can apply to what arrives there."""
    for index, route in enumerate(virtual_service.tls):
        matches = [match for match in route.match if _applies(match, scope, at)]
        if not matches:
            continue
        targets = _targets(mesh, scope, virtual_service, route.route, at.port)
        for match in matches:
            names = tuple(dict.fromkeys(name.lower() for name in match.sni_hosts))
            yield L4Rule(
                targets=targets,
                sni_hosts=() if "*" in names else names,
                subnets=_blocks(match.destination_subnets),
                source=_source(virtual_service, f"spec.tls[{index}]"),
            )


def tcp_rules(
    mesh: Mesh, scope: Scope, virtual_service: VirtualService, at: At
) -> Iterator[L4Rule]:
    """The `tcp` rules that can apply to what arrives there."""
    for index, route in enumerate(virtual_service.tcp):
        matches = [match for match in route.match if _tcp_applies(match, scope, at)]
        if route.match and not matches:
            continue
        targets = _targets(mesh, scope, virtual_service, route.route, at.port)
        for match in matches or (L4MatchAttributes(),):
            yield L4Rule(
                targets=targets,
                subnets=_blocks(match.destination_subnets),
                source=_source(virtual_service, f"spec.tcp[{index}]"),
            )


def _source(written: VirtualService, path: str) -> Source:
    key = networking(VIRTUAL_SERVICE, written.meta)
    return Source(object=key, path=path, generation=written.meta.generation)


def _tcp_applies(match: L4MatchAttributes, scope: Scope, at: At) -> bool:
    # Nobody evaluates `sourceSubnet`, which is reported: a narrow rule must not become a wide one.
    return not match.source_subnet and _applies(match, scope, at)


def _applies(match: L4MatchAttributes | TLSMatchAttributes, scope: Scope, at: At) -> bool:
    """Unlike for HTTP, naming the gateway does not make the source irrelevant (S-12)."""
    if match.port not in (0, at.port) or (match.gateways and not at.is_one_of(match.gateways)):
        return False
    return from_source(match.source_labels, match.source_namespace, scope)


def _targets(
    mesh: Mesh,
    scope: Scope,
    virtual_service: VirtualService,
    route: tuple[RouteDestination, ...],
    port: int,
) -> tuple[Target | Missing, ...]:
    namespace = virtual_service.meta.namespace
    return tuple(
        resolve(mesh, scope, namespace, each.destination, port, each.weight)
        for each in route
        if each.destination is not None
    )


def _blocks(subnets: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(ip_network(subnet, strict=False)) for subnet in subnets))


def at_address(rules: tuple[L4Rule, ...], address: str) -> tuple[L4Rule, ...]:
    """The rules for connections that go to this very address: subnets are decided, and gone."""
    here: list[L4Rule] = []
    for rule in rules:
        if rule.subnets and not any(_holds(subnet, address) for subnet in rule.subnets):
            continue
        here.append(replace(rule, subnets=()))
        if not rule.sni_hosts:
            break
    return tuple(here)


def first_for(rules: tuple[L4Rule, ...], host: str, addresses: tuple[str, ...]) -> L4Rule:
    """The rule for a client that asks for a host by name, and so will name it in its TLS too. The
    last rule takes everything.
    """
    return next(rule for rule in rules if _asked_for(rule, host, addresses))


def _asked_for(rule: L4Rule, host: str, addresses: tuple[str, ...]) -> bool:
    named = not rule.sni_hosts or any(hosts.matches(name, host) for name in rule.sni_hosts)
    return named and (
        not rule.subnets or any(_holds(s, a) for s in rule.subnets for a in addresses)
    )


def _holds(subnet: str, address: str) -> bool:
    return ip_address(address) in ip_network(subnet)
