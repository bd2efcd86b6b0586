"""What a mesh object says of itself in its status, as a function of what is known of it.

A condition says something of the generation that it names. Nothing in it counts proxies that are
fine, so that nothing is written when a pod comes or goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analysis.message import Message
from analysis.problems import messages as messages_of
from crds.problem import Problem, Severity, printable
from heddle.istio_messages import validation_messages
from heddle.liveness import Live, Rejected, Standing, Waiting

SHOWN = 3
"""So many problems are told in one message."""


class Reason(StrEnum):
    """Why a condition is what it is."""

    ACCEPTED = "Accepted"
    INVALID = "Invalid"
    PARTLY_INVALID = "PartlyInvalid"
    CONFLICTED = "Conflicted"
    UNSUPPORTED = "Unsupported"
    RESOLVED = "ResolvedRefs"
    UNRESOLVED = "RefNotFound"
    PROGRAMMED = "Programmed"
    UNUSED = "NotUsed"
    PENDING = "Pending"
    REJECTED = "Rejected"
    NOT_IN_USE = "NotAccepted"


CONFLICTS = frozenset(
    {
        "address-conflict",
        "delegate-conflict",
        "duplicate-sni",
        "duplicate-subset",
        "port-conflict",
        "shadowed-destination-rule",
        "shadowed-policy",
        "shadowed-sidecar",
        "shadowed-traffic-policy",
        "shadowed-virtual-service",
    }
)
"""Codes of problems in which another object, which the message names, wins."""

REFERENCES = frozenset(
    {
        "hidden-host",
        "no-gateway-pod",
        "no-jwks",
        "port-not-exposed",
        "unknown-delegate",
        "unknown-gateway",
        "unknown-host",
        "unknown-port",
        "unknown-subset",
        "unserved-host",
        "unserved-target",
        "unusable-provider",
        "unusable-secret",
    }
)
"""Codes of problems with what an object refers to, which may come later."""

ACCEPTED, RESOLVED_REFS, PROGRAMMED = "Accepted", "ResolvedRefs", "Programmed"
TYPES = (ACCEPTED, RESOLVED_REFS, PROGRAMMED)

MEANINGS: Mapping[tuple[str, bool, Reason], str] = {
    (ACCEPTED, True, Reason.ACCEPTED): "All of it is understood and has effect.",
    (ACCEPTED, False, Reason.INVALID): (
        "It has errors. The last version without any stays in force; if there was none, it has no "
        "effect at all."
    ),
    (ACCEPTED, False, Reason.PARTLY_INVALID): (
        "The fields that are named have errors and no effect; the rest holds."
    ),
    (ACCEPTED, False, Reason.CONFLICTED): (
        "Another object, which is named, says something else for the same, and wins."
    ),
    (ACCEPTED, False, Reason.UNSUPPORTED): "This release does not read objects of this kind.",
    (RESOLVED_REFS, True, Reason.RESOLVED): "All that it refers to exists.",
    (RESOLVED_REFS, False, Reason.UNRESOLVED): (
        "It refers to something that does not exist or is of no use. It may still come: until then "
        "requests that need it are answered with 503, never sent elsewhere."
    ),
    (PROGRAMMED, True, Reason.PROGRAMMED): (
        "Every connected proxy that uses it has acknowledged it."
    ),
    (PROGRAMMED, True, Reason.UNUSED): "Nothing had to be sent: no connected proxy uses it.",
    (PROGRAMMED, False, Reason.PENDING): "Some proxies have not acknowledged it yet.",
    (PROGRAMMED, False, Reason.REJECTED): (
        "Some Envoys do not take what it comes to: the message has their words. They go on with "
        "the last version that they accepted."
    ),
    (PROGRAMMED, False, Reason.NOT_IN_USE): "It is not accepted, so there is nothing to send.",
}
"""All that there are: a condition, whether it is true, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one generation of an object. `refused`: it is not used at all. `findings`
    are what analyzers say of it, beside its problems.
    """

    generation: int
    problems: Sequence[Problem] = ()
    findings: Sequence[Message] = ()
    refused: bool = False
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition, of the generation of the facts."""

    type: str
    holds: bool
    reason: Reason
    message: str


def conditions(facts: Facts) -> tuple[Condition, Condition, Condition]:
    """Accepted, ResolvedRefs and Programmed."""
    accepted = _accepted(facts)
    return accepted, _resolved(facts.problems), _programmed(facts, accepted)


