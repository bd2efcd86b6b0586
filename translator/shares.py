"""How traffic is divided among the destinations of a rule, for HTTP and TCP alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from mesh.routing import Missing, Target
from translator import names, pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A cluster and its part of the traffic, in relation to the other parts; never zero."""

    cluster: str
    weight: int
    target: Target | None = None
    """`None` for the share of a destination that does not exist."""


def cluster_of(target: Target) -> str:
    """The cluster that the destination's endpoints are in."""
    return names.outbound_cluster(target.port, target.subset, target.host)


def shares(targets: Sequence[Target | Missing]) -> tuple[Share, ...]:
    """The weight of an only destination does not matter; of several, those of weight 0 get nothing.

    The share of a destination that does not exist goes to the blackhole, which answers 503. The
    result is empty if no destination exists, or if all weights are 0: there is nothing to divide.
    """
    parts = [_share(target) for target in targets]
    if len(parts) == 1:
        parts = [Share(cluster=parts[0].cluster, weight=1, target=parts[0].target)]
    parts = _within_range([part for part in parts if part.weight > 0])
    return tuple(parts) if any(part.target for part in parts) else ()


def _share(target: Target | Missing) -> Share:
    if isinstance(target, Missing):
        return Share(cluster=names.BLACKHOLE, weight=target.weight)
    return Share(cluster=cluster_of(target), weight=target.weight, target=target)


def _within_range(parts: list[Share]) -> list[Share]:
    """Envoy refuses weights whose sum is above 2^32-1; the relation is what counts."""
    divisor = sum(part.weight for part in parts) // pb.UINT32_MAX + 1
    if divisor == 1:
        return parts
    return [
        Share(cluster=part.cluster, weight=max(part.weight // divisor, 1), target=part.target)
        for part in parts
    ]
