"""What a DestinationRule asks for that its hosts cannot give."""

import pytest

from crds.meta import Key
from mesh.rule_problems import rule_problems
from tests.meshes import destination_rule, mesh_of, secret, service

TLS = "mode: SIMPLE, caCertificates: /roots.pem"


def told(spec: str, *ports: str) -> list[str]:
    """The code and path of each problem of a rule for `reviews`."""
    mesh = mesh_of(service("reviews", ports=ports) + destination_rule("r", spec))
    key = Key("networking.istio.io", "DestinationRule", "shop", "r")
    found = list(rule_problems(mesh, key))
    return [f"{problem.code} {problem.path}" for problem in found]


def policy(text: str, host: str = "reviews") -> str:
    return f"{{host: '{host}', trafficPolicy: {{{text}}}}}"


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        ("mode: DISABLE", None),
        ("mode: ISTIO_MUTUAL", None),
        (
            "mode: SIMPLE, credentialName: a",
            "credential-without-selector spec.trafficPolicy.tls.credentialName",
        ),
        ("mode: DISABLE, credentialName: a", None),
        ("mode: ISTIO_MUTUAL, credentialName: a", None),
    ],
)
def test_what_is_closed_is_told(tls: str, problem: str | None) -> None:
    """istio-api.md S-24 and C-6."""
    assert told(policy(f"tls: {{{tls}}}"), "http:80") == ([problem] if problem else [])


def credential(tls: str, objects: str, *, selected: bool = False) -> list[tuple[str, str]]:
    """Code and severity of what is told of a rule that names a Secret, beside other objects."""
    selector = "workloadSelector: {matchLabels: {app: a}}, " if selected else ""
    rule = destination_rule("r", f"{{host: reviews, {selector}trafficPolicy: {{tls: {{{tls}}}}}}}")
    mesh = mesh_of(service("reviews") + objects + rule)
    key = Key("networking.istio.io", "DestinationRule", "shop", "r")
    return [(each.code, each.severity.value) for each in rule_problems(mesh, key)]


UNUSABLE = [("unusable-secret", "error")]
PAIR = secret("a", "shop", tls_crt=b"1", tls_key=b"2")
ROOTS = secret("a-cacert", "shop", cacert=b"3")


@pytest.mark.parametrize(
    ("tls", "objects", "expected"),
    [
        ("mode: SIMPLE, credentialName: a", "", UNUSABLE),
        ("mode: SIMPLE, credentialName: a", ROOTS, []),
        ("mode: SIMPLE, credentialName: a", PAIR, UNUSABLE),
        ("mode: SIMPLE, credentialName: a, insecureSkipVerify: true", "", []),
        ("mode: MUTUAL, credentialName: a", ROOTS, UNUSABLE),
        ("mode: MUTUAL, credentialName: a", PAIR, UNUSABLE),
        ("mode: MUTUAL, credentialName: a", PAIR + ROOTS, []),
        ("mode: MUTUAL, credentialName: 'kubernetes://a'", PAIR + ROOTS, []),
        ("mode: MUTUAL, credentialName: a, insecureSkipVerify: true", PAIR, []),
        ("mode: MUTUAL, credentialName: b", PAIR + ROOTS, UNUSABLE),
        ("mode: SIMPLE, credentialName: 'configmap://a'", ROOTS, UNUSABLE),
    ],
)
def test_what_a_secret_lacks_is_told(
    tls: str, objects: str, expected: list[tuple[str, str]]
) -> None:
    assert credential(tls, objects, selected=True) == expected


def edge(namespace: str) -> str:
    """A gateway pod."""
    return f"""
---
apiVersion: v1
kind: Pod
metadata:
  name: ingress
  namespace: {namespace}
  annotations: {{inject.istio.io/templates: gateway, sidecar.istio.io/status: "{{}}"}}
spec: {{containers: [{{name: istio-proxy}}]}}
"""


