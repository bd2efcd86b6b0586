"""What is wrong with Services of type ExternalName in their surroundings."""

from collections.abc import Iterator

from crds.outbound_policy import OutboundTrafficPolicyMode
from crds.problem import Problem
from mesh.about import About
from mesh.mesh import Mesh
from mesh.service_aliases import Alias, concrete

_PATH = "spec.externalName"


def problems(mesh: Mesh, about: About, alias: Alias) -> Iterator[Problem]:
    """A name that leads back to itself, or to no service where only those are let through."""
    end = concrete(mesh.aliases, mesh.services.hosts, alias.host)
    if end in mesh.aliases.objects:
        message = "leads back to itself, so nothing answers: name a host that is a service"
        yield about.error("alias-circle", _PATH, alias.target, message)
    elif end not in mesh.services.hosts and _only_known(mesh):
        message = "no service has this host, so calls of it are refused: add a ServiceEntry for it"
        yield about.warning("unknown-host", _PATH, alias.target, message)


def _only_known(mesh: Mesh) -> bool:
    mode = mesh.config.outbound_traffic_policy.mode
    return mode is OutboundTrafficPolicyMode.REGISTRY_ONLY
