"""IST0171: what the status of an object says against it."""

import pytest

from analysis.checks.conditions import CONDITIONS
from analysis.engine import analyze
from analysis.facts import Condition, Facts
from analysis.message import Message
from crds.meta import Key
from mesh.mesh import EMPTY_MESH

KEY = Key("networking.istio.io", "VirtualService", "shop", "reviews")


def looked_at(found: Condition, focus: frozenset[Key] | None = None) -> tuple[Message, ...]:
    given = Facts(mesh=EMPTY_MESH, objects={}, conditions={KEY: [found]}, focus=focus)
    return analyze(given, [CONDITIONS])


def condition(kind: str, reason: str, message: str = "") -> Condition:
    return Condition(index=1, type=kind, reason=reason, message=message)


REJECTED = condition("Programmed", "Rejected", "no such timeout")


def test_a_condition_is_told_with_its_reason() -> None:
    (found,) = looked_at(REJECTED)
    assert (found.code.id, found.object) == ("IST0171", KEY)
    assert found.path == "status.conditions[1]"
    assert found.value == "Rejected"
    assert found.text == "Programmed is False: no such timeout"


def test_one_that_says_nothing_is_told_too() -> None:
    (found,) = looked_at(condition("Reconciled", ""))
    assert found.value is None
    assert found.text == "Reconciled is False: nothing says why"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Accepted", "Invalid"),
        ("ResolvedRefs", "RefNotFound"),
        ("Programmed", "Pending"),
        ("Programmed", "NotAccepted"),
    ],
)
def test_what_is_found_otherwise_is_not_told_twice(kind: str, reason: str) -> None:
    assert looked_at(condition(kind, reason)) == ()


def test_only_what_is_asked_for_is_told_of() -> None:
    assert looked_at(REJECTED, focus=frozenset()) == ()
    assert len(looked_at(REJECTED, focus=frozenset({KEY}))) == 1
