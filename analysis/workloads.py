"""Whom a selector or a policy is for: the pods that are known, one of each kind.

Where no pod of a namespace is known nothing can be said: often only a part of a mesh is analyzed.
"""

from collections.abc import Iterator, Mapping

from analysis.facts import Facts
from crds.core import Pod
from crds.meta import PER_POD_LABELS, Key
from mesh.attachment import Attached, holds, targets_of, workload_of
from mesh.proxy import Proxy, is_injected, proxy_from

ENDED = frozenset({"Succeeded", "Failed"})
"""Phases of pods that take no part in anything any more."""


def pods_of(facts: Facts, keys: Iterator[Key]) -> Iterator[tuple[Key, Pod]]:
    """The pods with these keys that have not ended, one for each set of labels."""
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for key in keys:
        pod = facts.objects[key]
        if not isinstance(pod, Pod) or pod.phase in ENDED:
            continue
        labels = {p for p in pod.meta.labels.items() if p[0] not in PER_POD_LABELS}
        kind = (key.namespace, frozenset(labels))
        if kind not in seen:
            seen.add(kind)
            yield key, pod


def selected(
    facts: Facts, namespace: str, selector: Mapping[str, str]
) -> tuple[tuple[Key, Pod], ...]:
    """Those of a namespace (`""`: of all) that have the labels."""
    return tuple(pods_of(facts, iter(facts.pods(namespace, selector))))


def place_of(facts: Facts, policy: Attached) -> str:
    """The namespace whose pods a policy may be for; `""`: all, for it is in the root namespace."""
    root = facts.mesh.config.root_namespace
    return "" if policy.meta.namespace == root else policy.meta.namespace


def governed(facts: Facts, policy: Attached) -> tuple[tuple[Key, Pod], ...]:
    """The pods that a policy of authorization or of tokens is for."""
    labels = policy.selector.match_labels if policy.selector else {}
    found = selected(facts, place_of(facts, policy), labels)
    if not targets_of(policy):
        return found
    return tuple((key, pod) for key, pod in found if holds(policy, workload_of(proxy_from(pod))))


def proxies(pods: tuple[tuple[Key, Pod], ...]) -> tuple[Proxy, ...]:
    """The proxies of those that have one."""
    return tuple(proxy_from(pod) for _, pod in pods if is_injected(pod))
