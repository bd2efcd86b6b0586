"""Outlier detection that never leaves an endpoint out: one of a few is a larger share of them than
may be left out at once. Envoy then only counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crds.destination_rule import DestinationRule, OutlierDetection, TrafficPolicy
from crds.fields import EMPTY
from crds.problem import Problem, warning
from mesh.endpoints import Endpoint

DEFAULT_PERCENT = 10
"""Of Envoy, and Istio."""

Endpoints = Sequence[Mapping[int, Sequence[Endpoint]]]
"""Those of each service that a rule is for, by port."""


def ejection_problems(rule: DestinationRule, endpoints: Endpoints) -> Iterator[Problem]:
    """Those of one rule, without the object."""
    if rule.traffic_policy is not None:
        yield from _of_policy("spec.trafficPolicy", rule.traffic_policy, endpoints, EMPTY)
    for index, subset in enumerate(rule.subsets):
        if subset.traffic_policy is not None:
            path = f"spec.subsets[{index}].trafficPolicy"
            yield from _of_policy(path, subset.traffic_policy, endpoints, subset.labels)


def _of_policy(
    path: str, policy: TrafficPolicy, endpoints: Endpoints, labels: Mapping[str, str]
) -> Iterator[Problem]:
    levels = [(each.port.number if each.port else 0, each) for each in policy.port_level_settings]
    own = {number for number, _ in levels}
    rest = (found for each in endpoints for port, found in each.items() if port not in own)
    yield from _of_block(path, policy.outlier_detection, rest, labels)
    for index, (number, level) in enumerate(levels):
        here = (each[number] for each in endpoints if number in each)
        block = f"{path}.portLevelSettings[{index}]"
        yield from _of_block(block, level.outlier_detection, here, labels)


def _of_block(
    path: str,
    detection: OutlierDetection | None,
    clusters: Iterable[Sequence[Endpoint]],
    labels: Mapping[str, str],
) -> Iterator[Problem]:
    """Nobody is told of a single endpoint: without it there is none."""
    if detection is None:
        return
    wanted = labels.items()
    most = max((sum(wanted <= e.labels.items() for e in each) for each in clusters), default=0)
    percent = detection.max_ejection_percent or DEFAULT_PERCENT
    if most > 1 and 100 // most > percent:
        message = (
            f"leaves no endpoint out: there are {most}, so one is {100 // most} % of them, and at "
            f"most {percent} % may be left out at once; set it to {100 // most} or more"
        )
        given = detection.max_ejection_percent or None
        yield warning("never-ejects", f"{path}.outlierDetection.maxEjectionPercent", message, given)
