"""What a replica tells the one that leads of the proxies that are connected to it.

Only what is not well is in it, and which edits were taken in lately: of all else the leader knows
as much. Times are not in it: who hears nothing new of a replica for long takes it for ended.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from crds.meta import Key
from heddle.liveness import Live, Rejected, Standing, Waiting

Told = TypeVar("Told")

MOST = 400
"""So many objects are told of in each part: a ConfigMap holds a megabyte, for all replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`pods` are connected; the replica is of `revision`, which is sent objects without a revision
    and those of this one. Each object is told of with its `metadata.generation`: `taken` are edits
    of late, `waiting` those that so many proxies have not answered, `rejected` what they do not
    take.
    """

    revision: str = ""
    pods: int = 0
    taken: Mapping[Key, int] = field(default_factory=dict)
    waiting: Mapping[Key, tuple[int, int]] = field(default_factory=dict)
    rejected: Mapping[Key, tuple[int, Rejected]] = field(default_factory=dict)

    def keys(self) -> frozenset[Key]:
        """The objects that are told of."""
        return frozenset((*self.taken, *self.waiting, *self.rejected))


def written(report: Report) -> Mapping[str, object]:
    """A report as JSON has it."""
    return {
        "revision": report.revision,
        "pods": report.pods,
        "taken": {_text(key): each for key, each in _some(report.taken)},
        "waiting": {_text(key): list(each) for key, each in _some(report.waiting)},
        "rejected": {
            _text(key): [generation, list(r.pods), r.proxies, r.users, r.resource, r.words]
            for key, (generation, r) in _some(report.rejected)
        },
    }


def read(text: str) -> Report | None:
    """The report of another replica; None if it is none of ours, as one of another release."""
    try:
        found = json.loads(text)
        return Report(
            revision=str(found["revision"]),
            pods=int(found["pods"]),
            taken={_key(name): int(each) for name, each in found["taken"].items()},
            waiting={_key(name): (int(g), int(n)) for name, (g, n) in found["waiting"].items()},
            rejected={
                _key(name): (int(generation), _rejected(*rest))
                for name, (generation, *rest) in found["rejected"].items()
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _rejected(pods: list[str], proxies: int, users: int, resource: str, words: str) -> Rejected:
    return Rejected(
        pods=tuple(map(str, pods)),
        proxies=int(proxies),
        users=int(users),
        resource=str(resource),
        words=str(words),
    )


def _some(found: Mapping[Key, Told]) -> list[tuple[Key, Told]]:
    return list(found.items())[:MOST]


def _text(key: Key) -> str:
    return "/".join((key.group, key.kind, key.namespace, key.name))


def _key(text: str) -> Key:
    group, kind, namespace, name = text.split("/")
    return Key(group, kind, namespace, name)


def together(own: Standing, key: Key, generation: int, others: Mapping[str, Report]) -> Standing:
    """How far an object has come on all replicas."""
    found = [own]
    for report in others.values():
        if (rejected := report.rejected.get(key)) is not None and rejected[0] == generation:
            found.append(rejected[1])
        elif (waiting := report.waiting.get(key)) is not None and waiting[0] == generation:
            found.append(Waiting(proxies=waiting[1]))
    return _worst(found)


def _worst(found: list[Standing]) -> Standing:
    rejections = [each for each in found if isinstance(each, Rejected)]
    if rejections:
        return _sum(rejections)
    waiting = [each.proxies for each in found if isinstance(each, Waiting)]
    if waiting:
        return Waiting(proxies=sum(waiting))
    return Live(used=any(isinstance(each, Live) and each.used for each in found))


def _sum(rejections: list[Rejected]) -> Rejected:
    first = rejections[0]
    pods = dict.fromkeys(pod for each in rejections for pod in each.pods)
    return Rejected(
        pods=tuple(sorted(pods)[: max(len(each.pods) for each in rejections)]),
        proxies=sum(each.proxies for each in rejections),
        users=sum(each.users for each in rejections),
        resource=first.resource,
        words=first.words,
    )
