"""HED0109: rules for a protocol that no port speaks."""

import pytest

from analysis.checks.route_protocols import ROUTE_PROTOCOLS
from tests.facts import findings
from tests.meshes import service, virtual_service

HTTP = "http: [{route: [{destination: {host: a, port: {number: 80}}}]}]"
TCP = "tcp: [{route: [{destination: {host: a, port: {number: 80}}}]}]"
TLS = "tls: [{match: [{sniHosts: [a]}], route: [{destination: {host: a, port: {number: 80}}}]}]"


def found(ports: str, spec: str) -> list[tuple[str, str]]:
    text = service("a", ports=ports.split()) + virtual_service("v", f"{{hosts: [a], {spec}}}")
    every = findings(text, [ROUTE_PROTOCOLS])
    return [(m.path, m.remedy) for m in every if m.code.id == "HED0109"]


@pytest.mark.parametrize(
    ("ports", "rules", "right"),
    [
        ("tcp:80", HTTP, "tcp"),
        ("https:80", HTTP, "tls"),
        ("http:80", TCP, "http"),
        ("https:80", TCP, "tls"),
        ("grpc:80", TLS, "http"),
        ("tcp:80", TLS, "tcp"),
    ],
)
def test_rules_that_no_port_is_for(ports: str, rules: str, right: str) -> None:
    ((path, remedy),) = found(ports, rules)
    assert path == f"spec.{rules.partition(':')[0]}"
    assert f"under {right}," in remedy


@pytest.mark.parametrize(
    ("ports", "rules"),
    [
        ("http:80", HTTP),
        ("tcp:80", TCP),
        ("https:80", TLS),
        ("x:80", HTTP),
        ("x:80", TCP),
        ("http:80 tcp:81", f"{HTTP}, {TCP}"),
        ("tcp:80", f"gateways: [edge, mesh], {HTTP}"),
    ],
    ids=["http", "tcp", "tls", "unsaid", "unsaid, too", "one of two", "at a gateway"],
)
def test_rules_that_some_port_may_be_for(ports: str, rules: str) -> None:
    assert found(ports, rules) == []


def test_a_host_that_nobody_has_may_speak_anything() -> None:
    spec = f"{{hosts: [a, b.example.com], {HTTP}}}"
    text = service("a", ports=("tcp:80",)) + virtual_service("v", spec)
    codes = [each.code.id for each in findings(text, [ROUTE_PROTOCOLS])]
    assert "HED0109" not in codes
