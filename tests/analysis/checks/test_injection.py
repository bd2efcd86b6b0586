"""IST0103 and HED0116: pods without the sidecar that is promised."""

import pytest

from analysis.checks.injection import INJECTION
from tests.analysis.yaml_objects import namespace, pod
from tests.facts import findings, told

PLAIN = pod("plain", injected=False)
ON = namespace("shop", "istio-injection: enabled")
OFF = 'sidecar.istio.io/inject: "false"'


@pytest.mark.parametrize("labels", ["istio-injection: enabled", "istio.io/rev: canary"])
def test_a_pod_that_was_there_before_the_label(labels: str) -> None:
    found = findings(namespace("shop", labels) + PLAIN, [INJECTION])
    assert told(found) == [("IST0103", "Pod shop/plain", "")]


@pytest.mark.parametrize(
    "text",
    [
        ON + pod("web"),
        namespace("shop") + PLAIN,
        namespace("shop", "istio-injection: disabled, istio.io/rev: canary") + PLAIN,
        PLAIN,
        ON + pod("plain", injected=False, labels=OFF),
        ON + pod("plain", injected=False, annotations=OFF),
        ON + pod("plain", injected=False, spec="hostNetwork: true, containers: [{name: app}]"),
        ON + pod("plain", injected=False, status="phase: Failed"),
    ],
    ids=[
        "injected",
        "not asked for",
        "disabled",
        "an unknown namespace",
        "by its label",
        "by its annotation",
        "the host's network",
        "ended",
    ],
)
def test_what_is_no_mistake(text: str) -> None:
    assert [each for each in told(findings(text, [INJECTION])) if each[0] == "IST0103"] == []


@pytest.mark.parametrize(
    ("value", "remedy"),
    [("enable", "Did you mean enabled?"), ('"true"', "Write enabled or disabled.")],
)
def test_a_label_that_means_nothing(value: str, remedy: str) -> None:
    (found,) = findings(namespace("shop", f"istio-injection: {value}") + PLAIN, [INJECTION])
    assert (found.code.id, found.path) == ("HED0116", 'metadata.labels["istio-injection"]')
    assert found.remedy == remedy
