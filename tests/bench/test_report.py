"""The table shows what was measured, beside what it should be."""

import pytest

from bench.report import figure, markdown
from bench.rows import Row, rows
from bench.settings import Settings, settings_from

ROW = Row(text="edit", figure="vs_edit.last_s", unit="s", target=0.2)


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.1, "reached"), (0.2, "reached"), (0.3, "**missed**")]
)
def test_a_figure_is_judged_by_its_target(seconds: float, verdict: str) -> None:
    table = markdown({"vs_edit": {"last_s": seconds}}, [ROW], judged=True)
    assert table.splitlines()[-1] == f"| edit | {seconds} s |  | 0.2 s | {verdict} |"


def test_another_size_is_not_judged() -> None:
    table = markdown({"vs_edit": {"last_s": 9.0}}, [ROW], judged=False)
    assert table.endswith("| 0.2 s |  |")


def test_what_was_not_measured_is_blank() -> None:
    table = markdown({"tls": {"vs_edit": {"last_s": 0.5}}}, [ROW], judged=True)
    assert table.splitlines()[-1] == "| edit |  | 0.5 s | 0.2 s |  |"


def test_no_row_is_there_twice() -> None:
    made = rows(1000, 1000)
    assert len({row.figure for row in made}) == len(made)


def test_a_figure_is_found_by_its_dotted_name() -> None:
    assert figure({"a": {"b": 2}}, "a.b") == 2.0
    assert figure({"a": {"b": 2}}, "a.b.c") is None


def test_the_size_comes_from_the_environment() -> None:
    settings = settings_from({"BENCH_CLIENTS": "10", "BENCH_TLS": "0"})
    assert settings == Settings(clients=10, tls=False)


@pytest.mark.parametrize("text", ["0", "many", "-1"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="BENCH_SERVICES"):
        settings_from({"BENCH_SERVICES": text})
