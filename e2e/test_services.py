"""Services of every kind: external ones, pods with names, other names for the same one, machines
beside the pods. What the server received says which one was meant.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from e2e.mesh import OUTSIDE, SUBSETS, Mesh
from tests.semantics import covers

PLAIN = "hello, this is no HTTP"


def entry(name: str, spec: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: e2e}}
spec: {{{spec}}}
"""


def stateful(name: str, port: int, service_port: str) -> str:
    """A headless Service with a port, and two pods that have names; each answers with its own."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: e2e}}
spec:
  clusterIP: None
  selector: {{app: {name}}}
  ports: [{service_port}, {{name: tcp, port: 9000}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}, namespace: e2e}}
spec:
  replicas: 2
  serviceName: {name}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{proxy.istio.io/config: "concurrency: 1"}}
    spec:
      containers:
        - name: echo
          image: heddle-e2e/echo
          env:
            - {{name: VERSION, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
            - {{name: PORT, value: "{port}"}}
            - {{name: TCP_PORT, value: "9000"}}
          ports: [{{containerPort: {port}}}, {{containerPort: 9000}}]
          readinessProbe: {{httpGet: {{path: /healthz, port: {port}}}, periodSeconds: 1}}
"""


HTTP = "ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]"
FULL = "svc.cluster.local"


def test_a_static_entry_leads_out_of_the_mesh(mesh: Mesh) -> None:
    """Its virtual IP was allocated: nobody wrote one."""
    where = f"endpoints: [{{address: {mesh.address(OUTSIDE)}}}]"
    mesh.apply(entry("api", f"hosts: [api.example.com], resolution: STATIC, {HTTP}, {where}"))
    seen = mesh.get("http://api.example.com/a?b=c").seen
    assert (seen.service, seen.path) == ("outside", "/a?b=c")
    assert seen.headers["host"] == "api.example.com"


def test_an_entry_may_lead_to_the_mesh_s_own_workloads(mesh: Mesh) -> None:
    """Pods and machines that are selected, by the subsets that their labels make."""
    machine = f"""
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: machine, namespace: e2e}}
spec:
  address: {mesh.address(OUTSIDE)}
  labels: {{app: echo, version: v3}}
  ports: {{http: 8080}}
"""
    selected = "workloadSelector: {labels: {app: echo}}, location: MESH_INTERNAL"
    rules = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all, namespace: e2e}
spec:
  host: all.example.com
  subsets: [{name: pods, labels: {version: v1}}, {name: machines, labels: {version: v3}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: e2e}
spec:
  hosts: [all.example.com]
  http:
  - match: [{uri: {prefix: /machines}}]
    route: [{destination: {host: all.example.com, subset: machines}}]
  - match: [{uri: {prefix: /pods}}]
    route: [{destination: {host: all.example.com, subset: pods}}]
"""
    whole = entry("all", f"hosts: [all.example.com], resolution: STATIC, {HTTP}, {selected}")
    mesh.apply(machine, whole, rules)
    assert mesh.get("http://all.example.com/machines").seen.service == "outside"
    pod = mesh.get("http://all.example.com/pods").seen
    assert (pod.service, pod.version) == ("echo", "v1")


def test_a_service_may_have_machines_only(mesh: Mesh) -> None:
    mesh.apply(f"""
apiVersion: v1
kind: Service
metadata: {{name: machines, namespace: e2e}}
spec: {{selector: {{app: machines}}, ports: [{{name: http, port: 80, targetPort: web}}]}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: machine, namespace: e2e}}
spec: {{address: {mesh.address(OUTSIDE)}, labels: {{app: machines}}, ports: {{web: 8080}}}}
""")
    assert mesh.get("http://machines/").seen.service == "outside"


@pytest.mark.parametrize("resolution", ["DNS", "DNS_ROUND_ROBIN"])
def test_a_name_is_looked_up(mesh: Mesh, resolution: str) -> None:
    """An address is a name too, where there is no name server."""
    there = f"db-1.db.e2e.{FULL}" if mesh.intercepts else mesh.address(OUTSIDE)
    where = f"resolution: {resolution}, endpoints: [{{address: {there}}}]"
    pods = stateful("db", 8080, "{name: http, port: 8080}")
    mesh.apply(pods)
    mesh.apply(pods, entry("named", f"hosts: [named.example.com], {HTTP}, {where}"))
    seen = mesh.get("http://named.example.com/").seen
    assert seen.headers["host"] == "named.example.com"
    assert (seen.version if mesh.intercepts else seen.service) == (
        "db-1" if mesh.intercepts else "outside"
    )


@covers("S-47")
def test_each_pod_of_a_stateful_set_has_a_name(mesh: Mesh) -> None:
    mesh.apply(stateful("db", 8080, "{name: http, port: 8080}"))
    for host in ("db-0.db", "db-1.db.e2e", f"db-0.db.e2e.{FULL}"):
        answers = {each.seen.version for each in mesh.repeat(f"http://{host}:8080/", 3)}
        assert answers == {host.partition(".")[0]}
    assert mesh.get("http://db:8080/").seen.version in ("db-0", "db-1")


@covers("S-47")
def test_bytes_go_to_the_pod_that_was_named(intercepting: Mesh) -> None:
    intercepting.apply(stateful("db", 8080, "{name: http, port: 8080}"))
    for pod in ("db-1", "db-0"):
        assert intercepting.tcp(f"{pod}.db", 9000, PLAIN) == f"echo {pod} {PLAIN}"


@covers("S-48")
def test_an_external_name_obeys_the_rules_of_what_it_leads_to(mesh: Mesh) -> None:
    mesh.apply(
        SUBSETS,
        """
