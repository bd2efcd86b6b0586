"""How a workload guards its ports: who has to come with a certificate, whose tokens are valid, and
who may call.
"""

from dataclasses import dataclass

from crds.authorization_policy import AuthorizationPolicy
from crds.mesh_config import MeshConfig
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
class Protection:
    """`authorizers` are whom the policies ask; `domains` are the trust domains whose certificates
    are taken, `aliases` their names in policies.
    """

    modes: Modes = PLAIN_OR_MUTUAL
    policies: tuple[AuthorizationPolicy, ...] = ()
    authorizers: tuple[Authorizer, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    domains: tuple[str, ...] = (LOCAL_DOMAIN,)
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
    domains = trust_domains(mesh.config)
    policies = policies_for(mesh.authorization_policies, root, workload_of(proxy))
    return Protection(
        modes=modes(mesh.peer_authentications, root, where, labels),
        policies=policies,
        authorizers=authorizers(mesh, proxy, policies),
        issuers=issuers(mesh, proxy),
        domains=domains,
        aliases=tuple(dict.fromkeys((*domains, LOCAL_DOMAIN))),
    )


def trust_domains(config: MeshConfig) -> tuple[str, ...]:
    """The mesh's own, and those that stand for it."""
    return tuple(dict.fromkeys((config.trust_domain, *config.trust_domain_aliases)))
