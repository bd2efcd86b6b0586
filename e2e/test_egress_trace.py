"""`heddle trace` of a workload's call that leaves the mesh through a gateway says what the sidecar
and the gateway then do with it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from e2e.gateway import edge, server, to_echo
from e2e.mesh import INGRESS, OUTSIDE, Mesh
from e2e.witness import witness
from heddle.main import app
from tests.meshes import authorization_policy, destination_rule, virtual_service

GATEWAY = "ingress.edge.svc.cluster.local"
FAR, SECURED, OTHER, CLEAR = (
    f"{name}.example.com" for name in ("far", "secured", "other", "clear")
)
PASSED, CLOSED = "passed.example.com", "closed.example.com"
CLIENT = "cluster.local/ns/e2e/sa/default"
BY = "headers: {request: {set: {x-by: egress}}}"


@dataclass(frozen=True)
class Call:
    """A call, the status that the client gets (0: none), and what the trace says of how it ends."""

    host: str
    path: str
    status: int
    verdict: str


CALLS = (
    Call(FAR, "/ok", 200, f"goes to outbound|80||{GATEWAY}, then goes to outbound|80||{FAR}"),
    Call(FAR, "/new", 200, f"then goes to outbound|80||{FAR}"),
    Call(FAR, "/moved", 301, "then is answered by the gateway edge/ingress-"),
    Call(FAR, "/gone", 503, "is answered by the gateway edge/ingress-"),
    Call(FAR, "/else", 404, "is answered by the gateway edge/ingress-"),
    Call(FAR, "/secret", 403, "fails: denied: a policy denies it"),
    Call(FAR, "/private", 200, f"then goes to outbound|80||{FAR}"),
    Call(SECURED, "/ok", 200, f"goes to outbound|443|tls|{GATEWAY}, then goes to"),
    Call(SECURED, "/private", 403, "fails: denied: a policy denies it"),
    Call(OTHER, "/ok", 503, f"fails: no server takes TLS for {OTHER}: the connection is closed"),
    Call(CLEAR, "/ok", 503, "fails: no server takes what is not TLS: the connection is closed"),
)
"""`/private` is kept from the client by its name, which the gateway knows by a certificate only."""


def outside(mesh: Mesh, host: str) -> str:
    """A host outside of the mesh."""
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host.partition(".")[0]}, namespace: e2e}}
spec:
  hosts: [{host}]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8080}}]
  endpoints: [{{address: {mesh.address(OUTSIDE)}}}]
"""


def through(host: str, port: int, subset: str = "", *more: str) -> str:
    """A VirtualService that leads calls for a host to the gateway, and from there to the host."""
    part = f", subset: {subset}" if subset else ""
    there = f"route: [{{destination: {{host: {GATEWAY}, port: {{number: {port}}}{part}}}}}]"
    far = f"route: [{{destination: {{host: {host}, port: {{number: 80}}}}}}]"
    at = "gateways: [public], uri: {prefix: "
    known = "".join(f"{{match: [{{{at}{path}}}}}], {BY}, {far}}}, " for path in ("/ok", "/private"))
    inside = f"{{match: [{{gateways: [mesh]}}], {there}}}"
    rules = ", ".join((*more, inside, known.rstrip(", ")))
    name = host.partition(".")[0]
    spec = f"{{hosts: [{host}], gateways: [mesh, public], http: [{rules}]}}"
    return virtual_service(name, spec, "e2e")


def plain(mesh: Mesh) -> str:
    """What becomes of requests for the first host, path by path."""
    at = "gateways: [public], uri: {prefix: "
    there = f"route: [{{destination: {{host: {GATEWAY}, port: {{number: 80}}}}}}]"
    renamed = "headers: {request: {set: {x-first: mesh}}}, rewrite: {uri: /ok/new}"
    lost = f"route: [{{destination: {{host: {FAR}, subset: v9}}}}]"
    # The gateway takes `/ok/new` only from whoever has been through the first route.
    return through(
        FAR,
        80,
        "",
        f"{{match: [{{gateways: [mesh], uri: {{prefix: /new}}}}], {renamed}, {there}}}",
        f"{{match: [{{{at}/ok/new}}, withoutHeaders: {{x-first: {{}}}}}}], "
        "directResponse: {status: 418}}",
        f"{{match: [{{{at}/moved}}}}], redirect: {{uri: /ok}}}}",
        f"{{match: [{{{at}/gone}}}}], {lost}}}",
    )


