"""Which Gateways are refused, and which have parts without an effect."""

import pytest
import yaml

from crds.decode import decode
from tests.crds.specs import decoded, told

CERT = "mode: SIMPLE, credentialName: shop-cert"


def gateway(server: str) -> str:
    return f"{{selector: {{istio: ingress}}, servers: [{{{server}}}]}}"


def https(tls: str) -> str:
    return gateway(
        f"port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [shop.test], tls: {{{tls}}}"
    )


def http(rest: str) -> str:
    return gateway(f"port: {{number: 80, name: http, protocol: HTTP}}, {rest}")


S = "servers[0]"
T = f"{S}.tls"


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        (http("hosts: ['*', ns/*, ./a.test, '*/*.b.test', 10.0.0.1, '::1']"), []),
        (http("hosts: [a.test], tls: {httpsRedirect: true}"), []),
        (http("hosts: [a.test], bind: 10.0.0.1"), []),
        (https(CERT), []),
        (https("mode: MUTUAL, credentialName: kubernetes://shop-cert"), []),
        (https("mode: MUTUAL, credentialNames: [a, b], caCertCredentialName: c"), []),
        (https("mode: PASSTHROUGH"), []),
        (https("mode: ISTIO_MUTUAL, subjectAltNames: ['spiffe://a/ns/b/sa/c']"), []),
        (
            https("mode: ISTIO_MUTUAL, insecureSkipVerify: true"),
            [f"~not-translated {T}.insecureSkipVerify", f"one-of {T}.insecureSkipVerify"],
        ),
        (https("mode: AUTO_PASSTHROUGH"), [f"~not-translated {T}.mode"]),
        ("{selector: {a: b}}", ["no-servers servers"]),
        (
            "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}",
            ["~no-selector selector"],
        ),
        (http(""), [f"no-hosts {S}.hosts"]),
        (
            http("hosts: [short, a_b.test, 'A/b.test', '']"),
            [f"bad-host {S}.hosts[{i}]" for i in range(4)],
        ),
        (http("hosts: [a.test], tls: {mode: SIMPLE}"), [f"no-tls {T}"]),
        (http("hosts: [a.test], bind: host.test"), [f"bad-address {S}.bind"]),
        (http("hosts: [a.test], bind: 'unix:///run/web'"), [f"bad-port {S}.port.number"]),
        (
            http("hosts: [a.test], defaultEndpoint: 127.0.0.1:80"),
            [f"~not-translated {S}.defaultEndpoint"],
        ),
        (
            gateway("port: {number: 0, name: A, protocol: UDP, targetPort: 1}, hosts: [a.test]"),
            [
                f"bad-port {S}.port.number",
                f"bad-protocol {S}.port.protocol",
                f"bad-name {S}.port.name",
                f"bad-port {S}.port.targetPort",
            ],
        ),
        (
            gateway("port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.test]"),
            [f"no-tls {T}"],
        ),
        (https(f"{CERT}, httpsRedirect: true"), [f"~no-effect {T}.httpsRedirect"]),
        (https("mode: SIMPLE"), [f"no-certificate {T}.credentialName"]),
        (https("mode: SIMPLE, serverCertificate: /a"), [f"no-certificate {T}"]),
        (
            https("mode: SIMPLE, serverCertificate: /a, privateKey: /a"),
            [f"~key-shown {T}.privateKey"],
        ),
        (https("credentialName: shop-cert"), [f"~no-effect {T}.credentialName"]),
        (
            https("mode: ISTIO_MUTUAL, credentialName: a, caCrl: /crl"),
            [f"one-of {T}.credentialName", f"one-of {T}.caCrl"],
        ),
        # Appendix C-13: Istio's CRD lets the second of these pass.
        (https(f"{CERT}, credentialNames: [b]"), [f"one-of {T}"]),
        (https(f"{CERT}, serverCertificate: /a, privateKey: /b"), [f"one-of {T}"]),
        (https(f"{CERT}, caCrl: /crl"), [f"one-of {T}.caCrl"]),
        (
            https("mode: MUTUAL, credentialName: a, caCertificates: /a, caCertCredentialName: b"),
            [f"one-of {T}"],
        ),
        (https("mode: SIMPLE, credentialNames: [a, b, c]"), [f"too-many {T}.credentialNames"]),
        (https("mode: SIMPLE, credentialName: other/a"), [f"bad-credential {T}.credentialName"]),
        (https("mode: SIMPLE, credentialNames: [A]"), [f"bad-credential {T}.credentialNames[0]"]),
        (
            https("mode: MUTUAL, serverCertificate: /a, privateKey: /b"),
            [f"no-certificate {T}.caCertificates"],
        ),
        (
            https("mode: MUTUAL, credentialName: a, insecureSkipVerify: true"),
            [f"~not-translated {T}.insecureSkipVerify", f"one-of {T}.insecureSkipVerify"],
        ),
        (
            https("mode: MUTUAL, credentialName: a, verifyCertificateSpki: [x], "
                  "verifyCertificateHash: [y]"),
            [f"bad-hash {T}.verifyCertificateSpki[0]", f"bad-hash {T}.verifyCertificateHash[0]"],
        ),
        (https(f"{CERT}, subjectAltNames: [a]"), [f"~no-effect {T}.subjectAltNames"]),
        (
            https("mode: MUTUAL, credentialName: a, subjectAltNames: [a, a]"),
            [f"duplicate {T}.subjectAltNames[1]"],
        ),
        (
            https(f"{CERT}, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2"),
            [f"out-of-range {T}.minProtocolVersion"],
        ),
        (https(f"{CERT}, maxProtocolVersion: TLSV1_2, minProtocolVersion: TLSV1_2"), []),
        (
            https(f"{CERT}, cipherSuites: [AES128-SHA, AES129-SHA, AES128-SHA]"),
            [f"~unknown-name {T}.cipherSuites[1]", f"~duplicate {T}.cipherSuites[2]"],
        ),
    ],
)  # fmt: skip
def test_checks(spec: str, problems: list[str]) -> None:
    """What a Gateway alone is refused or warned for; C-13 among it."""
    found = [each.replace("spec.", "") for each in told(decoded("Gateway", spec))]
    assert found == problems


def test_port_names_are_unique_in_a_gateway() -> None:
    """The route table of an HTTPS server has its port's name."""
    one = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}"
    spec = f"{{selector: {{a: b}}, servers: [{one}, {one}]}}"
    assert told(decoded("Gateway", spec)) == ["duplicate spec.servers[1].port.name"]


def test_the_name_of_a_gateway_is_a_label() -> None:
    """It becomes part of the names of route tables, between dots."""
    raw = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "a.b"},
        "spec": yaml.safe_load(http("hosts: ['*']")),
    }
    assert [problem.path for problem in decode(raw).problems] == ["metadata.name"]
