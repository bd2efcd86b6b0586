"""The mesh at one instant: small indexes, no methods. Only translate.py, parts.py and advance.py may hold it whole."""

from dataclasses import dataclass

from crds.mesh_config import MeshConfig
from mesh.destination_rules import Client, DestinationRules
from mesh.endpoint_index import EndpointSources
from mesh.service_index import Services
from mesh.virtual_services import VirtualServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Frozen indexes over everything that is configured."""

    config: MeshConfig = MeshConfig()
    services: Services = Services()
    endpoints: EndpointSources = EndpointSources()
    rules: DestinationRules = DestinationRules()
    virtual_services: VirtualServices = VirtualServices()


EMPTY_MESH = Mesh()


def client(mesh: Mesh, namespace: str) -> Client:
    """A client of `namespace`, for the lookup of DestinationRules."""
    return Client(namespace, mesh.config.root_namespace)
