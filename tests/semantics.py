"""Istio's semantics that are easy to get wrong (S-n) and its quirks (C-n): which tests guard which.

    @covers("S-7")                       # on a test, here or in e2e/
    # The oldest wins (S-7).             # in the first lines of a golden's input

A row without a test needs a line in LATER that says why;
tests/tooling/test_semantics.py holds both against the list.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.goldens import cases

ROOT = Path(__file__).resolve().parent.parent
_ID = re.compile(r"\b[SC]-\d+\b")

IDS = frozenset(
    {*(f"S-{number}" for number in range(1, 97)), *(f"C-{number}" for number in range(1, 15))}
)
"""Names and selection S-1 to 13, DestinationRules 14 to 25, mTLS 26 to 38, listeners and virtual
hosts 39 to 53, HTTP routing 54 to 66, resilience 67 to 79,
authorization 80 to 99; C-n are Istio's own quirks.
"""

LATER: Mapping[str, str] = {
    "S-90": "MeshConfig's pathNormalization is not read yet",
    "S-91": "not tried through a real Envoy yet",
    "S-69": "optional: no retry at the server's side",
    "S-65": "claims of tokens need RequestAuthentication, which is not read yet",
}
"""Rows that no test guards yet, and what they wait for."""


QUIRKS: Mapping[str, str] = {
    "C-1": "bad-status",
    "C-2": "bad-redirect-code",
    "C-4": "warmup-twice",
    "C-5": "impossible-port",
    "C-6": "credential-without-selector",
    "C-11": "unsupported",
}
"""The code of the problem that tells of each quirk that is not simply mended."""


def covers(*ids: str) -> pytest.MarkDecorator:
    """`@covers("S-7")`: the test guards this row."""
    assert set(ids) <= IDS, ids
    return pytest.mark.covers(*ids)


@cache
def covered() -> Mapping[str, list[str]]:
    """The tests and goldens that guard each row."""
    found: dict[str, list[str]] = {}
    for where, ids in (*_tests(), *_goldens()):
        for each in ids:
            found.setdefault(each, []).append(where)
    return found


def _tests() -> Iterator[tuple[str, set[str]]]:
    for folder in ("tests", "e2e"):
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for name, ids in _marked(ast.parse(path.read_text())):
                yield f"{path.relative_to(ROOT)}::{name}", ids


def _marked(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "test_" in node.name[:5]:
            told = [*map(ast.unparse, node.decorator_list), ast.get_docstring(node) or ""]
            yield node.name, set(_ID.findall(" ".join(told)))


def _goldens() -> Iterator[tuple[str, set[str]]]:
    for case in cases("translate"):
        comments = [line for line in case.read_text().splitlines() if line.startswith("#")]
        yield str(case.relative_to(ROOT)), set(_ID.findall(" ".join(comments)))
