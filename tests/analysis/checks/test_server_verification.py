"""IST0128 and IST0129: servers that may show any certificate."""

import pytest

from analysis.checks.server_verification import SERVER_VERIFICATION
from tests.facts import findings, told
from tests.meshes import destination_rule

ANY = "insecureSkipVerify: true"
TOP = "trafficPolicy: {tls: {mode: %s, %s}}"
AT_PORT = "trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: %s, %s}}]}"
SUBSET = "subsets: [{name: v1}, {name: v2, %s}]"


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (TOP % ("SIMPLE", ANY), [("IST0128", "spec.trafficPolicy.tls")]),
        (TOP % ("MUTUAL", f"credentialName: bank, {ANY}"), [("IST0128", "spec.trafficPolicy.tls")]),
        (TOP % ("ISTIO_MUTUAL", ANY), []),
        (TOP % ("DISABLE", ANY), []),
        (TOP % ("SIMPLE", "sni: a.example.com"), []),
        (TOP % ("SIMPLE", "insecureSkipVerify: false"), []),
        (
            AT_PORT % ("SIMPLE", ANY),
            [("IST0129", "spec.trafficPolicy.portLevelSettings[0].tls")],
        ),
        (AT_PORT % ("DISABLE", ANY), []),
        (
            SUBSET % (TOP % ("SIMPLE", ANY)),
            [("IST0128", "spec.subsets[1].trafficPolicy.tls")],
        ),
        (
            SUBSET % (AT_PORT % ("SIMPLE", ANY)),
            [("IST0129", "spec.subsets[1].trafficPolicy.portLevelSettings[0].tls")],
        ),
        ("trafficPolicy: {loadBalancer: {simple: RANDOM}}", []),
    ],
)
def test_a_rule_that_takes_any_certificate(policy: str, wanted: list[tuple[str, str]]) -> None:
    text = destination_rule("r", f"{{host: a.example.com, {policy}}}")
    every = told(findings(text, [SERVER_VERIFICATION]))
    found = [(code, path) for code, _, path in every if code in ("IST0128", "IST0129")]
    assert found == [(code, f"{path}.insecureSkipVerify") for code, path in wanted]
