"""HED0117 and HED0118: TLS to the outside, twice or not at all."""

import pytest

from analysis.checks.outside_tls import OUTSIDE_TLS
from tests.analysis.yaml_objects import istio
from tests.facts import findings, told
from tests.meshes import destination_rule, service, virtual_service


def entry(port: str, location: str = "MESH_EXTERNAL", host: str = "a.example.com") -> str:
    spec = f"{{hosts: [{host}], location: {location}, resolution: DNS, ports: [{{{port}}}]}}"
    return istio("ServiceEntry", "e", spec)


def rule(policy: str) -> str:
    return destination_rule("r", f"{{host: a.example.com, {policy}}}")


def found(text: str) -> list[tuple[str, str]]:
    every = told(findings(text, [OUTSIDE_TLS]))
    return [(code, path) for code, _, path in every if code in ("HED0117", "HED0118")]


HTTPS = entry("number: 443, name: https, protocol: HTTPS")
HTTP = "number: 80, name: http, protocol: HTTP, targetPort: 443"
ORIGINATES = "trafficPolicy: {tls: {mode: SIMPLE}}"
AT_PORT = (
    "trafficPolicy: {portLevelSettings: [{port: {number: %d}, tls: {mode: SIMPLE, "
    "sni: a.example.com}}]}"
)
NO_TLS = (
    "trafficPolicy: {portLevelSettings: [{port: {number: 443}, loadBalancer: {simple: RANDOM}}]}"
)
KEYS = istio(
    "RequestAuthentication", "k", "{jwtRules: [{issuer: a, jwksUri: 'https://a.example.com/k'}]}"
)
ROUTED = virtual_service(
    "v",
    "{hosts: [a.example.com], http: [{route: [{destination: {host: a.example.com, "
    "port: {number: 443}}}]}]}",
)


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        (ORIGINATES, "spec.trafficPolicy.tls.mode"),
        (AT_PORT % 443, "spec.trafficPolicy.portLevelSettings[0].tls.mode"),
    ],
)
def test_tls_in_tls(policy: str, path: str) -> None:
    assert found(HTTPS + rule(policy)) == [("HED0117", path)]


@pytest.mark.parametrize(
    "text",
    [
        HTTPS + rule("trafficPolicy: {tls: {mode: DISABLE}}"),
        HTTPS + rule(AT_PORT % 80),
        HTTPS + rule("subsets: [{name: a}]"),
        HTTPS + rule(NO_TLS),
        HTTPS + rule(ORIGINATES) + ROUTED,
        HTTPS + rule(ORIGINATES) + KEYS,
        entry(HTTP) + rule(ORIGINATES),
        entry("number: 443, name: https, protocol: HTTPS", "MESH_INTERNAL") + rule(ORIGINATES),
        service("a", ports=("https:443",))
        + destination_rule("r", "{host: a, trafficPolicy: {tls: {mode: SIMPLE, sni: a}}}"),
    ],
    ids=[
        "none",
        "another port",
        "no policy",
        "no tls",
        "requests are routed there",
        "keys are there",
        "once",
        "own",
        "in it",
    ],
)
def test_tls_once(text: str) -> None:
    assert found(text) == []


def test_plain_http_where_tls_is_expected() -> None:
    assert found(entry(HTTP)) == [("HED0118", "spec.ports[0].protocol")]
    plain = entry("number: 443, name: http, protocol: HTTP")
    assert found(plain) == [("HED0118", "spec.ports[0].protocol")]


@pytest.mark.parametrize(
    "text",
    [
        entry("number: 80, name: http, protocol: HTTP"),
        entry(HTTP, "MESH_INTERNAL"),
        entry(HTTP) + rule(ORIGINATES),
        entry(HTTP) + rule(AT_PORT % 80),
        entry(HTTP) + rule("subsets: [{name: a, trafficPolicy: {tls: {mode: SIMPLE}}}]"),
        HTTPS,
    ],
    ids=["port 80", "own", "secured", "at its port", "in a subset", "by the client"],
)
def test_http_that_is_secured_or_plain_on_purpose(text: str) -> None:
    assert found(text) == []


def test_an_entry_whose_host_another_has() -> None:
    other = entry("number: 80, name: http, protocol: HTTP").replace("name: e,", "name: d,")
    assert found(other + entry(HTTP)) == [("HED0118", "spec.ports[0].protocol")]
