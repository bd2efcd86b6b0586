"""Istio's semantics that are easy to get wrong (S-n) and its quirks (C-n): which tests guard which.

    @covers("S-7")                       # on a test, here or in e2e/
    # The oldest wins (S-7).             # in the first lines of a golden's input

A row without a test needs a line in LATER that says why;
tests/tooling/test_semantics.py holds both against the list.
"""

import re
from collections.abc import Mapping

import pytest

from tests.rows import Rows

IDS = frozenset(
    {*(f"S-{number}" for number in range(1, 100)), *(f"C-{number}" for number in range(1, 15))}
)
"""Names and selection S-1 to 13, DestinationRules 14 to 25, mTLS 26 to 38, listeners and virtual
hosts 39 to 53, HTTP routing 54 to 66, resilience 67 to 79,
authorization 80 to 99; C-n are Istio's own quirks.
"""

LATER: Mapping[str, str] = {}
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


ROWS = Rows(re.compile(r"\b[SC]-\d+\b"), IDS)
