"""The page that tells what was found: a test that did not run must not look as if it had passed."""

import pytest

from tests.conformance.report import cases, failures, page, rules_of
from tests.conformance.statements import STATEMENTS, UNTESTED

REPORT = """<testsuites><testsuite>
<testcase classname="tests.conformance.test_a" name="test_one[X-01+X-02]"/>
<testcase classname="tests.xds.test_b" name="test_two[X-01]"><{result}/></testcase>
<testcase classname="tests.xds.test_b" name="test_of_no_rule"/>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_a[X-01+X-123]", ("X-01", "X-123")),
        ("test_a[plain-X-02]", ("X-02",)),
        ("test_a[token-rotation]", ("token-rotation",)),
        ("test_a[something-else]", ()),
        ("test_a", ()),
    ],
)
def test_the_rules_are_read_from_the_id(name: str, found: tuple[str, ...]) -> None:
    assert rules_of(name) == found


@pytest.mark.parametrize("result", ["failure", "error", "skipped"])
def test_what_did_not_pass_is_a_failure(result: str) -> None:
    reports = {"1.37.0": cases(REPORT.format(result=result))}
    assert len(failures(reports)) == 1
    assert "test_two" in page(reports)


def test_what_passed_is_counted_by_whether_an_envoy_took_part() -> None:
    reports = {"1.37.0": cases(REPORT.format(result="system-out"))}
    assert failures(reports) == []
    assert "| `conformance.test_a`, `xds.test_b` | 1 + 1 |" in page(reports)


def test_only_rules_that_exist_are_excused() -> None:
    assert UNTESTED.keys() <= STATEMENTS.keys()
