"""What controllers wrote into the status of objects (IST0171): that a proxy rejects what an object
comes to, for example, which no look at the object alone can tell.
"""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Condition, Facts
from analysis.message import Message, finding

_FOUND_HERE = frozenset({"Accepted", "ResolvedRefs"})
"""Ours, which say what this analysis says itself, and better."""
_NO_NEWS = frozenset({"Pending", "NotAccepted"})
"""Reasons of Programmed that are no mistake, or are told already."""


def _run(facts: Facts) -> Iterator[Message]:
    for key, conditions in sorted(facts.conditions.items()):
        if facts.focus is None or key in facts.focus:
            for each in conditions:
                if _is_news(each):
                    yield finding(
                        codes.NEGATIVE_CONDITION_STATUS,
                        key,
                        f"status.conditions[{each.index}]",
                        f"{each.type} is False: {each.message or 'nothing says why'}",
                        value=each.reason or None,
                    )


def _is_news(condition: Condition) -> bool:
    is_waiting = condition.type == "Programmed" and condition.reason in _NO_NEWS
    return condition.type not in _FOUND_HERE and not is_waiting


CONDITIONS = Analyzer(
    name="conditions",
    summary="Conditions in the status of objects that are False.",
    codes=(codes.NEGATIVE_CONDITION_STATUS,),
    run=_run,
)
