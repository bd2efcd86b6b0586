"""HED0114: VirtualServices that no Sidecar imports."""

import pytest

from analysis.checks.imports import IMPORTS
from tests.analysis.yaml_objects import pod
from tests.facts import findings, told
from tests.meshes import service, sidecar, virtual_service

NARROW = sidecar("default", "{egress: [{hosts: ['./other.shop.svc.cluster.local']}]}")
FOR_WEB = sidecar("web", "{workloadSelector: {labels: {app: web}}, egress: [{hosts: ['./*']}]}")
WEB = service("web") + pod("web")
SPEC = "{hosts: [web]%s, http: [{timeout: 1s, route: [{destination: {host: web}}]}]}"
ROUTES = virtual_service("v", SPEC % "")


def found(text: str) -> list[tuple[str, str, str]]:
    return [each for each in told(findings(text, [IMPORTS])) if each[0] == "HED0114"]


def test_no_client_imports_the_host() -> None:
    assert found(WEB + NARROW + ROUTES) == [("HED0114", "VirtualService shop/v", "spec.hosts")]


@pytest.mark.parametrize(
    "text",
    [
        WEB + ROUTES,
        WEB + sidecar("default", "{egress: [{hosts: ['./*']}]}") + ROUTES,
        WEB + NARROW + FOR_WEB + ROUTES,
        WEB + NARROW + ROUTES + pod("teller", "bank"),
        service("web") + NARROW + ROUTES,
        WEB + NARROW + virtual_service("v", SPEC % ", gateways: [edge]"),
        WEB + NARROW + virtual_service("v", SPEC % ", gateways: [edge, mesh]"),
    ],
    ids=[
        "no Sidecar",
        "all of the namespace",
        "one of the pods",
        "pods of another namespace",
        "no clients",
        "at a gateway",
        "at a gateway, too",
    ],
)
def test_somebody_imports_it_or_may(text: str) -> None:
    assert found(text) == []


def test_clients_that_do_not_see_it_do_not_count() -> None:
    text = WEB + NARROW + pod("teller", "bank") + virtual_service("v", SPEC % ", exportTo: ['.']")
    assert found(text) == [("HED0114", "VirtualService shop/v", "spec.hosts")]
