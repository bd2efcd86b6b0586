"""Policies about who calls, at ports that take callers who do not show who they are.

As in Istio, nobody is not "a principal" but is "not a principal" (istio-api.md S-83): what a policy
says of the one, or leaves out of the other, holds for whoever leaves his certificate at home.
"""

from collections.abc import Iterable, Iterator

from crds.authorization_policy import Action, AuthorizationPolicy, Source
from crds.meta import Key
from crds.peer_authentication import Mode
from crds.problem import Problem, warning
from mesh.authentication import modes
from mesh.mesh import Mesh

_ADMITTED = (
    "also allows callers without a certificate, who are not among these and whom the workload's "
    'ports take: add principals: ["*"], or make the ports STRICT'
)
_ESCAPED = (
    "does not stop callers without a certificate, who are not among these and whom the workload's "
    'ports take: deny notPrincipals: ["*"] too, or make the ports STRICT'
)


def check_plaintext(mesh: Mesh, policy: AuthorizationPolicy) -> Iterator[Problem]:
    """The sources that hold, or do not, of callers of whom nobody knows who they are."""
    told = {Action.ALLOW: (_only_negative, _ADMITTED), Action.DENY: (_positive, _ESCAPED)}
    if policy.action not in told or _is_strict(mesh, policy):
        return
    fields, message = told[policy.action]
    for rule, each in enumerate(policy.rules):
        for index, origin in enumerate(each.from_):
            if origin.source is not None and (field := fields(origin.source)):
                path = f"spec.rules[{rule}].from[{index}].source.{field}"
                yield warning("no-certificate", path, message)


def concerned(mesh: Mesh, namespaces: frozenset[str]) -> Iterable[Key]:
    """The policies to look at again when PeerAuthentications of these namespaces change."""
    if mesh.config.root_namespace in namespaces:
        return mesh.authorization_policies.objects
    return mesh.authorization_policies.keys(*namespaces)


def _is_strict(mesh: Mesh, policy: AuthorizationPolicy) -> bool:
    labels = policy.selector.match_labels if policy.selector else {}
    root = mesh.config.root_namespace
    held = modes(mesh.peer_authentications, root, policy.meta.namespace, labels)
    return {held.default, *held.ports.values()} == {Mode.STRICT}


def _positive(source: Source) -> str:
    """A field that only who is known can match; empty if there is none."""
    found = {
        "principals": source.principals,
        "namespaces": source.namespaces,
        "serviceAccounts": source.service_accounts,
        "trustDomains": source.trust_domains,
    }
    return next((name for name, values in found.items() if values), "")


def _only_negative(source: Source) -> str:
    """A field that who is not known matches, where no other keeps him out."""
    if _positive(source) or source.request_principals:
        return ""
    found = {
        "notPrincipals": source.not_principals,
        "notNamespaces": source.not_namespaces,
        "notServiceAccounts": source.not_service_accounts,
        "notTrustDomains": source.not_trust_domains,
    }
    return next((name for name, values in found.items() if values), "")
