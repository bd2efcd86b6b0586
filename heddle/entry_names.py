"""The names that ServiceEntries bring into a mesh on this machine: no name server knows them."""

from heddle.local.names import Names
from mesh import hosts
from mesh.mesh import Mesh


def entry_names(mesh: Mesh) -> Names:
    """The IPv4 virtual IPs, given or allocated, of each host; the oldest entry's, if several have
    it. Not of a host that the proxy itself looks up: it would be led to itself.
    """
    found: dict[str, tuple[str, ...]] = {}
    for host in mesh.services.hosts:
        service = mesh.services.at(host)[0]
        entry = mesh.endpoints.service_entries.get(service.key)
        if entry is None or hosts.is_wildcard(host):
            continue
        looked_up = service.resolution.is_dns and not entry.endpoints
        addresses = tuple(address for address in service.addresses if ":" not in address)
        if addresses and not looked_up:
            found[host] = addresses
    return found
