"""The names that a sidecar can resolve for its applications, with their addresses: what it says in
the place of the cluster's DNS, which knows no host of a ServiceEntry.

A Service has its virtual IPs, a headless one its endpoints, and each of these that has a name of
its own that too. A host without an address of its own (a ServiceEntry that leaves it to the
client) is for the pod's resolvers, and so are short names: resolvers make them full ones first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crds.names import is_ip
from mesh import hosts
from mesh.endpoints import Endpoint
from mesh.host_view import Selection
from mesh.mesh import Mesh
from mesh.route_configurations import is_called
from mesh.service_endpoints import endpoints_of
from mesh.services import Service


@dataclass(frozen=True, slots=True, order=True)
class DnsName:
    """A full name, or `*.` and the end of many, and its addresses."""

    name: str
    addresses: tuple[str, ...]


def dns_names(mesh: Mesh, chosen: Selection | None) -> tuple[DnsName, ...]:
    """Those of a host as the clients of a scope see it; none of one that they cannot call."""
    if chosen is None or chosen.service is None:
        return ()
    service = next((s for s in mesh.services.at(chosen.host) if s.key == chosen.service), None)
    if service is None or not any(is_called(chosen.exposure, p.number) for p in service.ports):
        return ()
    if service.headless:
        found = endpoints_of(mesh.endpoints, service)
        return tuple(_of_pods(service, {each for port in found.values() for each in port}))
    others = (hosts.fqdn(name, namespace) for name, namespace, _ in chosen.aliases)
    names = (service.host, *others) if service.addresses else ()
    return tuple(DnsName(name, service.addresses) for name in names if _is_told(name))


def _is_told(name: str) -> bool:
    """Of wildcards those that begin with a whole label."""
    return not hosts.is_wildcard(name) or name.startswith("*.")


def _of_pods(service: Service, endpoints: Iterable[Endpoint]) -> Iterator[DnsName]:
    """Only those that take calls, as the cluster's DNS has it."""
    by_name: dict[str, set[str]] = {}
    for each in (each for each in endpoints if each.healthy):
        known = {address for address in (each.address, *each.others) if is_ip(address)}
        own = (f"{each.hostname}.{service.host}",) if each.hostname else ()
        for name in (service.host, *own):
            by_name.setdefault(name, set()).update(known)
    return (DnsName(name, tuple(sorted(by_name[name]))) for name in sorted(by_name))
