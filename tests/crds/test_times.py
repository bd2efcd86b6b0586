"""Times as Kubernetes writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from crds.times import micro_time, micro_time_text, time_text

AT = datetime(2026, 11, 21, 12, 0, 1, 250_000, UTC)


def test_a_time_is_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5)))
    assert time_text(there) == "2026-11-21T12:00:01Z"
    assert micro_time_text(there) == "2026-11-21T12:00:01.250000Z"


def test_what_is_written_is_read() -> None:
    assert micro_time(micro_time_text(AT)) == AT


@pytest.mark.parametrize("text", ["", "2026-11-21T12:00:01Z", "soon", None, 7])
def test_what_is_no_time_is_none(text: object) -> None:
    assert micro_time(text) is None
