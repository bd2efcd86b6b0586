"""*Config*: each mesh object, how it fares, and what is wrong with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from analysis.message import Message, rank
from analysis.severity import Severity
from crds.meta import Key, Origin
from heddle.conditions import Condition, Facts, Reason, conditions


class Health(StrEnum):
    """An object in one word; the worst that holds."""

    ERROR = "error"
    WARNING = "warning"
    PENDING = "pending"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object with its conditions and messages, the worst first."""

    key: Key
    health: Health
    origin: Origin | None
    conditions: Sequence[Condition]
    messages: Sequence[Message]

    @property
    def under_way(self) -> str:
        """What proxies say of it, if it is not live on all of them."""
        news = (Reason.PENDING, Reason.REJECTED)
        return next((each.message for each in self.conditions if each.reason in news), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigView:
    """The objects that the filter leaves, what needs a hand first; `loose` are messages about what
    is no mesh object: files, Services, settings.
    """

    entries: Sequence[Entry]
    total: int
    counts: Mapping[Health, int]
    loose: Sequence[Message] = ()
    wanted: str = ""
    only: str = ""

    @property
    def summary(self) -> str:
        """One sentence, for people who do not see the colours."""
        if not self.total:
            return "No mesh object is configured."
        parts = [f"{self.counts[each]} {each}" for each in Health if self.counts[each]]
        return f"{self.total} object{'' if self.total == 1 else 's'}: {', '.join(parts)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an object."""

    key: Key
    facts: Facts
    origin: Origin | None = None


def config_view(
    known: Iterable[Known], messages: Iterable[Message], *, wanted: str = "", only: str = ""
) -> ConfigView:
    """`known` are the mesh objects, `messages` all that there is to say of anything. `wanted` is a
    part of a kind or name, `only` a `Health`.
    """
    said: dict[Key | None, list[Message]] = {}
    for each in messages:
        said.setdefault(each.object, []).append(each)
    entries = [entry(each, said.pop(each.key, ())) for each in known]
    text = wanted.strip().lower()
    shown = [each for each in entries if text in _searched(each.key) and only in ("", each.health)]
    return ConfigView(
        entries=sorted(shown, key=lambda each: (_NEED.index(each.health), each.key)),
        total=len(entries),
        counts={each: sum(entry.health is each for entry in entries) for each in Health},
        loose=sorted((each for found in said.values() for each in found), key=rank),
        wanted=wanted,
        only=only,
    )


def entry(known: Known, messages: Iterable[Message]) -> Entry:
    """One object, and what there is to say of it."""
    found, said = conditions(known.facts), sorted(messages, key=rank)
    return Entry(
        key=known.key,
        health=_health(known.facts.refused, found, said),
        origin=known.origin,
        conditions=found,
        messages=said,
    )


_NEED = (Health.ERROR, Health.WARNING, Health.PENDING, Health.OK)


def _health(refused: bool, found: Iterable[Condition], said: Iterable[Message]) -> Health:
    reasons = {each.reason for each in found}
    worst = {each.severity for each in said}
    if refused or Severity.ERROR in worst or Reason.REJECTED in reasons:
        return Health.ERROR
    if Severity.WARNING in worst:
        return Health.WARNING
    return Health.PENDING if Reason.PENDING in reasons else Health.OK


def _searched(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name} {key.name}.{key.namespace}".lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A resource that an object had a part in; `proxies` are some of the `count` that are to hold
    it, as `pod.namespace`.
    """

    type: str
    name: str
    version: str
    proxies: Sequence[str]
    count: int
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectView:
    """One object with all that there is to show of it."""

    entry: Entry
    fragments: Sequence[Fragment]
    more: int = 0
    """So many other resources are not listed."""
