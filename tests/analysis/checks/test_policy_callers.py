"""HED0100 to HED0103: callers that nobody is."""

import pytest

from analysis.checks.policy_callers import POLICY_CALLERS
from analysis.facts import Facts
from tests.analysis.yaml_objects import istio, namespace, pod
from tests.facts import facts_of, findings, told

KNOWN = pod("web", spec="serviceAccountName: web, containers: [{name: app}]") + namespace("bank")


def policy(source: str) -> str:
    return istio("AuthorizationPolicy", "a", f"{{rules: [{{from: [{{source: {source}}}]}}]}}")


@pytest.mark.parametrize(
    ("source", "code", "field", "remedy"),
    [
        ("{principals: [cluster.local/ns/shop/sa/wweb]}", "HED0100", "principals[0]", "mean web?"),
        ("{principals: [cluster.local/ns/shop/sa/x]}", "HED0100", "principals[0]", "has default"),
        ("{principals: ['*/ns/shop/sa/wweb']}", "HED0100", "principals[0]", "mean web?"),
        ("{serviceAccounts: [web, wweb]}", "HED0100", "serviceAccounts[1]", "mean web?"),
        ("{serviceAccounts: [shop/wweb]}", "HED0100", "serviceAccounts[0]", "mean web?"),
        ("{principals: [other/ns/shop/sa/web]}", "HED0101", "principals[0]", "cluster.local"),
        ("{principals: ['other/ns/shop/*']}", "HED0101", "principals[0]", "cluster.local"),
        ("{trustDomains: [other]}", "HED0101", "trustDomains[0]", "cluster.local"),
        (
            "{principals: ['spiffe://cluster.local/ns/shop/sa/web']}",
            "HED0102",
            "principals[0]",
            "Write cluster.local/ns/shop/sa/web, without spiffe://",
        ),
        ("{principals: [web]}", "HED0102", "principals[0]", "NAMESPACE"),
        ("{principals: ['spiffe://web']}", "HED0102", "principals[0]", "NAMESPACE"),
        ("{namespaces: [shpo]}", "HED0103", "namespaces[0]", "mean shop?"),
        ("{notNamespaces: [shops]}", "HED0103", "notNamespaces[0]", "mean shop?"),
        ("{principals: [cluster.local/ns/bnak/sa/a]}", "HED0103", "principals[0]", "mean bank?"),
    ],
)
def test_a_caller_that_nobody_is(source: str, code: str, field: str, remedy: str) -> None:
    found = [each for each in findings(KNOWN + policy(source), [POLICY_CALLERS])]
    (mine,) = [each for each in found if each.code.id == code]
    assert mine.path == f"spec.rules[0].from[0].source.{field}"
    assert remedy in mine.remedy


@pytest.mark.parametrize(
    "source",
    [
        "{principals: [cluster.local/ns/shop/sa/web, cluster.local/ns/shop/sa/default]}",
        "{principals: ['*', 'cluster.local/*', '*/sa/x', 'cluster.local/ns/shop/*']}",
        "{principals: [cluster.local/ns/elsewhere/sa/x, cluster.local/ns/bank/sa/x]}",
        "{namespaces: [shop, elsewhere, 'sho*']}",
        "{trustDomains: [cluster.local, 'oth*']}",
        "{notTrustDomains: [other]}",
        "{serviceAccounts: [elsewhere/x]}",
        "{ipBlocks: [10.0.0.0/8]}",
    ],
)
def test_who_is_or_may_be_there(source: str) -> None:
    found = told(findings(KNOWN + policy(source), [POLICY_CALLERS]))
    assert [each for each in found if each[0] != "HED0026"] == []


def test_rules_without_callers() -> None:
    text = istio("AuthorizationPolicy", "a", "{rules: [{to: [{operation: {ports: ['80']}}]}]}")
    assert findings(KNOWN + text, [POLICY_CALLERS]) == ()


@pytest.mark.parametrize(("account", "codes"), [("wweb", ["HED0100"]), ("batch", [])])
def test_accounts_that_are_not_all_known(account: str, codes: list[str]) -> None:
    """A control plane knows those of pods only; a slip of the pen is one all the same."""
    known = facts_of(KNOWN + policy(f"{{serviceAccounts: [{account}]}}"))
    facts = Facts(mesh=known.mesh, objects=known.objects, unknown=["ServiceAccount"])
    assert [each.code.id for each in POLICY_CALLERS.run(facts)] == codes
