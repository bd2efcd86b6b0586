"""Gateways and VirtualServices that do not meet; the goldens of gateways show more."""

from mesh.check import check_all
from mesh.check_gateways import check_gateways
from tests.meshes import mesh_of, service, virtual_service

POD = """
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: edge
  labels: {{istio: {label}, app: {name}}}
  annotations: {{inject.istio.io/templates: gateway, sidecar.istio.io/status: "{{}}"}}
"""
GATEWAY = """
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: edge}}
spec: {{selector: {{istio: ingress}}, servers: {servers}}}
"""
HTTP = "[{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.test]}]"
TCP = "[{port: {number: 80, name: tcp, protocol: TCP}, hosts: [shop.test]}]"


def codes(text: str) -> list[str]:
    return [f"{p.code} {p.path}" for p in check_all(mesh_of(text))]


def test_a_conflict_is_told_once_however_many_deployments_meet_it() -> None:
    pods = POD.format(name="a", label="ingress") + POD.format(name="b", label="ingress")
    text = pods + GATEWAY.format(name="a", servers=HTTP) + GATEWAY.format(name="b", servers=TCP)
    assert codes(text) == ["port-conflict spec.servers[0].port"]
    assert next(iter(check_gateways(mesh_of(text)))).name == "b"


def test_a_gateway_without_pods_is_told_of() -> None:
    text = POD.format(name="a", label="egress") + GATEWAY.format(name="a", servers=HTTP)
    assert codes(text) == ["no-gateway-pod spec.selector"]


def test_matches_that_name_another_gateway_than_their_object() -> None:
    route = "route: [{destination: {host: echo}}]"
    spec = (
        "{hosts: [shop.test], gateways: [edge/a], "
        f"http: [{{match: [{{gateways: [edge/b]}}], {route}}}], "
        f"tls: [{{match: [{{sniHosts: [shop.test], gateways: [mesh]}}], {route}}}], "
        f"tcp: [{{match: [{{gateways: [edge/c]}}], {route}}}]}}"
    )
    text = POD.format(name="a", label="ingress") + GATEWAY.format(name="a", servers=HTTP)
    assert codes(text + service("echo") + virtual_service("x", spec)) == [
        "unlisted-gateway spec.http[0].match[0].gateways[0]",
        "unlisted-gateway spec.tls[0].match[0].gateways[0]",
        "unlisted-gateway spec.tcp[0].match[0].gateways[0]",
    ]


def test_a_destination_without_a_port_is_looked_for_at_the_port_of_the_server() -> None:
    """A service with several ports, none of which the Gateway has."""
    spec = (
        "{hosts: [shop.test], gateways: [edge/a], http: [{route: [{destination: {host: echo}}]}]}"
    )
    text = POD.format(name="a", label="ingress") + GATEWAY.format(name="a", servers=HTTP)
    text += service("echo", ports=("http:81", "http-b:82")) + virtual_service("x", spec)
    assert codes(text) == ["port-needed spec.http[0].route[0].destination.port.number"]
