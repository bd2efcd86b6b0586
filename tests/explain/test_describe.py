"""What acts on a pod, or on a service."""

from explain.describe import pod_steps, service_steps
from explain.step import Step
from tests.explain.scenario import RULES, policy, routed, situation

OLDER = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: older, namespace: shop, creationTimestamp: '2026-01-01T00:00:00Z'}
spec:
  hosts: [web]
  http:
  - name: away
    match: [{uri: {prefix: /away}}]
    redirect: {uri: /}
  - name: gone
    match: [{uri: {prefix: /gone}}]
    directResponse: {status: 410}
  - timeout: 3s
    retries: {attempts: 5}
    route:
    - {destination: {host: web, subset: v1}, weight: 90}
    - {destination: {host: web, subset: v9}, weight: 10}
"""
EVERYWHERE = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all, namespace: shop}
spec: {host: '*.shop.svc.cluster.local', trafficPolicy: {tls: {mode: DISABLE}}}
"""
PLAIN = RULES.replace("  subsets:", "  trafficPolicy: {tls: {mode: DISABLE}}\n  subsets:")
PEERS = """---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec: {jwtRules: [{issuer: 'https://id.example.com', jwks: '{"keys": []}'}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: shop}
spec: {egress: [{hosts: ['./*']}]}
"""
NO_AUTO = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'enableAutoMtls: false'}
"""


def lines(steps: list[Step], at: str) -> list[tuple[str, bool]]:
    return [(f"{each.name}: {each.says}", each.ok) for each in steps if each.at == at]


def of_service(*texts: str) -> list[Step]:
    with situation(*texts) as now:
        (service,) = now.mesh.services.at("web.shop.svc.cluster.local")
        return list(service_steps(now.mesh, service, "shop"))


def test_the_rules_of_a_service_say_what_comes_of_them() -> None:
    found = of_service(OLDER, RULES)
    to = "to web.shop.svc.cluster.local subset v1 90% and web 10%, timeout 3s, retries 5, "
    reason = "no DestinationRule that holds for web.shop.svc.cluster.local has a subset v9"
    assert lines(found, "rule") == [
        ("away: redirects, no timeout, retries 2 (default)", True),
        ("gone: answers 410, no timeout, retries 2 (default)", True),
        (f"spec.http[2]: {to}{reason}", False),
    ]
    (routes,) = [each for each in found if each.at == "routes"]
    assert [each.code for each in routes.problems] == ["unknown-subset"]


def test_who_loses_is_named_with_who_wins() -> None:
    found = of_service(OLDER, routed("  - route: [{destination: {host: web}}]\n"))
    won = "VirtualService shop/older"
    assert lines(found, "routes") == [
        ("older: routes its requests", True),
        (f"web: does not count for these clients: {won} does", False),
    ]


def test_a_rule_for_more_hosts_loses_to_one_for_this() -> None:
    found = of_service(PLAIN, EVERYWHERE)
    assert lines(found, "destination rule") == [
        ("web: has the traffic policy", True),
        ("all: does not count for these clients: DestinationRule shop/web does", False),
    ]
    assert lines(found, "client TLS") == [("port 80: DISABLE", True), ("port 5432: DISABLE", True)]
    assert lines(found, "subset") == [
        ("v1: version=v1: 1 pods", True),
        ("v3: version=v3: 0 pods", False),
    ]


def test_without_rules_there_is_the_service_alone() -> None:
    found = of_service()
    assert {each.at for each in found} == {"service", "client TLS", "endpoints"}
    assert lines(found, "client TLS")[0] == ("port 80: automatic mutual TLS", True)
    assert lines(found, "endpoints")[0] == ("port 80: 2 healthy of 2, 2 take mutual TLS", True)
    assert lines(of_service(NO_AUTO), "client TLS")[0] == ("port 80: plaintext", True)
    assert lines(of_service(RULES), "destination rule") == [("web: holds", True)]


def test_a_pod_has_services_modes_and_policies() -> None:
    with situation(PEERS, policy("any", "  rules: [{}]\n"), policy("soon", "", dry=True)) as now:
        found = list(pod_steps(now.mesh, now.proxy("deploy/web-v1.shop")))
    assert lines(found, "mutual TLS") == [("port 80: STRICT", True), ("port 5432: STRICT", True)]
    assert lines(found, "authorization") == [
        ("any: ALLOW, rules: 1", True),
        ("soon: ALLOW, rules: 0, only rehearsed", True),
    ]
    assert lines(found, "tokens") == [("tokens: takes tokens of https://id.example.com", True)]
    assert lines(found, "sidecar") == [("default: says what it reaches", True)]
    assert lines(found, "service")[0][0].startswith("web.shop.svc.cluster.local: selects it")
    with situation() as now:
        found = list(pod_steps(now.mesh, now.proxy("deploy/web-v1.shop")))
    assert {each.at for each in found} == {"service", "mutual TLS"}