@pytest.mark.parametrize(
    ("namespaces", "unusable"),
    [(["shop"], False), (["edge"], True), (["edge", "shop"], False)],
)
def test_a_rule_may_be_for_gateways(namespaces: list[str], unusable: bool) -> None:
    """Of which one needs to have the Secret: not all will use the host."""
    pods = "".join(map(edge, namespaces))
    found = credential("mode: SIMPLE, credentialName: a", ROOTS + pods)
    warned = [("credential-without-selector", "warning")]
    assert found == warned + (UNUSABLE if unusable else [])


def test_a_configmap_is_never_read() -> None:
    found = credential("mode: SIMPLE, credentialName: 'configmap://a'", edge("shop"))
    assert found == [("credential-without-selector", "warning"), *UNUSABLE]


@pytest.mark.parametrize("export", [".", "*"])
def test_gateways_that_do_not_see_a_rule_have_no_say(export: str) -> None:
    rule = (
        f"{{host: reviews, exportTo: ['{export}'], "
        "trafficPolicy: {tls: {mode: SIMPLE, credentialName: a}}}"
    )
    mesh = mesh_of(service("reviews") + edge("edge") + destination_rule("r", rule))
    key = Key("networking.istio.io", "DestinationRule", "shop", "r")
    codes = [each.code for each in rule_problems(mesh, key)]
    assert ("unusable-secret" in codes) == (export == "*")


@pytest.mark.parametrize(
    ("tls", "port", "verified"),
    [
        (TLS, "http:80", True),
        (TLS, "tcp:80", False),
        (f"{TLS}, sni: a.example.com", "http:80", False),
        (f"{TLS}, subjectAltNames: [a.example.com]", "tcp:80", True),
        ("mode: SIMPLE, insecureSkipVerify: true", "tcp:80", True),
    ],
)
def test_a_server_whose_name_is_not_verified_is_told(tls: str, port: str, verified: bool) -> None:
    """istio-api.md S-25: only requests tell the name."""
    expected = [] if verified else ["unverified-server-name spec.trafficPolicy.tls.subjectAltNames"]
    assert told(policy(f"tls: {{{tls}}}"), port) == expected


def test_a_port_with_settings_of_its_own_is_judged_by_those() -> None:
    """The policy's TLS never reaches the port that would make it unverified."""
    text = f"tls: {{{TLS}}}, portLevelSettings: [{{port: {{number: 90}}, tls: {{mode: DISABLE}}}}]"
    assert told(policy(text), "http:80", "tcp:90") == []
    text = f"portLevelSettings: [{{port: {{number: 90}}, tls: {{{TLS}}}}}]"
    assert told(policy(text), "http:80", "tcp:90") == [
        "unverified-server-name spec.trafficPolicy.portLevelSettings[0].tls.subjectAltNames"
    ]


def test_a_subset_is_judged_like_the_rule() -> None:
    tls = "{tls: {mode: SIMPLE, credentialName: a}}"
    spec = f"{{host: reviews, subsets: [{{name: v1, trafficPolicy: {tls}}}]}}"
    assert told(spec, "http:80") == [
        "credential-without-selector spec.subsets[0].trafficPolicy.tls.credentialName"
    ]


def test_settings_of_a_port_that_no_host_has_are_told() -> None:
    text = "portLevelSettings: [{port: {number: 99}, loadBalancer: {simple: RANDOM}}]"
    path = "spec.trafficPolicy.portLevelSettings[0].port.number"
    assert told(policy(text), "http:80") == [f"unknown-port {path}"]
    assert told(policy(text, "*.shop.svc.cluster.local"), "http:80") == [f"unknown-port {path}"]
    assert told(policy(text, "unknown"), "http:80") == []


def test_what_a_port_s_settings_take_away_is_told() -> None:
    """istio-api.md S-20: they replace the policy, and cannot say these three."""
    port = "portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]"
    lost = "lost-at-port spec.trafficPolicy.portLevelSettings[0].port.number"
    assert told(policy(f"retryBudget: {{}}, proxyProtocol: {{}}, {port}"), "http:80") == [lost] * 2


TIMES = "connectionPool: {tcp: {idleTimeout: 9s, maxConnectionDuration: 1h}}"


