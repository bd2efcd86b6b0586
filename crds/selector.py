"""Which workloads a security policy is about: its selector, or the things that it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds import checks
from crds.fields import EMPTY
from crds.problem import Problem, error, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSelector:
    """Workloads with all of these labels."""

    match_labels: Mapping[str, str] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTargetReference:
    """An object of the policy's own namespace."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


MAX_TARGETS = 16
TARGETS = frozenset(
    {
        ("", "Service"),
        ("networking.istio.io", "ServiceEntry"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "GatewayClass"),
    }
)
"""What a policy can be for: API group and kind."""


def check_selector(selector: WorkloadSelector | None) -> Iterator[Problem]:
    """Labels without wildcards."""
    if selector is None:
        return
    if not selector.match_labels:
        message = "has no labels, so the policy is for the whole namespace: leave the selector out"
        yield warning("empty-selector", "spec.selector", message)
    for name, value in selector.match_labels.items():
        if "*" in name or "*" in value:
            message = "labels have no wildcards: write the label out"
            yield error("wildcard-label", f'spec.selector.matchLabels["{name}"]', message, value)
            return
    yield from checks.labels("spec.selector.matchLabels", selector.match_labels)


def check_targets(
    selector: WorkloadSelector | None,
    target: PolicyTargetReference | None,
    targets: Sequence[PolicyTargetReference],
) -> Iterator[Problem]:
    """At most one of the three, and each target of a kind that can be one."""
    given = [name for name, value in _named(selector, target, targets) if value]
    if len(given) > 1:
        message = f"{' and '.join(given)} are given: keep one"
        yield error("conflict", f"spec.{given[1]}", message)
    yield from checks.at_most("spec.targetRefs", len(targets), MAX_TARGETS)
    if target is not None:
        yield from _check_target("spec.targetRef", target)
    for index, each in enumerate(targets):
        yield from _check_target(f"spec.targetRefs[{index}]", each)


def _named(
    selector: WorkloadSelector | None,
    target: PolicyTargetReference | None,
    targets: Sequence[PolicyTargetReference],
) -> tuple[tuple[str, bool], ...]:
    return (
        ("selector", selector is not None),
        ("targetRef", target is not None),
        ("targetRefs", bool(targets)),
    )


def _check_target(path: str, target: PolicyTargetReference) -> Iterator[Problem]:
    if (target.group, target.kind) not in TARGETS:
        known = ", ".join(sorted(f"{group or 'core'}/{kind}" for group, kind in TARGETS))
        yield error("bad-target", f"{path}.kind", f"must be one of {known}", target.kind)
    if not target.name:
        yield error("missing", f"{path}.name", "is missing: name the object")
    if target.namespace:
        message = "must be empty: a policy is about objects of its own namespace"
        yield error("bad-target", f"{path}.namespace", message, target.namespace)
