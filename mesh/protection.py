"""How a workload guards its ports: who has to come with a certificate, whose tokens are valid, and
who may call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crds.authorization_policy import AuthorizationPolicy
from crds.mesh_config import CertificateSource, MeshConfig
from crds.meta import Key
from crds.peer_authentication import port_number
from mesh.attachment import policies_for, workload_of
from mesh.authentication import PLAIN_OR_MUTUAL, Modes, deciding, modes
from mesh.mesh import Mesh
from mesh.providers import Authorizer, authorizers
from mesh.proxy import Proxy
from mesh.tokens import Issuer, issuers

LOCAL_DOMAIN = "cluster.local"
"""Stands for the mesh's own trust domain in policies, whatever that is called (S-85)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What it takes to be of the mesh: a certificate of one of the trust `domains`, which the
    workload itself has from `source`.
    """

    domains: tuple[str, ...] = (LOCAL_DOMAIN,)
    source: CertificateSource = CertificateSource.HEDDLE


OF_ANY_MESH = Membership()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """`deciders` are the PeerAuthentications that the `modes` are of: at the workload's own ports,
    and at 0 for all others. `authorizers` are whom the policies ask; `membership` is whose
    certificates are taken, `aliases` the names of their trust domains in policies.
    """

    modes: Modes = PLAIN_OR_MUTUAL
    deciders: Mapping[int, Key] = field(default_factory=dict)
    policies: tuple[AuthorizationPolicy, ...] = ()
    authorizers: tuple[Authorizer, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    membership: Membership = OF_ANY_MESH
    aliases: tuple[str, ...] = (LOCAL_DOMAIN,)

    def decider(self, port: int) -> Key | None:
        """The PeerAuthentication by which a port of the workload has its mode, if any has a say."""
        return self.deciders.get(port if str(port) in self.modes.ports else 0)

    def listed_ports(self) -> tuple[int, ...]:
        """The ports that have a mode of their own."""
        numbers = (port_number(port) for port in self.modes.ports)
        return tuple(sorted(number for number in numbers if number is not None))


UNGUARDED = Protection()
"""Of a workload that no policy is about: plaintext is taken, and so are certificates."""


def protection_of(mesh: Mesh, proxy: Proxy) -> Protection:
    """What holds for a proxy's workload."""
    root, where, labels = mesh.config.root_namespace, proxy.namespace, proxy.labels
    member = Membership(domains=trust_domains(mesh.config), source=mesh.config.certificate_source)
    policies = policies_for(mesh.authorization_policies, root, workload_of(proxy))
    held = modes(mesh.peer_authentications, root, where, labels)
    return Protection(
        modes=held,
        deciders=_deciders(mesh, proxy, held),
        policies=policies,
        authorizers=authorizers(mesh, proxy, policies),
        issuers=issuers(mesh, proxy),
        membership=member,
        aliases=tuple(dict.fromkeys((*member.domains, LOCAL_DOMAIN))),
    )


def _deciders(mesh: Mesh, proxy: Proxy, held: Modes) -> Mapping[int, Key]:
    root, where, labels = mesh.config.root_namespace, proxy.namespace, proxy.labels
    ports = (0, *filter(None, map(port_number, held.ports)))
    found = (
        (port, deciding(mesh.peer_authentications, root, where, labels, port)) for port in ports
    )
    return {port: by.object for port, by in found if by is not None}


def trust_domains(config: MeshConfig) -> tuple[str, ...]:
    """The mesh's own, and those that stand for it."""
    return tuple(dict.fromkeys((config.trust_domain, *config.trust_domain_aliases)))
