"""Runs the analyzers: one list of messages from them and from what is known of the objects already,
each finding once.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, rank
from analysis.problems import messages
from analysis.secret_names import spelt
from crds.meta import Key, Origin
from crds.problem import Problem

Place = Callable[[Key, str], Origin | None]
"""Where an object's field was written."""

_TEMPLATE = "spec.template."


def nowhere(_: Key, __: str) -> Origin | None:
    """Objects that come from no file."""
    return None


def analyze(
    facts: Facts,
    analyzers: Iterable[Analyzer],
    problems: Iterable[Problem] = (),
    place: Place = nowhere,
) -> tuple[Message, ...]:
    """Every finding, the worst first. `problems` are those that were found while the mesh was made.

    Findings on a pod are told of what it was made from; those on other objects than the focus are
    left out.
    """
    found = (*messages(problems), *(each for item in analyzers for each in item.run(facts)))
    blamed = (_blamed(each, facts) for each in found)
    focus = facts.focus
    wanted = (e for e in blamed if focus is None or e.object is None or e.object in focus)
    told = (_placed(spelt(each, facts), place) for each in _once(wanted))
    return tuple(sorted(told, key=rank))


def _blamed(message: Message, facts: Facts) -> Message:
    owner = facts.owners.get(message.object) if message.object is not None else None
    if owner is None:
        return message
    path = f"{_TEMPLATE}{message.path}" if message.path else ""
    return replace(message, object=owner, path=path)


def _once(found: Iterable[Message]) -> Iterator[Message]:
    """The first of those that say the same of the same field."""
    seen: set[tuple[str, Key | None, str, str | None, str]] = set()
    for each in found:
        # Of a file without an object, only the words tell two findings apart.
        text = each.text if each.object is None else ""
        what = (each.code.id, each.object, each.path, each.value, text)
        if what not in seen:
            seen.add(what)
            yield each


def _placed(message: Message, place: Place) -> Message:
    if message.origin is not None:  # of a second copy of an object, say
        return message.at(message.origin.of(message.path))
    return message if message.object is None else message.at(place(message.object, message.path))
