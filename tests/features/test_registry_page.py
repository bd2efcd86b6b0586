"""Which services there are, as Istio's tools are told."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from heddle.debug.registry_page import as_registered, services
from tests.features.debugged import Debugged, debugged
from tests.features.plane import Plane
from tests.features.shop import SHOP
from tests.meshes import mesh_of, service

ENTRY = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: far, creationTimestamp: '2026-01-02T03:04:05Z'}}
spec: {spec}
"""
PORTS = "ports: [{number: 443, name: tls, protocol: TLS}]"


def registered(text: str, host: str) -> Mapping[str, object]:
    """What is said of a host in a mesh."""
    (found,) = (each for each in services(mesh_of(text)) if each.host == host)
    return as_registered(found)


@pytest.fixture
async def shown(plane: Plane, tmp_path: Path) -> AsyncIterator[Debugged]:
    plane.apply(SHOP, ENTRY.format(name="far", spec=f"{{hosts: [far.test], {PORTS}}}"))
    async with debugged(plane, tmp_path) as found:
        yield found


async def test_the_page_lists_all_services_or_those_of_a_namespace(shown: Debugged) -> None:
    every = await shown.json("/debug/registryz")
    assert isinstance(every, list)
    hosts = [each["hostname"] for each in every]
    assert hosts[0] == "far.test"
    assert "reviews.shop.svc.cluster.local" in hosts
    only = await shown.json("/debug/registryz?namespace=far")
    assert isinstance(only, list)
    assert [each["hostname"] for each in only] == ["far.test"]


def test_a_service_of_kubernetes_has_its_address_and_selector() -> None:
    text = service("web", ports=("http:80", "odd:81"), ip="10.0.0.7")
    assert registered(text, "web.shop.svc.cluster.local") == {
        "Attributes": {
            "ServiceRegistry": "Kubernetes",
            "Name": "web",
            "Namespace": "shop",
            "Labels": None,
            "ExportTo": None,
            "LabelSelectors": {"app": "web"},
        },
        "ports": [
            {"name": "http", "port": 80, "protocol": "HTTP"},
            {"name": "odd", "port": 81, "protocol": "UnsupportedProtocol"},
        ],
        "creationTime": "0001-01-01T00:00:00Z",
        "hostname": "web.shop.svc.cluster.local",
        "clusterVIPs": {"Addresses": {"Kubernetes": ["10.0.0.7"]}},
        "defaultAddress": "10.0.0.7",
        "Resolution": 0,
        "MeshExternal": False,
        "ResourceVersion": "",
    }


def test_a_headless_service_has_no_address() -> None:
    found = registered(service("web", ip="None"), "web.shop.svc.cluster.local")
    assert found["clusterVIPs"] == {"Addresses": {"Kubernetes": ["0.0.0.0"]}}
    assert (found["defaultAddress"], found["Resolution"]) == ("0.0.0.0", 2)


@pytest.mark.parametrize(
    ("spec", "resolution", "address"),
    [
        (f"resolution: DNS, {PORTS}", 1, "0.0.0.0"),
        (f"resolution: NONE, addresses: [192.0.2.7], {PORTS}", 2, "192.0.2.7"),
        (f"resolution: NONE, addresses: [192.0.2.0/24], {PORTS}", 2, "192.0.2.0/24"),
        (f"resolution: DNS_ROUND_ROBIN, {PORTS}", 3, "0.0.0.0"),
    ],
)
def test_a_service_entry_says_how_its_host_is_found(
    spec: str, resolution: int, address: str
) -> None:
    text = ENTRY.format(name="far", spec=f"{{hosts: [far.test], exportTo: ['.'], {spec}}}")
    found = registered(text, "far.test")
    attributes = found["Attributes"]
    assert isinstance(attributes, dict)
    assert (attributes["ServiceRegistry"], attributes["Name"]) == ("External", "far.test")
    assert attributes["ExportTo"] == {".": {}}
    assert (found["Resolution"], found["defaultAddress"]) == (resolution, address)
    assert found["clusterVIPs"] == {"Addresses": None}
    assert (found["MeshExternal"], found["creationTime"]) == (True, "2026-01-02T03:04:05Z")
    assert ("autoAllocatedIPv4Address" in found) == (address == "0.0.0.0")
