"""IST0123: a namespace with two labels for injection."""

import pytest

from analysis.checks.injection_labels import INJECTION_LABELS
from tests.facts import findings, told


def namespace(labels: str) -> str:
    return f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {labels}}}\n"


def test_two_labels() -> None:
    found = findings(
        namespace("{istio-injection: enabled, istio.io/rev: canary}"), [INJECTION_LABELS]
    )
    assert told(found) == [("IST0123", "Namespace shop", 'metadata.labels["istio.io/rev"]')]
    assert found[0].value == "canary"


@pytest.mark.parametrize("labels", ["{}", "{istio-injection: enabled}", "{istio.io/rev: canary}"])
def test_one_label_is_fine(labels: str) -> None:
    assert findings(namespace(labels), [INJECTION_LABELS]) == ()
