"""Selectors that no pod has the labels of (IST0127): a policy that nobody obeys."""

from collections.abc import Iterator, Mapping

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.spelling import closest
from crds.authorization_policy import AuthorizationPolicy
from crds.destination_rule import DestinationRule
from crds.meta import Key
from crds.peer_authentication import PeerAuthentication
from crds.request_authentication import RequestAuthentication
from crds.sidecar import Sidecar
from crds.workload_entry import WorkloadEntry
from mesh.service_index import selects

_POLICY = "spec.selector.matchLabels"
_MISSED = "no pod of {} has these labels, so nobody obeys this"


def _run(facts: Facts) -> Iterator[Message]:
    root = facts.mesh.config.root_namespace
    for key, path, labels in _selectors(facts):
        # A policy of the root namespace selects anywhere, any other object in its own namespace.
        anywhere = key.namespace == root and key.kind in _ANYWHERE
        place = "" if anywhere else key.namespace
        if labels and facts.pods(place) and not _matches(facts, place, labels):
            yield _missed(facts, key, path, place, labels)


_ANYWHERE = frozenset({"AuthorizationPolicy", "RequestAuthentication"})


def _selectors(facts: Facts) -> Iterator[tuple[Key, str, Mapping[str, str]]]:
    for key, policy in facts.subjects(AuthorizationPolicy):
        yield key, _POLICY, policy.selector.match_labels if policy.selector else {}
    for key, tokens in facts.subjects(RequestAuthentication):
        yield key, _POLICY, tokens.selector.match_labels if tokens.selector else {}
    for key, peers in facts.subjects(PeerAuthentication):
        yield key, _POLICY, peers.selector.match_labels if peers.selector else {}
    for key, sidecar in facts.subjects(Sidecar):
        chosen = sidecar.workload_selector
        yield key, "spec.workloadSelector.labels", chosen.labels if chosen else {}
    for key, rule in facts.subjects(DestinationRule):
        picked = rule.workload_selector
        yield key, "spec.workloadSelector.matchLabels", picked.match_labels if picked else {}


def _matches(facts: Facts, namespace: str, labels: Mapping[str, str]) -> bool:
    if facts.pods(namespace, labels):
        return True
    entries = facts.every(WorkloadEntry)
    return any(
        selects(labels, entry.labels) for key, entry in entries if namespace in ("", key.namespace)
    )


def _missed(
    facts: Facts, key: Key, path: str, namespace: str, labels: Mapping[str, str]
) -> Message:
    where = f"namespace {namespace}" if namespace else "the mesh"
    return finding(
        codes.NO_MATCHING_WORKLOADS_FOUND,
        key,
        path,
        _MISSED.format(where),
        value=", ".join(f"{name}={value}" for name, value in sorted(labels.items())),
        remedy=_remedy(facts, namespace, labels),
    )


def _remedy(facts: Facts, namespace: str, labels: Mapping[str, str]) -> str:
    """The label that is misspelt, if it looks so."""
    known = facts.labels(namespace)
    for name, value in sorted(labels.items()):
        if name not in known:
            near = closest(name, known)
            return f"Did you mean the label {near}?" if near else _COMPARE
        if value not in known[name].every:
            near = closest(value, known[name])
            return f"Did you mean the label {name}: {near}?" if near else _COMPARE
    return _COMPARE


_COMPARE = "Select by a label that the pods have; those of a Deployment stand in its template."

SELECTORS = Analyzer(
    name="selectors",
    summary="Selectors of policies, Sidecars and DestinationRules that match no pod.",
    codes=(codes.NO_MATCHING_WORKLOADS_FOUND,),
    run=_run,
)
