"""The way of a call from outside: which server of which Gateway takes it, and what it comes to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from explain.step import Trace
from explain.trace import trace
from heddle.explained.situation import Situation
from heddle.explained.tracing import Called, asked_of
from tests.certificates import certificate, ec_key, pair
from tests.explain.scenario import policy, situation
from tests.meshes import gateway, secret, virtual_service

ENTRY = """---
apiVersion: v1
kind: Namespace
metadata: {name: edge, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: ingress, namespace: edge}
spec:
  selector: {istio: ingressgateway}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443, targetPort: 8443}
  - {name: tcp, port: 9000}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress, namespace: edge}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  template:
    metadata:
      labels: {istio: ingressgateway}
      annotations: {inject.istio.io/templates: gateway}
    spec: {containers: [{name: istio-proxy, image: auto}]}
"""
SERVERS = (
    "{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.test, lost.test, plain.test]}",
    "{port: {number: 80, name: up, protocol: HTTP}, hosts: [up.test], tls: {httpsRedirect: true}}",
    "{port: {number: 443, name: one, protocol: HTTPS}, hosts: [shop.test], "
    "tls: {mode: SIMPLE, credentialName: cert}}",
    "{port: {number: 443, name: both, protocol: HTTPS}, hosts: ['*.both.test'], "
    "tls: {mode: MUTUAL, credentialName: cert}}",
    "{port: {number: 443, name: mesh, protocol: HTTPS}, hosts: [mesh.test], "
    "tls: {mode: ISTIO_MUTUAL}}",
    "{port: {number: 443, name: gone, protocol: HTTPS}, hosts: [gone.test], "
    "tls: {mode: SIMPLE, credentialName: nowhere}}",
    "{port: {number: 443, name: pass, protocol: TLS}, hosts: [pass.test], "
    "tls: {mode: PASSTHROUGH}}",
    "{port: {number: 443, name: ends, protocol: TLS}, hosts: [ends.test], "
    "tls: {mode: SIMPLE, credentialName: cert}}",
    "{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}",
    "{port: {number: 15021, name: taken, protocol: HTTP}, hosts: ['*']}",
)
WEB = "route: [{destination: {host: web, port: {number: 80}}}]"
DB = "route: [{destination: {host: web, port: {number: 5432}}}]"
ROUTES = (
    virtual_service(
        "shop",
        "{hosts: [shop.test], gateways: [public], "
        f"http: [{{match: [{{headers: {{x-a: {{exact: b}}}}}}], {WEB}}}, "
        f"{{match: [{{uri: {{prefix: /old}}}}], rewrite: {{uri: /new}}, {WEB}}}, "
        "{match: [{uri: {prefix: /lost}}], route: [{destination: {host: web, subset: v9, "
        "port: {number: 80}}}]}]}",
    ),
    virtual_service("both", f"{{hosts: ['*.both.test'], gateways: [public], http: [{{{WEB}}}]}}"),
    virtual_service("elsewhere", f"{{hosts: [lost.test], gateways: [pubilc], http: [{{{WEB}}}]}}"),
    virtual_service("inside", f"{{hosts: [plain.test], http: [{{{WEB}}}]}}"),
    virtual_service(
        "pass",
        "{hosts: [pass.test], gateways: [public], "
        f"tls: [{{match: [{{sniHosts: [pass.test]}}], {DB}}}]}}",
    ),
    virtual_service(
        "ends",
        f"{{hosts: [ends.test], gateways: [public], tcp: [{{match: [{{port: 443}}], {DB}}}]}}",
    ),
    virtual_service(
        "tcp", f"{{hosts: ['*'], gateways: [public], tcp: [{{match: [{{port: 9000}}], {DB}}}]}}"
    ),
)


def public() -> str:
    """The gateway, a Gateway of all kinds of servers, and what is bound to it."""
    chain, key = pair()
    selector = "{selector: {istio: ingressgateway}, servers: "
    return "".join(
        (
            ENTRY,
            gateway("public", f"{selector}[{', '.join(SERVERS)}]}}"),
            secret("cert", "edge", tls_crt=chain, tls_key=key, ca_crt=certificate(ec_key(1))),
            *ROUTES,
        )
    )


@pytest.fixture(scope="module")
def now() -> Iterator[Situation]:
    with situation(public()) as found:
        yield found


def entering(now: Situation, url: str, headers: Mapping[str, str] | None = None) -> Trace:
    """A call that comes to the gateway from outside."""
    proxy = now.proxy("deploy/ingress.edge")
    asked = asked_of(now, proxy, Called(url=url, headers=headers or {}))
    return trace(now.mesh, proxy, now.proxies, asked)


@dataclass(frozen=True)
class Row:
    """What is said of a call, in the step that counts: its kind, words, objects and paths."""

    url: str
    ok: bool
    at: str
    says: str
    by: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


SERVER = tuple(f"Gateway shop/public spec.servers[{number}]" for number in range(len(SERVERS)))
ROWS = (
    Row("http://shop.test/old/a", True, "listener", "takes port 80, which is 8080 of the pod"),
    Row("http://shop.test:8080/old/a", True, "listener", "takes port 8080"),
    Row("http://shop.test/old/a", True, "server", "takes its requests", (SERVER[0],)),
    Row(
        "http://shop.test/old/a",
        True,
        "route",
        "goes to outbound|80||web",
        ("VirtualService shop/shop spec.http[1]",),
    ),
    Row(
        "http://10.0.0.1/",
        True,
        "route",
        "goes to outbound|80||web",
        ("VirtualService shop/shop spec.http[0]",),
        {"host": "shop.test", "x-a": "b"},
    ),
    Row("http://shop.test/old", True, "authorization", "allowed"),
    Row("http://shop.test/old", True, "mutual TLS", "PERMISSIVE: mutual TLS is taken"),
    Row("http://shop.test/lost", False, "route", "503", ("VirtualService shop/shop spec.http[2]",)),
    Row("http://shop.test/none", False, "route", "is answered by the gateway with 404"),
    Row("http://nobody.test/", False, "server", "none has nobody.test", (SERVER[0], SERVER[1])),
    Row(
        "http://nobody.test/", False, "route", "404: no Gateway has a VirtualService for this host"
    ),
    Row(
        "http://lost.test/",
        False,
        "virtual service",
        "has the host, but not at this gateway",
        ("VirtualService shop/elsewhere spec.gateways",),
    ),
    Row(
        "http://plain.test/",
        False,
        "virtual service",
        "names no Gateway",
        ("VirtualService shop/inside ",),
    ),
    Row("http://up.test/a", True, "route", "301 to https://up.test/a"),
    Row(
        "https://shop.test/old",
        True,
        "server",
        "TLS ends here with kubernetes://cert",
        (SERVER[2],),
    ),
    Row("https://shop.test/old", True, "route", "goes to outbound|80||web"),
    Row(
        "https://a.both.test/",
        True,
        "server",
        "the client has to show a certificate signed by kubernetes://cert-cacert",
        (SERVER[3],),
    ),
    Row("https://mesh.test/", False, "server", "takes workloads of the mesh only", (SERVER[4],)),
    Row(
        "https://gone.test/",
        False,
        "filter chain",
        "no server takes TLS for gone.test: the connection is closed",
        (SERVER[5],),
    ),
    Row("https://pass.test/", True, "server", "passes it on, TLS and all", (SERVER[6],)),
    Row(
        "https://pass.test/",
        True,
        "filter chain",
        "carries connections",
        ("VirtualService shop/pass ",),
    ),
    Row("tls://ends.test", True, "server", "TLS ends here", (SERVER[7],)),
    Row("tls://ends.test", True, "cluster", "automatic mutual TLS"),
    Row("http://shop.test:443/", False, "filter chain", "no server takes what is not TLS"),
    Row("https://shop.test:80/", False, "server", "takes requests without TLS only"),
    Row("tls://shop.test", False, "authorization", "the port takes requests only"),
    Row("tcp://any.test:9000", True, "server", "takes connections", (SERVER[8],)),
    Row("tcp://any.test:9000", True, "endpoints", "2 healthy of 2"),
    Row(
        "http://shop.test:81/",
        False,
        "listener",
        "no server is open here: the connection is refused",
    ),
    Row("http://shop.test:15021/", False, "listener", "no server is open here", (SERVER[9],)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.url} {row.at}")
def test_calls_from_outside(now: Situation, row: Row) -> None:
    found = entering(now, row.url, row.headers)
    step = next(each for each in found.steps if each.at == row.at)
    assert row.says in step.says
    assert found.ok is row.ok
    if row.by:
        assert tuple(f"{each.object} {each.path}" for each in step.causes) == row.by


@pytest.mark.parametrize(
    ("url", "at", "code"),
    [
        ("https://gone.test/", "filter chain", "unusable-secret"),
        ("http://shop.test:15021/", "listener", "reserved-port"),
        ("http://shop.test/lost", "route", "unknown-subset"),
        ("http://lost.test/", "virtual service", "unknown-gateway"),
    ],
)
def test_what_is_wrong_is_named(now: Situation, url: str, at: str, code: str) -> None:
    step = next(each for each in entering(now, url).steps if each.at == at)
    assert code in [each.code for each in step.problems]


def test_the_server_judges_the_path_that_the_gateway_has_made() -> None:
    """And so does that of a sidecar: what is written anew is what arrives."""
    only_new = policy("new", "  rules: [{to: [{operation: {paths: ['/new*']}}]}]\n")
    with situation(public(), only_new) as now:
        assert entering(now, "http://shop.test/old/a").ok
        assert not entering(now, "http://shop.test/any", {"x-a": "b"}).ok


def test_policies_of_the_gateway_come_first() -> None:
    denying = """---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-admin, namespace: edge}
spec: {action: DENY, rules: [{to: [{operation: {paths: [/lost]}}]}]}
"""
    with situation(public(), denying) as now:
        found = entering(now, "http://shop.test/lost")
    assert found.verdict == "fails: denied: a policy denies it"
    assert found.steps[-1].causes[0].object.name == "no-admin"
