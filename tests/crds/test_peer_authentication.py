"""What a PeerAuthentication may say."""

import pytest

from tests.crds.specs import decoded, told

SELECTOR = "selector: {matchLabels: {app: a}}"


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{mtls: {mode: STRICT}}", []),
        (f"{{{SELECTOR}, portLevelMtls: {{8080: {{mode: DISABLE}}}}}}", []),
        ("{portLevelMtls: {8080: {mode: DISABLE}}}", ["no-selector spec.portLevelMtls"]),
        (f"{{{SELECTOR}, portLevelMtls: {{0: {{}}}}}}", ['bad-port spec.portLevelMtls["0"]']),
        (f"{{{SELECTOR}, portLevelMtls: {{70000: {{}}}}}}",
         ['bad-port spec.portLevelMtls["70000"]']),
        (f"{{{SELECTOR}, portLevelMtls: {{http: {{}}}}}}", ['bad-port spec.portLevelMtls["http"]']),
        ("{selector: {matchLabels: {}}}", ["~empty-selector spec.selector"]),
        ("{mtls: {mode: SOMETIMES}}", ["bad-enum spec.mtls.mode"]),
    ],
)  # fmt: skip
def test_each_fault_has_its_path(spec: str, problems: list[str]) -> None:
    found = decoded("PeerAuthentication", spec, api_version="security.istio.io/v1")
    assert told(found) == problems
