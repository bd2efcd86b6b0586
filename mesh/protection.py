"""How a workload guards its ports: who has to come with a certificate, whose tokens are valid, and
who may call.
"""

from dataclasses import dataclass

from crds.authorization_policy import AuthorizationPolicy
from crds.mesh_config import CertificateSource, MeshConfig
from crds.peer_authentication import port_number
from mesh.attachment import policies_for, workload_of
from mesh.authentication import PLAIN_OR_MUTUAL, Modes, modes
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
    """`authorizers` are whom the policies ask; `membership` is whose certificates are taken,
    `aliases` the names of their trust domains in policies.
    """

    modes: Modes = PLAIN_OR_MUTUAL
    policies: tuple[AuthorizationPolicy, ...] = ()
    authorizers: tuple[Authorizer, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    membership: Membership = OF_ANY_MESH
    aliases: tuple[str, ...] = (LOCAL_DOMAIN,)

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
    return Protection(
        modes=modes(mesh.peer_authentications, root, where, labels),
        policies=policies,
        authorizers=authorizers(mesh, proxy, policies),
        issuers=issuers(mesh, proxy),
        membership=member,
        aliases=tuple(dict.fromkeys((*member.domains, LOCAL_DOMAIN))),
    )


def trust_domains(config: MeshConfig) -> tuple[str, ...]:
    """The mesh's own, and those that stand for it."""
    return tuple(dict.fromkeys((config.trust_domain, *config.trust_domain_aliases)))
