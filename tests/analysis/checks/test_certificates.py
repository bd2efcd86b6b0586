"""IST0138: one certificate in two Gateways."""

import pytest

from analysis.checks.certificates import CERTIFICATES
from tests.facts import findings, told
from tests.meshes import gateway


def secure(name: str, credential: str = "c", port: int = 443, pods: str = "edge") -> str:
    server = (
        f"{{port: {{number: {port}, name: https, protocol: HTTPS}}, hosts: [{name}.example.com], "
        f"tls: {{mode: SIMPLE, credentialName: {credential}}}}}"
    )
    return gateway(name, f"{{selector: {{istio: {pods}}}, servers: [{server}]}}")


def found(text: str) -> list[tuple[str, str]]:
    every = told(findings(text, [CERTIFICATES]))
    return [(object_, path) for code, object_, path in every if code == "IST0138"]


def test_two_gateways_show_one_certificate() -> None:
    assert found(secure("a") + secure("b")) == [("Gateway shop/b", "spec.servers[0].tls")]


@pytest.mark.parametrize(
    "other", [secure("b", credential="d"), secure("b", port=8443), secure("b", pods="other")]
)
def test_another_certificate_port_or_other_pods(other: str) -> None:
    assert found(secure("a") + other) == []


def test_what_shows_no_certificate() -> None:
    server = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}"
    assert found(gateway("a", f"{{selector: {{istio: edge}}, servers: [{server}]}}")) == []