def _accepted(facts: Facts) -> Condition:
    found = [each for each in facts.problems if each.code not in REFERENCES]
    errors = [
        each for each in found if each.severity is Severity.ERROR and each.code not in CONFLICTS
    ]
    conflicts = [each for each in found if each.code in CONFLICTS]
    unsupported = [each for each in found if each.code == "unsupported-kind"]
    if unsupported:
        return _condition(ACCEPTED, False, Reason.UNSUPPORTED, _told(unsupported))
    if facts.refused:
        return _condition(ACCEPTED, False, Reason.INVALID, _told(errors))
    if errors:
        return _condition(ACCEPTED, False, Reason.PARTLY_INVALID, _told(errors))
    if conflicts:
        return _condition(ACCEPTED, False, Reason.CONFLICTED, _told(conflicts))
    return _condition(ACCEPTED, True, Reason.ACCEPTED, _told(found))


def _resolved(problems: Sequence[Problem]) -> Condition:
    missing = [each for each in problems if each.code in REFERENCES]
    if missing:
        return _condition(RESOLVED_REFS, False, Reason.UNRESOLVED, _told(missing))
    return _condition(RESOLVED_REFS, True, Reason.RESOLVED, "")


def _programmed(facts: Facts, accepted: Condition) -> Condition:
    if accepted.reason in (Reason.INVALID, Reason.UNSUPPORTED):
        return _condition(PROGRAMMED, False, Reason.NOT_IN_USE, "")
    match facts.standing:
        case Live(used=used):
            return _condition(PROGRAMMED, True, Reason.PROGRAMMED if used else Reason.UNUSED, "")
        case Waiting(proxies=count):
            message = f"not yet acknowledged by {_proxies(count)}"
            return _condition(PROGRAMMED, False, Reason.PENDING, message)
        case Rejected() as rejected:
            return _condition(PROGRAMMED, False, Reason.REJECTED, _rejection(rejected))


def _rejection(rejected: Rejected) -> str:
    more = rejected.proxies - len(rejected.pods)
    names = ", ".join(rejected.pods) + (f" and {more} more" if more else "")
    return printable(
        f"{rejected.proxies} of {_proxies(rejected.users)} that use it reject {rejected.resource} "
        f"({names}): {rejected.words}"
    )


def _proxies(count: int) -> str:
    return f"{count} connected prox{'y' if count == 1 else 'ies'}"


def _condition(kind: str, holds: bool, reason: Reason, message: str) -> Condition:
    text = message or MEANINGS[kind, holds, reason]
    return Condition(type=kind, holds=holds, reason=reason, message=text)


def _told(problems: Sequence[Problem]) -> str:
    """The problems, the first few of them."""
    lines = []
    for each in problems[:SHOWN]:
        value = f" (got {each.value!r})" if each.value is not None else ""
        lines.append(f"{each.path}: {each.message}{value}" if each.path else each.message)
    more = len(problems) - SHOWN
    return printable("; ".join(lines) + (f"; and {more} more" if more > 0 else ""))


def status(facts: Facts, old: Mapping[str, object], now: str) -> Mapping[str, object] | None:
    """The status to write; None if `old` says the same. `now` is an RFC 3339 time. Conditions of
    others are kept, and so is the time of what has not turned.
    """
    before = listed(old)
    ours = {str(each.get("type")): each for each in before if each.get("type") in TYPES}
    made = [
        _written(each, facts.generation, ours.get(each.type, {}), now) for each in conditions(facts)
    ]
    messages = list(validation_messages((*messages_of(facts.problems), *facts.findings)))
    same = all(_is_same(each, ours.get(str(each["type"]), {})) for each in made)
    if same and (old.get("validationMessages") or []) == messages:
        return None
    theirs = [each for each in before if each.get("type") not in TYPES]
    return {
        "observedGeneration": facts.generation,
        "conditions": [*theirs, *made],
        "validationMessages": messages,
    }


def listed(status: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The conditions in a status, whosever they are."""
    found = status.get("conditions")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _written(
    condition: Condition, generation: int, old: Mapping[str, object], now: str
) -> Mapping[str, object]:
    value = "True" if condition.holds else "False"
    since = old.get("lastTransitionTime") if old.get("status") == value else None
    return {
        "type": condition.type,
        "status": value,
        "reason": condition.reason.value,
        "message": condition.message,
        "observedGeneration": generation,
        "lastTransitionTime": since or now,
    }


def _is_same(new: Mapping[str, object], old: Mapping[str, object]) -> bool:
    """Whether an old condition may stay. How many proxies are waited for is not written anew each
    time; nor is what is live made less so by a control plane that has sent nothing for it, because
    it has just started.
    """
    fields = ["status", "observedGeneration"]
    if new["type"] != PROGRAMMED or new["status"] == "False":
        fields.append("reason")
        if new["reason"] != Reason.PENDING:
            fields.append("message")
    return all(new[name] == old.get(name) for name in fields)
