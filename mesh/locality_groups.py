"""The endpoints of a cluster in groups of one locality and priority, as a client's place has it.

The weights and priorities are Istio's (istio-api.md S-76): shares of localities, or an order in
which Envoy turns to a group when those before it are not healthy enough.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from crds.load_balancer import Distribute
from mesh.endpoints import Endpoint, Locality
from mesh.localities import ANYWHERE, Place, ranked_labels
from mesh.locality_balance import LocalityBalance

_FURTHEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Endpoints of one locality. `weight` counts against other localities of the same priority."""

    locality: Locality
    endpoints: tuple[Endpoint, ...]
    weight: int
    priority: int = 0


def groups(
    endpoints: Iterable[Endpoint], balance: LocalityBalance | None, place: Place = ANYWHERE
) -> list[Group]:
    """In the order of priority and locality."""
    if balance is None:
        return _grouped((0, endpoint) for endpoint in endpoints)
    if balance.distribute:
        near = _grouped((0, endpoint) for endpoint in endpoints)
        return _distributed(near, balance.distribute, place.locality)
    ranked = [(_rank(endpoint, balance, place), endpoint) for endpoint in endpoints]
    numbers = {rank: number for number, rank in enumerate(sorted({rank for rank, _ in ranked}))}
    return _grouped((numbers[rank], endpoint) for rank, endpoint in ranked)


def _grouped(ranked: Iterable[tuple[int, Endpoint]]) -> list[Group]:
    found = groupby(sorted(ranked, key=_order), key=lambda pair: (pair[0], pair[1].locality))
    return [_group(priority, locality, members) for (priority, locality), members in found]


def _order(ranked: tuple[int, Endpoint]) -> tuple[int, Locality, str, int]:
    priority, endpoint = ranked
    return priority, endpoint.locality, endpoint.address, endpoint.port


def _group(priority: int, locality: Locality, members: Iterable[tuple[int, Endpoint]]) -> Group:
    endpoints = tuple(endpoint for _, endpoint in members)
    weight = sum(weight_of(endpoint) for endpoint in endpoints)
    return Group(locality=locality, endpoints=endpoints, weight=weight, priority=priority)


def weight_of(endpoint: Endpoint) -> int:
    """Envoy refuses 0."""
    return max(endpoint.weight, 1)


def _distributed(
    found: Sequence[Group], rules: Iterable[Distribute], client: Locality
) -> list[Group]:
    """The shares of the first rule for the client's locality; localities without one get nothing.
    Without such a rule all stay as they are.
    """
    rule = next((rule for rule in rules if _matches(rule.from_, client)), None)
    return list(found) if rule is None else list(_shared(found, rule.to))


def _shared(found: Sequence[Group], shares: Mapping[str, int]) -> Iterator[Group]:
    left = list(found)
    for pattern, share in shares.items():
        taken = [group for group in left if _matches(pattern, group.locality)]
        left = [group for group in left if group not in taken]
        total = sum(group.weight for group in taken)
        for group in taken:
            weight = ceil(group.weight * share / total)
            yield Group(locality=group.locality, endpoints=group.endpoints, weight=weight)


def _matches(pattern: str, locality: Locality) -> bool:
    """`region/zone/subzone`, where `*` and what is left out match anything."""
    parts = (locality.region, locality.zone, locality.subzone)
    wanted = zip(pattern.split("/"), parts, strict=False)
    return all(want in ("*", part) for want, part in wanted)


def _rank(endpoint: Endpoint, balance: LocalityBalance, place: Place) -> tuple[int, int]:
    level = _level(endpoint.locality, balance, place.locality)
    if not balance.labels:
        return 0, level
    own = _unlike(endpoint, balance.labels, dict(place.labels))
    return own, level if balance.failover or balance.regional else 0


def _level(there: Locality, balance: LocalityBalance, here: Locality) -> int:
    """0 (the same place) to 4 (another region, and not the one to fail over to)."""
    if there.region != here.region:
        to = next((each.to for each in balance.failover if each.from_ == here.region), None)
        return _FURTHEST - 1 if to in (None, there.region) else _FURTHEST
    if balance.regional or there == here:
        return 0
    return 1 if there.zone == here.zone else 2


def _unlike(endpoint: Endpoint, labels: Sequence[str], client: Mapping[str, str]) -> int:
    """How many labels are left from the first on in which the endpoint is unlike the client."""
    theirs = ranked_labels(endpoint)
    for index, label in enumerate(labels):
        name, equals, value = label.partition("=")
        if theirs.get(name, "") != (value if equals else client.get(name, "")):
            return len(labels) - index
    return 0
