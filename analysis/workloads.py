"""Whom a selector or a policy is for: the pods that are known, one of each kind.

Where no pod of a namespace is known nothing can be said: often only a part of a mesh is analyzed.
"""

from collections.abc import Mapping

from analysis.facts import Facts
from analysis.pods import pods_of
from crds.core import Pod
from crds.meta import Key
from mesh.attachment import Attached, holds, targets_of, workload_of
from mesh.proxy import Proxy, is_injected, proxy_from


def selected(
    facts: Facts, namespace: str, selector: Mapping[str, str]
) -> tuple[tuple[Key, Pod], ...]:
    """Those of a namespace (`""`: of all) that have the labels."""
    if not selector:
        return facts.kinds_of_pods.get(namespace, ())
    keys = facts.pods(namespace, selector)
    found = ((key, pod) for key in keys if isinstance(pod := facts.objects[key], Pod))
    return tuple(pods_of(found))


def is_peopled(facts: Facts, namespace: str) -> bool:
    """Whether any pod of the namespace has a proxy."""
    return any(is_injected(pod) for _, pod in facts.kinds_of_pods.get(namespace, ()))


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


def proxies(facts: Facts, pods: tuple[tuple[Key, Pod], ...]) -> tuple[Proxy, ...]:
    """The proxies of those that have one."""
    return tuple(facts.proxies[key] for key, _ in pods if key in facts.proxies)
