"""A mesh to ask about: a client, a server in two versions, one with rules, and neighbours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from explain.request import Asked, Request, Tls
from explain.step import Trace
from explain.trace import address_of, trace
from heddle.explained.situation import Situation
from heddle.folder import read_folder

NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""


def app(name: str, *, version: str = "v1", injected: bool = True) -> str:
    """A deployment of one pod, with its account."""
    inject = "" if injected else ", sidecar.istio.io/inject: 'false'"
    return f"""---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}-{version}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {name}, version: {version}}}}}
  template:
    metadata: {{labels: {{app: {name}, version: {version}{inject}}}}}
    spec:
      serviceAccountName: {name}
      containers: [{{name: app, image: app}}]
"""


def service(name: str, *ports: str) -> str:
    """A Service; a port is `NAME NUMBER`."""
    listed = ", ".join(
        f"{{name: {port.split()[0]}, port: {port.split()[1]}}}" for port in ports or ("http 80",)
    )
    return f"""---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{selector: {{app: {name}}}, ports: [{listed}]}}
"""


BASE = (
    NAMESPACE
    + app("client")
    + app("web")
    + app("web", version="v2")
    + service("client")
    + service("web", "http 80", "tcp-db 5432")
)

RULES = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v3, labels: {version: v3}}
"""


def routed(http: str) -> str:
    """A VirtualService of the service."""
    return f"""---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [web]
  http:
{http}"""


def policy(name: str, spec: str, *, dry: bool = False) -> str:
    """An AuthorizationPolicy of the service's pods."""
    annotation = ", annotations: {istio.io/dry-run: 'true'}" if dry else ""
    return f"""---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: shop{annotation}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
{spec}"""


@contextmanager
def situation(*texts: str) -> Iterator[Situation]:
    """The mesh of such YAML."""
    with TemporaryDirectory() as folder:
        Path(folder, "mesh.yaml").write_text("".join((BASE, *texts)))
        read = read_folder(Path(folder))
        errors = [str(each) for each in read.problems if each.code == "wrong-type"]
        assert errors == [], errors
        yield Situation(mesh=read.mesh, proxies=read.proxies, origin=read.origins.get)


def traced(
    now: Situation,
    host: str = "web",
    *,
    port: int = 80,
    http: bool = True,
    sni: str = "",
    path: str = "/",
) -> Trace:
    """A call of the client."""
    client = now.proxy("deploy/client-v1.shop")
    request = Request(
        authority=f"{host}:{port}", path=path, address=address_of(now.mesh, client, host)
    )
    tls = (Tls(sni=sni),) if sni else ()
    return trace(now.mesh, client, now.proxies, Asked(request=request, http=http, tls=tls))
