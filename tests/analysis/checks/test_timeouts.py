"""HED0115: timeouts that are shorter than retries."""

import pytest

from analysis.checks.timeouts import TIMEOUTS
from analysis.severity import Severity
from tests.facts import findings
from tests.meshes import service, virtual_service


def found(rule: str) -> list[tuple[str, Severity]]:
    spec = f"{{hosts: [a], http: [{{{rule}, route: [{{destination: {{host: a}}}}]}}]}}"
    every = findings(service("a") + virtual_service("v", spec), [TIMEOUTS])
    return [(m.path, m.severity) for m in every if m.code.id == "HED0115"]


RETRIES = "retries: {attempts: 3, perTryTimeout: 2s}"


@pytest.mark.parametrize(
    ("timeout", "severity"),
    [("1s", Severity.WARNING), ("2s", Severity.WARNING), ("5s", Severity.INFO)],
)
def test_a_timeout_that_is_over_before(timeout: str, severity: Severity) -> None:
    assert found(f"timeout: {timeout}, {RETRIES}") == [("spec.http[0].timeout", severity)]


@pytest.mark.parametrize(
    "rule",
    [
        f"timeout: 6s, {RETRIES}",
        RETRIES,
        "timeout: 1s",
        "timeout: 1s, retries: {attempts: 3}",
        "timeout: 1s, retries: {attempts: 0}",
    ],
)
def test_what_is_no_mistake(rule: str) -> None:
    assert found(rule) == []
