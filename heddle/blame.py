"""Which mesh objects a resource was made from: whom to tell when an Envoy rejects it."""

from collections.abc import Iterable, Iterator

from crds.meta import Key
from heddle.edits import GROUPS
from mesh import hosts
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from translator.names import VIRTUAL_INBOUND, parse_cluster, parse_virtual_host
from xds.types import CDS, EDS, LDS, RDS, VHDS

FEW = 8
"""So many objects that were changed at once can all be told of a rejection."""


def blamed(named: frozenset[Key], together: frozenset[Key]) -> frozenset[Key]:
    """Whom a rejection concerns: of the objects that the resource was made from, `named`, those
    that changed when it last did, `together`. If those made it differ in another way than by its
    name, as a policy does, they are meant themselves.
    """
    if both := named & together:
        return both
    return together if 0 < len(together) <= FEW else named


def made_from(mesh: Mesh, proxy: Proxy | None, type_url: str, name: str) -> frozenset[Key]:
    """The mesh objects that the resource `name` of a proxy was made from, as far as its name says
    it.
    """
    if type_url in (CDS, EDS):
        cluster = parse_cluster(name)
        if cluster is not None and cluster.direction == "outbound":
            return _mesh_objects(_of_host(mesh, cluster.host))
        return _mesh_objects(_inbound(mesh, proxy)) if cluster is not None else frozenset()
    if type_url in (RDS, VHDS):
        return _mesh_objects(_routing(mesh, proxy, name))
    if type_url == LDS and proxy is not None and (proxy.is_gateway or name == VIRTUAL_INBOUND):
        return _mesh_objects(_inbound(mesh, proxy))
    return frozenset()


def _mesh_objects(keys: Iterable[Key]) -> frozenset[Key]:
    return frozenset(key for key in keys if key.group in GROUPS)


def _of_host(mesh: Mesh, host: str) -> Iterator[Key]:
    yield from mesh.services.hosts.get(host, ())
    yield from mesh.rules.over(host)


def _routing(mesh: Mesh, proxy: Proxy | None, name: str) -> Iterator[Key]:
    found = parse_virtual_host(name)
    host = found.host.rpartition(":")[0] if found is not None else ""
    if host:
        routes = mesh.virtual_services
        for pattern in (host, *hosts.most_specific(routes.wildcards, host)):
            yield from routes.hosts.get(pattern, ())
        yield from _of_host(mesh, host)
    elif proxy is not None and proxy.is_gateway:
        yield from _inbound(mesh, proxy)


def _inbound(mesh: Mesh, proxy: Proxy | None) -> Iterator[Key]:
    """What has a say in whom a proxy lets in."""
    if proxy is None:
        return
    root = mesh.config.root_namespace
    places = (proxy.namespace, root)
    yield from mesh.peer_authentications.keys(*places)
    yield from mesh.authorization_policies.keys(*places)
    yield from mesh.request_authentications.policies.keys(*places)
    yield from mesh.sidecars.namespaces.get(proxy.namespace, ())
    if proxy.is_gateway:
        for key in mesh.gateways.selecting(proxy.labels):
            yield key
            yield from mesh.virtual_services.gateways.get(f"{key.namespace}/{key.name}", ())
