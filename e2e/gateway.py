"""What tests configure for the ingress gateway, and how they call it."""

from e2e.mesh import INGRESS, VISITOR, Answer, Mesh
from tests.meshes import gateway, virtual_service

SHOP = "shop.example.com"
PORT = "port: {number: 8080}"
HTTP, HTTPS, TCP = 8080, 8443, 9000
"""Where the gateway's pods listen: the targets of its Service's ports."""


def edge(*servers: str) -> str:
    """A Gateway in the namespace of the VirtualServices, for gateway pods of another."""
    return gateway(
        "public", f"{{selector: {{istio: ingressgateway}}, servers: [{', '.join(servers)}]}}", "e2e"
    )


def server(number: int, protocol: str, hosts: str, tls: str = "") -> str:
    """One server; its port's name is made of its hosts."""
    name = f"p{number}-{hosts.strip('*').partition('.')[0] or 'all'}"
    port = f"port: {{number: {number}, name: {name}, protocol: {protocol}}}"
    return f"{{{port}, hosts: ['{hosts}']{f', tls: {{{tls}}}' if tls else ''}}}"


def bound(name: str, spec: str, created: str = "") -> str:
    """A VirtualService of the Gateway."""
    return virtual_service(name, f"{{gateways: [public], {spec}}}", "e2e", created)


def to_echo(host: str, name: str = "echo") -> str:
    """Everything for a host goes to the service `echo`."""
    return bound(
        name, f"hosts: [{host}], http: [{{route: [{{destination: {{host: echo, {PORT}}}}}]}}]"
    )


def visit(mesh: Mesh, host: str, path: str = "/", **more: str) -> Answer:
    """A plain request from outside of the mesh."""
    url = f"http://{mesh.address(INGRESS)}:{HTTP}{path}"
    return mesh.get(url, {"host": host, **more}, via=VISITOR)
