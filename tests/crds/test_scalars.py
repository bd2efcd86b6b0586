import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.scalars import Duration, duration


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1.5s", 1_500_000_000),
        ("1m30s", 90_000_000_000),
        ("2h45m0.5s", 9_900_500_000_000),
        ("100ms", 100_000_000),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("3ns", 3),
        ("-2s", -2_000_000_000),
        ("+2s", 2_000_000_000),
        ("0", 0),
        ("0s", 0),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
    ],
)
def test_go_s_and_proto_s_durations_are_read(text: str, nanos: int) -> None:
    assert duration(text) == Duration(nanos)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        ".s",
        "1x",
        "1 s",
        "1s ",
        "1d",
        "-",
        "9" * 19 + "s",
        "9999999999999h",
        "1s" * 50,
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize(
    ("nanos", "text"),
    [(0, "0s"), (1_500_000_000, "1.5s"), (-1_000_000, "-0.001s"), (90_000_000_000, "90s")],
)
def test_a_duration_shows_in_seconds(nanos: int, text: str) -> None:
    assert str(Duration(nanos)) == text
    assert Duration(nanos).seconds == nanos / 1e9


@given(st.integers(1 - 2**63, 2**63 - 1))
def test_what_is_shown_reads_back(nanos: int) -> None:
    assert duration(str(Duration(nanos))) == Duration(nanos)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    duration(text)
