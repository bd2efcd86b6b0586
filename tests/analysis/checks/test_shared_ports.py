"""IST0116: one port of the same pods, and two protocols."""

import pytest

from analysis.checks.shared_ports import SHARED_PORTS
from tests.analysis.yaml_objects import pod
from tests.facts import findings
from tests.meshes import service

CONTAINER = "containers: [{name: app, ports: [{name: web, containerPort: 8080}]}]"
POD = pod("web", spec=CONTAINER)


def found(port: str) -> list[tuple[str, str, str | None]]:
    other = service("other", ports=[port]).replace("app: other", "app: web")
    text = POD + other + service("web", ports=("tcp:5:5", "http:80:8080"))
    every = findings(text, [SHARED_PORTS])
    return [(str(m.object), m.path, m.value) for m in every if m.code.id == "IST0116"]


@pytest.mark.parametrize("port", ["tcp:90:8080", "https:90:web"])
def test_the_later_service_is_told(port: str) -> None:
    assert found(port) == [("Service shop/web", "spec.ports[1]", "http")]


@pytest.mark.parametrize(
    "port", ["http:90:8080", "grpc:90:8080", "x:90:8080", "tcp:90:9090", "tcp:90:none"]
)
def test_the_same_protocol_or_another_port(port: str) -> None:
    assert found(port) == []
