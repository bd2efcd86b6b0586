"""The mesh at one instant: small indexes, no methods. Only translate.py, parts.py and advance.py
may hold it whole.
"""

from dataclasses import dataclass

from crds.authorization_policy import AuthorizationPolicy
from crds.mesh_config import DEFAULT_MESH_CONFIG, MeshConfig
from crds.peer_authentication import PeerAuthentication
from mesh.by_namespace import ByNamespace
from mesh.credentials import Credentials
from mesh.destination_rules import Client, DestinationRules, Label
from mesh.endpoint_index import EndpointSources
from mesh.gateways import Gateways
from mesh.request_authentications import RequestAuthentications
from mesh.service_aliases import Aliases
from mesh.service_index import Services
from mesh.sidecars import Sidecars
from mesh.virtual_services import VirtualServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Frozen indexes over everything that is configured."""

    config: MeshConfig
    services: Services
    aliases: Aliases
    endpoints: EndpointSources
    rules: DestinationRules
    virtual_services: VirtualServices
    gateways: Gateways
    credentials: Credentials
    sidecars: Sidecars
    peer_authentications: ByNamespace[PeerAuthentication]
    authorization_policies: ByNamespace[AuthorizationPolicy]
    request_authentications: RequestAuthentications


EMPTY_MESH = Mesh(
    config=DEFAULT_MESH_CONFIG,
    services=Services(),
    aliases=Aliases(),
    endpoints=EndpointSources(),
    rules=DestinationRules(),
    virtual_services=VirtualServices(),
    gateways=Gateways(),
    credentials=Credentials(),
    sidecars=Sidecars(),
    peer_authentications=ByNamespace(),
    authorization_policies=ByNamespace(),
    request_authentications=RequestAuthentications(),
)


def client(mesh: Mesh, namespace: str, labels: frozenset[Label] | None = None) -> Client:
    """A client of `namespace`, for the lookup of DestinationRules; `labels` are its own, as far as
    rules ask for them.
    """
    return Client(namespace, mesh.config.root_namespace, labels)


def asked_labels(mesh: Mesh, namespace: str) -> frozenset[str]:
    """The labels on which the outbound side of the clients of a namespace depends."""
    return mesh.rules.label_names(namespace) | mesh.virtual_services.labels.keys()
