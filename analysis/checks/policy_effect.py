"""Policies for pods without a proxy, which nobody enforces (IST0167), and namespaces where that is
so because nobody says whether they are injected (IST0102).
"""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.workloads import governed, selected
from crds.authorization_policy import AuthorizationPolicy
from crds.core import Namespace, Pod
from crds.meta import Key, Label
from crds.peer_authentication import Mode, PeerAuthentication
from crds.request_authentication import RequestAuthentication
from crds.sidecar import Sidecar
from mesh.proxy import is_injected

_Pods = tuple[tuple[Key, Pod], ...]
_LABELS = (Label.INJECTION, Label.REVISION)


def _run(facts: Facts) -> Iterator[Message]:
    unsaid = set(_unsaid(facts))
    for key in sorted(unsaid):
        yield finding(
            codes.NAMESPACE_NOT_INJECTED,
            key,
            "metadata",
            "it has policies or Sidecars, and no pod of it has a sidecar, so nobody obeys them",
        )
    for key, path, pods in _policies(facts):
        told = Key("", "Namespace", "", key.namespace) in unsaid
        if pods and not any(is_injected(pod) for _, pod in pods) and not told:
            yield finding(
                codes.INEFFECTIVE_POLICY,
                key,
                path,
                f"no pod that it is for, such as {pods[0][0].name}, has a sidecar, so nobody "
                "enforces it",
                remedy="Give the pods a sidecar, or select pods that have one.",
            )


def _policies(facts: Facts) -> Iterator[tuple[Key, str, _Pods]]:
    for key, policy in facts.subjects(AuthorizationPolicy):
        yield key, _path(policy.selector), governed(facts, policy)
    for key, tokens in facts.subjects(RequestAuthentication):
        yield key, _path(tokens.selector), governed(facts, tokens)
    root = facts.mesh.config.root_namespace
    for key, peers in facts.subjects(PeerAuthentication):
        labels = peers.selector.match_labels if peers.selector else {}
        place = "" if key.namespace == root and not labels else key.namespace
        if _is_strict(peers):
            yield key, _path(peers.selector), selected(facts, place, labels)


def _path(selector: object) -> str:
    return "spec.selector" if selector else "spec"


def _is_strict(peers: PeerAuthentication) -> bool:
    every = (peers.mtls, *peers.port_level_mtls.values())
    return any(each is not None and each.mode is Mode.STRICT for each in every)


def _unsaid(facts: Facts) -> Iterator[Key]:
    """The namespaces without a label for injection, whose pods none is injected, and where objects
    are that act on pods.
    """
    looked_at = tuple(facts.subjects(Namespace))
    kinds = (AuthorizationPolicy, RequestAuthentication, PeerAuthentication, Sidecar)
    acted = {key.namespace for kind in kinds for key, _ in facts.every(kind) if looked_at}
    for key, namespace in looked_at:
        if key.name in acted and not any(label in namespace.meta.labels for label in _LABELS):
            pods = selected(facts, key.name, {})
            if pods and not any(is_injected(pod) or _is_said(pod) for _, pod in pods):
                yield key


def _is_said(pod: Pod) -> bool:
    """Whether the pod itself says whether it is injected."""
    return Label.INJECT in pod.meta.labels or Label.INJECT in pod.meta.annotations


POLICY_EFFECT = Analyzer(
    name="policy-effect",
    summary="Policies for pods that have no sidecar, and namespaces that nobody injects.",
    codes=(codes.INEFFECTIVE_POLICY, codes.NAMESPACE_NOT_INJECTED),
    run=_run,
)
