"""What a RequestAuthentication may say. What is wrong with its keys costs the tokens of one issuer,
and is told elsewhere.
"""

import pytest

from tests.crds.specs import decoded, told

RULE = "issuer: a, jwks: x"


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{}", []),
        ("{jwtRules: [{issuer: a}]}", []),
        ("{jwtRules: [{jwksUri: 'https://idp.test'}]}", []),
        ("{jwtRules: [{jwks: x}]}", ["missing spec.jwtRules[0].issuer"]),
        ("{jwtRules: [{}, {issuer: a}]}", ["missing spec.jwtRules[0].issuer"]),
        ("{jwtRules: [{issuer: a, jwksUri: a, jwks_uri: b}]}",
         ["duplicate-field spec.jwtRules[0].jwks_uri"]),
        (f"{{jwtRules: [{{{RULE}, audiences: ['']}}]}}",
         ["empty-value spec.jwtRules[0].audiences[0]"]),
        (f"{{jwtRules: [{{{RULE}, fromParams: [a, '']}}]}}",
         ["empty-value spec.jwtRules[0].fromParams[1]"]),
        (f"{{jwtRules: [{{{RULE}, fromCookies: ['']}}]}}",
         ["empty-value spec.jwtRules[0].fromCookies[0]"]),
        (f"{{jwtRules: [{{{RULE}, spaceDelimitedClaims: ['']}}]}}",
         ["empty-value spec.jwtRules[0].spaceDelimitedClaims[0]"]),
        (f"{{jwtRules: [{{{RULE}, spaceDelimitedClaims: [{', '.join(['a'] * 65)}]}}]}}",
         ["too-many spec.jwtRules[0].spaceDelimitedClaims"]),
        (f"{{jwtRules: [{{{RULE}, fromHeaders: [{{name: 'a b'}}]}}]}}",
         ["bad-header spec.jwtRules[0].fromHeaders[0].name"]),
        (f'{{jwtRules: [{{{RULE}, fromHeaders: [{{name: a, prefix: "b\\n"}}]}}]}}',
         ["bad-header spec.jwtRules[0].fromHeaders[0].prefix"]),
        (f"{{jwtRules: [{{{RULE}, outputPayloadToHeader: ':path'}}]}}",
         ["bad-header spec.jwtRules[0].outputPayloadToHeader"]),
        (f"{{jwtRules: [{{{RULE}, outputClaimToHeaders: [{{header: a}}]}}]}}",
         ["missing spec.jwtRules[0].outputClaimToHeaders[0].claim"]),
        (f"{{jwtRules: [{{{RULE}, outputClaimToHeaders: [{{claim: a}}]}}]}}",
         ["bad-header spec.jwtRules[0].outputClaimToHeaders[0].header"]),
        (f"{{jwtRules: [{{{RULE}, timeout: 0s}}]}}", ["too-short spec.jwtRules[0].timeout"]),
        (f"{{jwtRules: [{{{RULE}, presence: REQUIRED}}]}}",
         ["unsupported spec.jwtRules[0].presence"]),
        (f"{{jwtRules: [{{{RULE}, presence: OPTIONAL}}]}}", []),
        ("{selector: {matchLabels: {a: '*'}}}",
         ['wildcard-label spec.selector.matchLabels["a"]']),
        ("{selector: {matchLabels: {a: b}}, targetRef: {kind: Service, name: a}}",
         ["conflict spec.targetRef"]),
    ],
)  # fmt: skip
def test_each_fault_has_its_path(spec: str, problems: list[str]) -> None:
    found = decoded("RequestAuthentication", spec, api_version="security.istio.io/v1")
    assert told(found) == problems


def test_there_may_be_as_many_rules_as_in_istio() -> None:
    for count, problems in ((4096, []), (4097, ["too-many spec.jwtRules"])):
        spec = f"{{jwtRules: [{', '.join(['{issuer: a}'] * count)}]}}"
        found = decoded("RequestAuthentication", spec, api_version="security.istio.io/v1")
        assert told(found) == problems