apiVersion: v1
kind: Service
metadata: {name: legacy, namespace: e2e}
spec: {type: ExternalName, externalName: older.other.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: older, namespace: other}
spec: {type: ExternalName, externalName: echo.e2e.svc.cluster.local}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: e2e}
spec:
  hosts: [echo]
  http:
  - match: [{uri: {prefix: /a}}]
    rewrite: {uri: /rewritten}
    route: [{destination: {host: legacy, subset: v2, port: {number: 8080}}}]
""",
    )
    seen = mesh.get("http://legacy:8080/a").seen
    assert (seen.version, seen.path) == ("v2", "/rewritten")
    assert mesh.get("http://older.other:8080/a").seen.path == "/rewritten"


def test_bytes_find_an_entry_without_addresses(intercepting: Mesh) -> None:
    """At the address that was allocated, and, since nobody wrote it, at any other too."""
    port = "ports: [{number: 7001, name: tcp, protocol: TCP, targetPort: 9000}]"
    where = f"endpoints: [{{address: {intercepting.address('e2e/echo-v1')}}}]"
    intercepting.apply(
        entry("line", f"hosts: [line.example.com], resolution: STATIC, {port}, {where}")
    )
    assert intercepting.tcp("line.example.com", 7001, PLAIN) == f"echo v1 {PLAIN}"
    assert intercepting.tcp("192.0.2.1", 7001, PLAIN) == f"echo v1 {PLAIN}"


class _Local(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text = {"service": "local", "version": "", "method": "GET", "path": self.path}
        body = json.dumps({**text, "headers": {k.lower(): v for k, v in self.headers.items()}})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test says what was wrong."""


@contextmanager
def local_server() -> Iterator[int]:
    """A server on this machine's own loopback; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Local) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_name_in_the_request_is_looked_up(mesh: Mesh) -> None:
    """Whatever it is, if the wildcard covers it."""
    port_80 = "ports: [{{number: {}, name: http, protocol: HTTP}}]"
    wild = f"hosts: ['*.{{}}'], resolution: DYNAMIC_DNS, {port_80}"
    if mesh.intercepts:
        mesh.apply(
            stateful("far", 8082, "{name: other, port: 7}"),
            entry("far", wild.format(f"far.e2e.{FULL}", 8082)),
        )
        for pod in ("far-1", "far-0"):
            assert mesh.get(f"http://{pod}.far.e2e.{FULL}:8082/").seen.version == pod
        return
    with local_server() as port:
        mesh.apply(entry("local", wild.format("localhost", port)))
        seen = mesh.get(f"http://any.localhost:{port}/a").seen
        assert (seen.service, seen.path) == ("local", "/a")
        assert seen.headers["host"] == f"any.localhost:{port}"
