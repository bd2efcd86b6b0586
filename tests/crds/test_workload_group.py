"""WorkloadGroup: checked, though nothing comes of it."""

import pytest

from tests.crds.specs import decoded, told

TEMPLATE = "template: {labels: {app: a}, serviceAccount: a, ports: {http: 80}}"


def group(spec: str) -> list[str]:
    """What is wrong, but for that each field has no effect."""
    lines = (line.replace("spec.", "") for line in told(decoded("WorkloadGroup", spec)))
    return [line for line in lines if not line.startswith("~not-translated")]


@pytest.mark.parametrize(
    "probe",
    [
        "{httpGet: {path: /, port: 80, scheme: HTTPS, httpHeaders: [{name: a, value: b}]}}",
        "{tcpSocket: {port: 80, host: a}, initialDelaySeconds: 1, timeoutSeconds: 2}",
        "{exec: {command: [a]}, periodSeconds: 1, successThreshold: 1, failureThreshold: 3}",
        "{grpc: {port: 80, service: a}}",
    ],
)
def test_good_groups(probe: str) -> None:
    metadata = "metadata: {labels: {app: a}, annotations: {b: c}}"
    assert group(f"{{{metadata}, {TEMPLATE}, probe: {probe}}}") == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{}", ["no-template template"]),
        ("{template: {labels: {'-': a}}}", ['bad-label template.labels["-"]']),
        (f"{{metadata: {{labels: {{'-': a}}}}, {TEMPLATE}}}", ['bad-label metadata.labels["-"]']),
        (f"{{{TEMPLATE}, probe: {{}}}}", ["one-of probe"]),
        (
            f"{{{TEMPLATE}, probe: {{tcpSocket: {{port: 1}}, grpc: {{port: 0}}}}}}",
            ["one-of probe", "bad-port probe.grpc.port"],
        ),
        (f"{{{TEMPLATE}, probe: {{exec: {{}}}}}}", ["no-command probe.exec.command"]),
        (
            f"{{{TEMPLATE}, probe: {{httpGet: {{port: 1, scheme: ftp}}, periodSeconds: -1}}}}",
            ["negative probe.periodSeconds", "bad-scheme probe.httpGet.scheme"],
        ),
    ],
)
def test_bad_groups(spec: str, expected: list[str]) -> None:
    assert group(spec) == expected


def test_its_author_hears_that_nothing_comes_of_it() -> None:
    found = told(decoded("WorkloadGroup", f"{{{TEMPLATE}}}"))
    assert found == ["~not-translated spec.template"]
