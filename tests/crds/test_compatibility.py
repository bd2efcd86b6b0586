"""docs/compatibility.md is true: each field has a row, each row a field, and what is said to work
is in a golden.

`pytest --golden=write tests/crds` writes the file anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import pytest
import yaml

from crds.compatibility import DIFFERS, NO, YES, Answer, kinds, rows
from crds.decode import decode
from crds.untranslated import UNTRANSLATED
from heddle.compatibility import compatibility
from tests.goldens import Golden, cases

COUNTS: Mapping[str, int] = {
    "VirtualService": 114,
    "DestinationRule": 112,  # Istio counts the fields of `Failover` twice: 114
    "ServiceEntry": 21,
    "WorkloadEntry": 7,
    "WorkloadGroup": 33,
    "Gateway": 33,
    "Sidecar": 68,
    "PeerAuthentication": 5,
    "AuthorizationPolicy": 42,
    "RequestAuthentication": 26,
}
"""How many fields Istio's API has."""

NOTHING_TO_SEE: Mapping[tuple[str, str], str] = {
    ("RetryBudget", "budget_interval"): "newer than the messages that goldens are written from",
    ("WorkloadEntry", "service_account"): "an identity: it shows once workloads have certificates",
    ("Server", "name"): "for people",
}
"""Fields that work, and that no golden can show."""

Field = tuple[str, str]

ROWS = {(r.message.__name__, r.field): r.answer for kind in kinds() for r in rows(kind)}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_no_field_of_istio_s_is_missing(kind: type) -> None:
    assert sum(1 for _ in rows(kind)) == COUNTS[kind.__name__]


def test_every_row_names_a_field_once() -> None:
    told = [(cls.__name__, name) for cls, table in UNTRANSLATED.items() for name in table]
    yes = [(message, name) for message, names in YES.items() for name in names.split()]
    others = [(m, name) for table in (NO, DIFFERS) for m, names in table.items() for name in names]
    listed = [*told, *yes, *others]
    assert sorted(listed) == sorted(set(listed)), "a field has two rows"
    assert set(listed) <= set(ROWS), "a row names no field"


def test_what_works_is_in_a_golden() -> None:
    works = {field for field, answer in ROWS.items() if answer is not Answer.NO}
    partly = {(cls.__name__, name) for cls, table in UNTRANSLATED.items() for name in table}
    unseen = works - partly - _set_in_goldens() - set(NOTHING_TO_SEE)
    assert unseen == set()


def _set_in_goldens() -> set[Field]:
    found: set[Field] = set()
    for case in cases("translate"):
        _, *objects = yaml.safe_load_all(case.read_text())
        for raw in filter(None, objects):
            found.update(_set(decode(raw).object))
    return found


def _set(value: object) -> Iterator[Field]:
    """The fields below `value` that are not at their default."""
    if isinstance(value, tuple):
        for each in value:
            yield from _set(each)
    elif isinstance(value, Mapping):
        yield from _set(tuple(value.values()))
    elif is_dataclass(value):
        for each in fields(value):
            inner = getattr(value, each.name)
            if inner != each.default:
                yield type(value).__name__, each.name
                yield from _set(inner)


def test_the_document_is_current(repo_root: Path, golden: Golden) -> None:
    document = repo_root / "docs/compatibility.md"
    if golden.write:
        document.write_text(compatibility())
    assert document.read_text() == compatibility()


def test_a_reason_stands_wherever_a_field_does_not_work() -> None:
    every = [row for kind in kinds() for row in rows(kind)]
    assert [row.path for row in every if (row.answer is not Answer.YES) != bool(row.note)] == []


def test_a_field_that_nothing_is_said_of_is_an_error() -> None:
    @dataclass(frozen=True, slots=True)
    class Unheard:
        field: str = ""

    with pytest.raises(KeyError, match=r"Unheard\.field"):
        list(rows(Unheard))
