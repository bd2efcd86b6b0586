"""A mesh whose workloads call a host outside through an egress gateway."""

from collections.abc import Mapping

from crds.meta import Key
from explain.step import Step, Trace
from explain.trace import trace
from heddle.explained.situation import Situation
from heddle.explained.tracing import Called, asked_of
from tests.certificates import certificate, ec_key, pair
from tests.meshes import destination_rule, gateway, secret, virtual_service

OUT = "out.edge.svc.cluster.local"
CLIENT_ID = "spiffe://cluster.local/ns/shop/sa/client"
REFUSAL = "AuthorizationPolicy edge/refuse spec.rules[0]"
GATEWAY_ID = "spiffe://cluster.local/ns/edge/sa/default"
EGRESS = """---
apiVersion: v1
kind: Namespace
metadata: {name: edge, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: out, namespace: edge}
spec:
  selector: {istio: egressgateway}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443, targetPort: 8443}
  - {name: tcp, port: 9000}
  - {name: http-closed, port: 81}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: out, namespace: edge}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  template:
    metadata:
      labels: {istio: egressgateway}
      annotations: {inject.istio.io/templates: gateway}
    spec: {containers: [{name: istio-proxy, image: auto}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: far, namespace: shop}
spec:
  hosts: [far.test]
  ports:
  - {number: 80, name: http, protocol: HTTP}
  - {number: 443, name: tls, protocol: TLS}
  resolution: DNS
"""
SELECTOR = "selector: {istio: egressgateway}"


def server(number: int, protocol: str, tls: str = "", host: str = "far.test") -> str:
    """The Gateway, with one server."""
    ended = f", tls: {{{tls}}}" if tls else ""
    port = f"port: {{number: {number}, name: one, protocol: {protocol}}}"
    return gateway("egress", f"{{{SELECTOR}, servers: [{{{port}, hosts: ['{host}']{ended}}}]}}")


def to(host: str, port: int, more: str = "") -> str:
    """A route in a VirtualService."""
    return f"route: [{{destination: {{host: {host}, port: {{number: {port}}}{more}}}}}]"


def way(port: int, *, first: str = "", then: str = "", onward: str = to("far.test", 80)) -> str:
    """The classic: workloads call the gateway in place of the host, which it calls for them."""
    inside = f"{{match: [{{gateways: [mesh]}}], {first}{to(OUT, port)}}}"
    outside = f"{{match: [{{gateways: [egress]{then}}}], {onward}}}"
    return virtual_service(
        "far", f"{{hosts: [far.test], gateways: [mesh, egress], http: [{inside}, {outside}]}}"
    )


def passing(kind: str, inside: str, outside: str) -> str:
    """The same for connections."""
    return virtual_service(
        "far",
        "{hosts: [far.test], gateways: [mesh, egress], "
        f"{kind}: [{{match: [{{gateways: [mesh], {inside}}}, "
        f"{{match: [{{gateways: [egress], {outside}}}]}}",
    )


def secured(tls: str) -> str:
    """How sidecars call the gateway."""
    return destination_rule("out", f"{{host: {OUT}, trafficPolicy: {{tls: {{{tls}}}}}}}")


MESH_TLS = "mode: ISTIO_MUTUAL, sni: far.test"
MUTUAL = server(443, "HTTPS", "mode: ISTIO_MUTUAL")
PLAIN = server(80, "HTTP")
CHAIN, KEY = pair()
CERT = secret("cert", "edge", tls_crt=CHAIN, tls_key=KEY, ca_crt=certificate(ec_key(1)))


def called(now: Situation, url: str, headers: Mapping[str, str] | None = None) -> Trace:
    """A call of the client."""
    client = now.proxy("deploy/client-v1.shop")
    asked = asked_of(now, client, Called(url=url, headers=headers or {}))
    return trace(now.mesh, client, now.proxies, asked)


def beyond(found: Trace) -> list[Step]:
    """The steps from the gateway on."""
    at = [each.at for each in found.steps].index("gateway")
    return list(found.steps[at:])


def step(steps: list[Step], at: str) -> Step:
    """The first of a kind."""
    return next(each for each in steps if each.at == at)


def causes(found: Step) -> list[str]:
    """Objects, each with its path."""
    return [f"{each.object} {each.path}".strip() for each in found.causes]


def pod_of(now: Situation, name: str) -> tuple[str, ...]:
    """The addresses of a proxy's pod."""
    proxy = now.proxy(name)
    return now.mesh.endpoints.pods[Key("", "Pod", proxy.namespace, proxy.name)].addresses