@pytest.mark.parametrize("port", ["tcp:90", "http:90"])
def test_limits_of_connections_that_are_not_the_rule_s_own_are_told(port: str) -> None:
    """istio-api.md S-23."""
    policies = f"portLevelSettings: [{{port: {{number: 90}}, {TIMES}}}]"
    spec = (
        f"{{host: reviews, trafficPolicy: {{{policies}}}, "
        f"subsets: [{{name: v1, trafficPolicy: {{{TIMES}}}}}]}}"
    )
    paths = ("trafficPolicy.portLevelSettings[0]", "subsets[0].trafficPolicy")
    expected = [
        f"top-level-only spec.{path}.connectionPool.tcp.{name}"
        for path in paths
        for name in ("idleTimeout", "maxConnectionDuration")
    ]
    assert told(spec, port) == (expected if port.startswith("tcp") else [])
    assert told(policy(TIMES), port) == []


def test_a_limit_that_is_not_set_is_not_told_of() -> None:
    text = "portLevelSettings: [{port: {number: 90}, connectionPool: {tcp: {idleTimeout: 9s}}}]"
    path = "spec.trafficPolicy.portLevelSettings[0].connectionPool.tcp.idleTimeout"
    assert told(policy(text), "tcp:90") == [f"top-level-only {path}"]


@pytest.mark.parametrize(("port", "applies"), [("http:80", False), ("tcp:80", True)])
def test_a_tunnel_for_requests_is_told(port: str, applies: bool) -> None:
    expected = [] if applies else ["tunnel-needs-tcp spec.trafficPolicy.tunnel"]
    assert told(policy("tunnel: {targetHost: a.example.com, targetPort: 1}"), port) == expected


FAILOVER = "loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}"
NOTHING_DETECTED = "failover-needs-outlier-detection"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (policy(FAILOVER), "trafficPolicy"),
        (policy(f"{FAILOVER}, outlierDetection: {{}}"), None),
        (policy("loadBalancer: {localityLbSetting: {enabled: false}}"), None),
        (policy("loadBalancer: {localityLbSetting: {failoverPriority: [a]}}"), "trafficPolicy"),
        (
            f"{{host: reviews, subsets: [{{name: v1, trafficPolicy: {{{FAILOVER}}}}}]}}",
            "subsets[0].trafficPolicy",
        ),
        (
            "{host: reviews, trafficPolicy: {outlierDetection: {}}, "
            f"subsets: [{{name: v1, trafficPolicy: {{{FAILOVER}}}}}]}}",
            None,
        ),
        (
            policy(f"portLevelSettings: [{{port: {{number: 80}}, {FAILOVER}}}]"),
            "trafficPolicy.portLevelSettings[0]",
        ),
    ],
)
def test_a_failover_without_outlier_detection_is_told(spec: str, path: str | None) -> None:
    """istio-api.md S-76."""
    expected = [f"{NOTHING_DETECTED} spec.{path}.loadBalancer.localityLbSetting"] if path else []
    assert told(spec, "http:80") == expected


@pytest.mark.parametrize(
    ("resolution", "codes"),
    [
        ("NONE", ["locality-unknown"]),
        ("DNS", ["locality-unknown"]),
        ("DNS, endpoints: [{address: b.example.com}]", ["locality-unknown"]),
        ("DNS, endpoints: [{address: b.example.com, locality: eu}]", []),
        ("DNS_ROUND_ROBIN, endpoints: [{address: b, locality: eu}]", ["locality-unknown"]),
        ("STATIC, endpoints: [{address: 10.0.0.1}]", []),
    ],
)
def test_localities_of_endpoints_that_only_envoy_knows_are_told(
    resolution: str, codes: list[str]
) -> None:
    entry = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: e, namespace: shop}\n"
        "spec: {hosts: [a.example.com], ports: [{number: 80, name: http}], "
        f"resolution: {resolution}}}\n"
    )
    text = "{host: a.example.com, trafficPolicy: {loadBalancer: {localityLbSetting: {}}}}"
    mesh = mesh_of(entry + destination_rule("r", text))
    key = Key("networking.istio.io", "DestinationRule", "shop", "r")
    assert [problem.code for problem in rule_problems(mesh, key)] == codes
