"""HED0104: the port of a Service where that of its pods is meant."""

import pytest

from analysis.checks.policy_ports import POLICY_PORTS
from tests.analysis.yaml_objects import istio, pod
from tests.facts import findings, told
from tests.meshes import service

CONTAINER = (
    "containers: [{name: app, ports: [{name: web, containerPort: 8080}, {containerPort: 81}]}]"
)
SHOP = pod("web", spec=CONTAINER) + service("web", ports=("http:80:web", "b:81:8081", "c:82:none"))


def policy(rule: str) -> str:
    return istio(
        "AuthorizationPolicy", "a", f"{{selector: {{matchLabels: {{app: web}}}}, rules: [{rule}]}}"
    )


def peers(port: str, selector: str = "selector: {matchLabels: {app: web}}, ") -> str:
    return istio(
        "PeerAuthentication", "a", f"{{{selector}portLevelMtls: {{{port}: {{mode: STRICT}}}}}}"
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            policy("{to: [{operation: {ports: ['8080', '80']}}]}"),
            "spec.rules[0].to[0].operation.ports[1]",
        ),
        (
            policy("{to: [{operation: {notPorts: ['80']}}]}"),
            "spec.rules[0].to[0].operation.notPorts[0]",
        ),
        (
            policy("{when: [{key: destination.port, values: ['80']}]}"),
            "spec.rules[0].when[0].values[0]",
        ),
        (peers("80"), 'spec.portLevelMtls["80"]'),
    ],
)
def test_the_port_of_a_service(text: str, path: str) -> None:
    (found,) = [e for e in findings(SHOP + text, [POLICY_PORTS]) if e.code.id == "HED0104"]
    assert (found.path, found.value, found.remedy) == (path, "80", "Write 8080.")


@pytest.mark.parametrize(
    "text",
    [
        policy("{to: [{operation: {ports: ['8080', '8081']}}]}"),
        policy("{to: [{operation: {ports: ['81', '82', '9999']}}]}"),
        policy(
            "{to: [{operation: {methods: [GET]}}], when: [{key: source.ip, values: [10.0.0.1]}]}"
        ),
        policy("{}"),
        peers("8080"),
    ],
    ids=["own ports", "a port of both, unknown ports", "no ports", "anything", "own port"],
)
def test_what_is_no_mistake(text: str) -> None:
    assert "HED0104" not in [code for code, _, _ in told(findings(SHOP + text, [POLICY_PORTS]))]