def applied(mesh: Mesh) -> None:
    """The gateway takes requests in the clear, and from workloads of the mesh within mutual TLS."""
    subsets = ", ".join(
        f"{{name: {name}, labels: {{istio: ingressgateway}}, trafficPolicy: {{tls: {{{tls}}}}}}}"
        for name, tls in (
            ("tls", f"mode: ISTIO_MUTUAL, sni: {SECURED}"),
            ("other", f"mode: ISTIO_MUTUAL, sni: {OTHER}"),
            ("clear", "mode: DISABLE"),
        )
    )
    client = f"from: [{{source: {{principals: [{CLIENT}]}}}}]"
    private = f"{{{client}, to: [{{operation: {{paths: [/private]}}}}]}}"
    secret = "{to: [{operation: {paths: [/secret]}}]}"
    mesh.apply(
        edge(
            server(80, "HTTP", FAR),
            server(443, "HTTPS", SECURED, "mode: ISTIO_MUTUAL"),
        ),
        destination_rule("ingress", f"{{host: {GATEWAY}, subsets: [{subsets}]}}", "e2e"),
        authorization_policy("refuse", f"{{action: DENY, rules: [{private}, {secret}]}}", "edge"),
        *(outside(mesh, host) for host in (FAR, SECURED, OTHER, CLEAR)),
        plain(mesh),
        through(SECURED, 443, "tls"),
        through(OTHER, 443, "other"),
        through(CLEAR, 443, "clear"),
    )


def test_traces_agree_with_the_way_out(mesh: Mesh) -> None:
    applied(mesh)
    for call in CALLS:
        answer = mesh.get(f"http://{call.host}{call.path}")
        found = traced(mesh, f"http://{call.host}{call.path}", status=call.status)
        assert (answer.status, call.verdict in str(found["verdict"])) == (call.status, True), (
            call,
            answer,
            found["verdict"],
        )
        if answer.status == 200:
            seen = answer.seen
            assert (seen.service, seen.headers["x-by"]) == ("outside", "egress")


def passing(host: str) -> str:
    """TLS to a host outside goes through the gateway as it is."""
    at = f"port: 443, sniHosts: [{host}]"
    there = f"route: [{{destination: {{host: {GATEWAY}, port: {{number: 443}}}}}}]"
    far = f"route: [{{destination: {{host: {host}, port: {{number: 443}}}}}}]"
    name = host.partition(".")[0]
    entry = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: e2e}}
spec:
  hosts: [{host}]
  resolution: STATIC
  ports: [{{number: 443, name: tls, protocol: TLS, targetPort: 8443}}]
  workloadSelector: {{labels: {{app: red}}}}
"""
    rules = virtual_service(
        name,
        f"{{hosts: [{host}], gateways: [mesh, public], "
        f"tls: [{{match: [{{gateways: [mesh], {at}}}], {there}}}, "
        f"{{match: [{{gateways: [public], {at}}}], {far}}}]}}",
        "e2e",
    )
    return "\n---\n".join((entry, rules))


def test_traces_agree_with_what_is_not_opened_or_not_known(
    intercepting: Mesh, folder: Path
) -> None:
    """TLS that passes the gateway, or finds no server there; and a request for a host that only the
    gateway knows, to its pod.
    """
    near = "near.example.com"
    intercepting.apply(
        edge(server(80, "HTTP", near), server(443, "TLS", PASSED, "mode: PASSTHROUGH")),
        witness("red", "tls", TLS=str(folder / "server"), VERSION="red"),
        passing(PASSED),
        passing(CLOSED),
        to_echo(near),
    )
    for host, status, verdict in (
        (PASSED, 200, f"goes to outbound|443||{GATEWAY}, then goes to outbound|443||{PASSED}"),
        (CLOSED, 0, f"fails: no server takes TLS for {CLOSED}: the connection is closed"),
    ):
        tls = {"sni": host, "roots": str(folder / "roots.pem")}
        answer = intercepting.get(f"https://{host}/", tls=tls)
        found = traced(intercepting, f"https://{host}/", status=status)
        assert (answer.status, found["verdict"]) == (status, verdict)
    url = f"http://{intercepting.address(INGRESS)}:8080/a"
    seen = intercepting.get(url, {"host": near}).seen
    assert "/ns/edge/sa/ingress" in seen.headers["x-forwarded-client-cert"]
    found = traced(intercepting, url, "-H", f"host: {near}", status=200)
    assert str(found["verdict"]).startswith(
        "goes to PassthroughCluster, then goes to outbound|8080|"
    )


def traced(mesh: Mesh, url: str, *more: str, status: int) -> dict[str, object]:
    """What is said of a call that comes to the gateway, with a file and line for each object."""
    asked = ["--from", "deploy/client.e2e", "--to", url, *more]
    arguments = ["trace", *asked, "-o", "json", *mesh.options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == (0 if status in (200, 301) else 1), result.output
    found: dict[str, object] = json.loads(result.stdout)
    steps = found["steps"]
    assert isinstance(steps, list)
    (gateway,) = [step["name"] for step in steps if step["at"] == "gateway"]
    assert gateway.startswith("edge/ingress-")
    causes = [cause for step in steps for cause in step["causes"]]
    assert all(cause["line"] > 0 for cause in causes), causes
    return found
