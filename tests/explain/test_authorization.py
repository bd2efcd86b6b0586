"""Which rule of which policy decides on a call, and why the others do not."""

from explain.authorization import Decision, Verdict, policies_of, rule_source
from explain.call import Call
from explain.inbound import Arrival, identity, judged
from heddle.explained.situation import Situation
from tests.explain.scenario import policy, situation

CLIENT = "cluster.local/ns/shop/sa/client"
ALLOWING = policy(
    "readers",
    f"  rules:\n  - from: [{{source: {{principals: [{CLIENT}]}}}}]\n"
    "    to: [{operation: {methods: [GET]}}]\n"
    "  - to: [{operation: {paths: [/open]}}]\n",
)
DENYING = policy(
    "admins", "  action: DENY\n  rules: [{to: [{operation: {paths: ['/admin/*']}}]}]\n"
)
LOGGING = policy("log", "  action: AUDIT\n  rules: [{}]\n")
REHEARSED = policy("soon", "  action: DENY\n  rules: [{}]\n", dry=True)
CUSTOM = policy("ask", "  action: CUSTOM\n  provider: {name: oracle}\n  rules: [{}]\n")
PROVIDER = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
    - {name: oracle, envoyExtAuthzGrpc: {service: web.shop.svc.cluster.local, port: 80}}
"""


def asked(
    now: Situation, *, method: str = "GET", path: str = "/", known: bool = True, http: bool = True
) -> Verdict:
    """What the server says of a call of the client, or of somebody without a certificate."""
    web, client = now.proxy("deploy/web-v1.shop"), now.proxy("deploy/client-v1.shop")
    peer = identity(now.mesh, client) if known else ""
    port = 80 if http else 5432
    call = Call(http=http, peer=peer, port=port, method=method, path=path)
    return judged(now.mesh, web, Arrival(call=call, mutual=known))


def decided(found: Verdict) -> list[str]:
    return [f"{each.object.name} {each.path}" for each in found.decided_by]


def test_who_is_allowed_is_allowed_by_a_rule() -> None:
    with situation(ALLOWING) as now:
        found = asked(now)
    assert (found.decision, decided(found)) == (Decision.ALLOWED, ["readers spec.rules[0]"])
    assert [(each.matched, each.why) for each in found.rules] == [
        (True, ""),
        (False, "another operation"),
    ]


def test_who_is_not_allowed_is_told_what_does_not_match() -> None:
    with situation(ALLOWING) as now:
        found = asked(now, method="POST", known=False)
    assert (found.decision, found.decided_by) == (Decision.DENIED, ())
    assert [each.why for each in found.rules] == [
        "another operation and caller",
        "another operation",
    ]
    assert [key.name for key in policies_of(found.rules)] == ["readers"]


def test_deny_comes_before_allow() -> None:
    with situation(ALLOWING, DENYING) as now:
        found = asked(now, path="/admin/x")
    assert (found.decision, decided(found)) == (Decision.DENIED, ["admins spec.rules[0]"])


def test_what_only_looks_decides_nothing() -> None:
    with situation(LOGGING, REHEARSED) as now:
        found = asked(now)
    assert found.decision is Decision.ALLOWED
    assert found.why == "no policy is about this call"
    assert sorted((each.action, each.rehearsed) for each in found.rules) == [
        ("AUDIT", False),
        ("DENY", True),
    ]


def test_whom_a_provider_judges_is_not_guessed() -> None:
    with situation(CUSTOM, PROVIDER) as now:
        found = asked(now)
        assert (found.decision, decided(found)) == (Decision.ASKED, ["ask spec.rules[0]"])
        assert found.rules[0].action == "CUSTOM"
    with situation(CUSTOM, PROVIDER, DENYING) as now:
        assert asked(now, path="/admin/x").decision is Decision.DENIED
    with situation(CUSTOM, PROVIDER, ALLOWING) as now:
        assert asked(now).decision is Decision.ASKED


def test_a_port_of_requests_takes_no_other_bytes() -> None:
    with situation(ALLOWING) as now:
        web = now.proxy("deploy/web-v1.shop")
        found = judged(now.mesh, web, Arrival(call=Call(http=False, port=80), mutual=True))
    assert (found.decision, found.why) == (Decision.DENIED, "the port takes requests only")


def test_connections_are_judged_too() -> None:
    with situation(ALLOWING) as now:
        assert asked(now, http=False).decision is Decision.DENIED
    with situation(policy("all", "  rules: [{}]\n")) as now:
        assert asked(now, http=False).decision is Decision.ALLOWED


STRICT = """---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  mtls: {mode: STRICT}
  portLevelMtls: {"5432": {mode: DISABLE}, "80": {mode: UNSET}}
"""


def test_the_mode_of_mutual_tls_decides_first() -> None:
    with situation(STRICT) as now:
        plain = asked(now, known=False)
        mutual = asked(now, http=False)
    assert plain.why == "it comes without a certificate, and mutual TLS is STRICT"
    assert decided(plain) == ["strict spec.mtls.mode"]
    assert mutual.why == "it comes with mutual TLS, which is switched off"
    assert decided(mutual) == ["strict spec.portLevelMtls.5432.mode"]


def test_a_rule_of_another_name_is_named_all_the_same() -> None:
    assert rule_source("mine").object.name == "mine"
