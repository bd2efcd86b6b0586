import pytest

from crds.sidecar import Sidecar, endpoint_of
from tests.crds.specs import decoded, told

EGRESS = "egress: [{hosts: [./*]}]"


def sidecar(spec: str) -> list[str]:
    found = told(decoded("Sidecar", spec))
    return [line.replace("spec.", "") for line in found if "not-translated" not in line]


@pytest.mark.parametrize(
    "spec",
    [
        f"{{{EGRESS}}}",
        f"{{workloadSelector: {{labels: {{app: a}}}}, {EGRESS}}}",
        "{egress: [{hosts: ['*/*', '~/*', ~bank/*, bank/a.b, '*/*.example.com']}]}",
        "{egress: [{port: {number: 9080, protocol: HTTP, name: x}, bind: 127.0.0.1,"
        " captureMode: NONE, hosts: [./*]}, {hosts: [istio-system/*]}]}",
        "{egress: [{port: {number: 0, protocol: mysql, name: x}, bind: 'unix:///a/b',"
        " hosts: [./*]}, {port: {number: 0, protocol: HTTP, name: y}, bind: 'unix:///a/c',"
        " captureMode: NONE, hosts: [./*]}]}",
        "{egress: [{port: {number: 15080, protocol: HTTP_PROXY, name: x}, hosts: [./*]}]}",
        "{ingress: [{port: {number: 80, protocol: HTTP, name: x},"
        " defaultEndpoint: '127.0.0.1:8080'}, {port: {number: 81, protocol: TCP, name: y},"
        " defaultEndpoint: 'unix:///a', captureMode: NONE, bind: 10.0.0.1},"
        " {port: {number: 82, protocol: TCP, name: z}, defaultEndpoint: '[::]:1',"
        " connectionPool: {tcp: {maxConnections: 1}}}]}",
        "{inboundConnectionPool: {tcp: {maxConnections: 1}}}",
        "{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, port: {number: 80}}}}",
        "{outboundTrafficPolicy: {}}",
    ],
)
def test_good_sidecars(spec: str) -> None:
    assert sidecar(spec) == []


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{}", ["empty spec"]),
        ("{workloadSelector: {labels: {app: a}}}", ["empty spec"]),
        (
            f"{{workloadSelector: {{labels: {{'a b': a}}}}, {EGRESS}}}",
            ['bad-label workloadSelector.labels["a b"]'],
        ),
        ("{egress: [{}]}", ["no-hosts egress[0].hosts"]),
        (
            "{egress: [{hosts: [a.b, /a.b, a_b/a.b, ./web, './a_b.c']}]}",
            [
                "bad-host egress[0].hosts[0]",
                "bad-namespace egress[0].hosts[1]",
                "bad-namespace egress[0].hosts[2]",
                "bad-host egress[0].hosts[3]",
                "bad-host egress[0].hosts[4]",
            ],
        ),
        ("{egress: [{hosts: [./*]}, {hosts: [./*]}]}", ["bad-order egress[0]"]),
        (
            "{egress: [{bind: 127.0.0.1, captureMode: NONE, hosts: [./*]}]}",
            ["no-port egress[0].bind", "no-port egress[0].captureMode"],
        ),
        (
            "{egress: [{port: {number: 80, protocol: HTTP}, hosts: [./*]},"
            " {port: {number: 80, protocol: HTTP}, bind: 127.0.0.1, hosts: [./*]},"
            " {port: {number: 0, protocol: odd, targetPort: 1}, hosts: [./*]}]}",
            [
                "duplicate egress[1].port.number",
                "bad-port egress[2].port.number",
                "bad-protocol egress[2].port.protocol",
                "bad-port egress[2].port.targetPort",
            ],
        ),
        (
            "{egress: [{port: {number: 1, protocol: HTTP}, bind: 'unix://a',"
            " captureMode: IPTABLES, hosts: [./*]},"
            " {port: {number: 2, protocol: HTTP_PROXY}, bind: local,"
            " captureMode: IPTABLES, hosts: [./*]}]}",
            [
                "bad-port egress[0].port.number",
                "bad-address egress[0].bind",
                "bad-capture egress[0].captureMode",
                "bad-address egress[1].bind",
                "bad-capture egress[1].captureMode",
            ],
        ),
        (
            "{ingress: [{port: {number: 9080, protocol: TCP}, bind: '::1', captureMode: NONE,"
            " defaultEndpoint: '127.0.0.1:80'}, {port: {number: 9081, protocol: TCP}, bind: "
            "127.0.0.1, captureMode: NONE, defaultEndpoint: '127.0.0.1:80'}],"
            " egress: [{port: {number: 9080, protocol: TCP}, bind: '0:0::1', hosts: [./*]},"
            " {port: {number: 9081, protocol: TCP}, captureMode: NONE, hosts: [./*]},"
            " {port: {number: 9082, protocol: TCP}, captureMode: NONE, hosts: [./*]}]}",
            ["duplicate egress[0].port.number", "duplicate egress[1].port.number"],
        ),
        (
            "{ingress: [{port: {number: 80, protocol: HTTPS}, tls: {mode: ISTIO_MUTUAL}},"
            " {port: {number: 81, protocol: TLS}, tls: {mode: SIMPLE, httpsRedirect: true}},"
            " {port: {number: 82, protocol: TLS}, tls: {mode: MUTUAL, credentialName: a}}]}",
            [
                "bad-mode ingress[0].tls.mode",
                "~no-effect ingress[1].tls.httpsRedirect",
                "no-certificate ingress[1].tls.credentialName",
            ],
        ),
        (
            "{ingress: [{}, {port: {number: 80, protocol: HTTP}, bind: 'unix:///a'},"
            " {port: {number: 80, protocol: HTTP}, captureMode: NONE},"
            " {port: {number: 81, protocol: HTTP}, defaultEndpoint: '10.0.0.1:80'},"
            " {port: {number: 82, protocol: HTTP}, defaultEndpoint: '127.0.0.1:99999'},"
            " {port: {number: 83, protocol: HTTP}, defaultEndpoint: 'unix:///',"
            " connectionPool: {tcp: {maxConnections: -1}}}]}",
            [
                "no-port ingress[0].port",
                "bad-address ingress[1].bind",
                "duplicate ingress[2].port.number",
                "no-endpoint ingress[2].defaultEndpoint",
                "bad-address ingress[3].defaultEndpoint",
                "bad-port ingress[4].defaultEndpoint",
                "bad-address ingress[5].defaultEndpoint",
                "out-of-range ingress[5].connectionPool.tcp.maxConnections",
            ],
        ),
        (
            "{ingress: [{port: {number: 80, protocol: TCP}, defaultEndpoint: "
            f"'unix:///{'a' * 107}'}}]}}",
            ["bad-address ingress[0].defaultEndpoint"],
        ),
        (
            "{inboundConnectionPool: {tcp: {maxConnections: -1}}}",
            ["out-of-range inboundConnectionPool.tcp.maxConnections"],
        ),
        (
            "{outboundTrafficPolicy: {mode: REGISTRY_ONLY, egressProxy: {host: '*'}}}",
            [
                "bad-egress-proxy outboundTrafficPolicy.egressProxy",
                "no-port outboundTrafficPolicy.egressProxy.port",
                "bad-host outboundTrafficPolicy.egressProxy.host",
            ],
        ),
    ],
)
def test_bad_sidecars(spec: str, problems: list[str]) -> None:
    assert sidecar(spec) == problems


def test_a_policy_without_a_mode_allows_the_registry_only() -> None:
    """It is the zero of Istio's enum, and the narrower choice."""
    made = decoded("Sidecar", "{outboundTrafficPolicy: {}}").object
    assert isinstance(made, Sidecar)
    assert made.outbound_traffic_policy is not None
    assert made.outbound_traffic_policy.mode == "REGISTRY_ONLY"


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        ("0.0.0.0:x", ("0.0.0.0", 0)),  # a value, not a bind
        ("a:1", ("", 1)),
        ("80", ("", 80)),
    ],
)
def test_endpoints_are_an_address_and_a_port(text: str, endpoint: tuple[str, int]) -> None:
    assert endpoint_of(text) == endpoint
