"""Which endpoints take mutual TLS, and who may answer there: the client's half of what
`mesh.authentication` says of the server's (istio-api.md S-26 to S-30).

Each endpoint is asked for itself, by the same function that its own sidecar obeys: a STRICT
workload in a DISABLE namespace is called as it wants to be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from crds.peer_authentication import Mode, PeerAuthentication
from mesh.authentication import modes
from mesh.endpoints import Endpoint
from mesh.identity import SpiffeId
from mesh.mesh import Mesh
from mesh.service_endpoints import endpoints_of
from mesh.services import Service

DEFAULT_ACCOUNT = "default"
"""Of pods that name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Who is behind a service: the service accounts of its endpoints, and whether each of them, of
    which there is one at least, takes mutual TLS.
    """

    accounts: frozenset[str] = frozenset()
    all_mutual: bool = False


NOBODY = Peers()


def known_endpoints(mesh: Mesh, service: Service) -> Mapping[int, tuple[Endpoint, ...]]:
    """The endpoints of each port of a service; `mutual` are those whose sidecar takes it there."""
    found = endpoints_of(mesh.endpoints, service)
    if not _may_be_plain(mesh, service.namespace):
        return found
    return {
        number: tuple(_as_asked(mesh, service.namespace, each) for each in endpoints)
        for number, endpoints in found.items()
    }


def _may_be_plain(mesh: Mesh, namespace: str) -> bool:
    """Whether any policy there refuses mutual TLS."""
    policies = mesh.peer_authentications.of(mesh.config.root_namespace, namespace)
    return any(mode is Mode.DISABLE for each in policies for mode in _said(each))


def _said(policy: PeerAuthentication) -> Iterable[Mode]:
    return (each.mode for each in (policy.mtls, *policy.port_level_mtls.values()) if each)


def _as_asked(mesh: Mesh, namespace: str, endpoint: Endpoint) -> Endpoint:
    if not endpoint.mutual:
        return endpoint
    held = modes(mesh.peer_authentications, mesh.config.root_namespace, namespace, endpoint.labels)
    plain = held.at(endpoint.target) is Mode.DISABLE
    return replace(endpoint, mutual=False) if plain else endpoint


def peers(endpoints: Mapping[int, tuple[Endpoint, ...]]) -> Peers:
    """Who is behind these endpoints."""
    every = [each for of_port in endpoints.values() for each in of_port]
    return Peers(
        accounts=frozenset(each.service_account or DEFAULT_ACCOUNT for each in every),
        all_mutual=bool(every) and all(each.mutual for each in every),
    )


def identities(service: Service, who: Peers, domains: Iterable[str]) -> tuple[str, ...]:
    """The SPIFFE ids that may answer for a service, in any of the mesh's trust domains."""
    own = {
        str(SpiffeId(domain, service.namespace, account))
        for domain in domains
        for account in who.accounts
    }
    return tuple(sorted(own | set(service.subject_alt_names)))
