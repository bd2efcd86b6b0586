"""Routes that ask for what tokens say, at gateways that look at no token."""

from collections.abc import Iterator

from crds.http_match import is_claim
from crds.kinds import NETWORKING
from crds.meta import Key
from crds.problem import Problem
from crds.virtual_service import VirtualService
from mesh.about import About
from mesh.attachment import policies_for, workload_of
from mesh.gateway_names import gateway_names
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.service_index import selects


def check_claims(mesh: Mesh, about: About, virtual_service: VirtualService) -> Iterator[Problem]:
    """A warning for each claim that is never there at one of the gateways."""
    asked = list(_claims(virtual_service))
    if not asked:
        return
    blind = sorted(_blind(mesh, virtual_service))
    for path, name in asked if blind else ():
        yield about.warning(
            "no-tokens",
            path,
            name,
            f"no RequestAuthentication is for the pods of {blind[0]}, so no token is verified "
            "there, and nobody has this claim: add one",
        )


def claiming(mesh: Mesh) -> Iterator[Key]:
    """The VirtualServices that ask for claims."""
    for key, each in mesh.virtual_services.written.items():
        if any(True for _ in _claims(each)):
            yield key


def _claims(virtual_service: VirtualService) -> Iterator[tuple[str, str]]:
    for i, rule in enumerate(virtual_service.http):
        for j, match in enumerate(rule.match):
            for field, headers in (
                ("headers", match.headers),
                ("withoutHeaders", match.without_headers),
            ):
                for name in filter(is_claim, headers):
                    yield f'spec.http[{i}].match[{j}].{field}["{name}"]', name


def _blind(mesh: Mesh, virtual_service: VirtualService) -> Iterator[str]:
    """The Gateways that it is for, and whose pods know no token."""
    for full in gateway_names(virtual_service.gateways, virtual_service.meta.namespace):
        namespace, _, name = full.partition("/")
        gateway = mesh.gateways.objects.get(Key(NETWORKING, "Gateway", namespace, name))
        if gateway is None:
            continue  # told of elsewhere
        pods = mesh.gateways.pods.values()
        if any(selects(gateway.selector, p.labels) and not _knows_tokens(mesh, p) for p in pods):
            yield full


def _knows_tokens(mesh: Mesh, pod: Proxy) -> bool:
    policies, root = mesh.request_authentications.policies, mesh.config.root_namespace
    return any(each.jwt_rules for each in policies_for(policies, root, workload_of(pod)))
