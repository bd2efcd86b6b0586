"""An application asks for names, and its sidecar answers: ServiceEntries that no resolver knows,
Services, and what only the pod's own resolver knows.
"""

import pytest

from e2e.mesh import OUTSIDE, Mesh
from e2e.programs.questions import AAAA, NO_ERROR, NO_SUCH_NAME, TXT, A
from e2e.programs.resolver import READY_PORT

ASKER = "e2e/asker"
DOMAIN = "svc.cluster.local"
POD = f"""
apiVersion: v1
kind: Pod
metadata:
  name: asker
  namespace: e2e
  labels: {{app: asker}}
  annotations:
    proxy.istio.io/config: "{{concurrency: 1, proxyMetadata: {{ISTIO_META_DNS_CAPTURE: 'true'}}}}"
spec:
  dnsPolicy: None
  dnsConfig:
    nameservers: [127.0.0.1]
    searches: [e2e.{DOMAIN}, {DOMAIN}, cluster.local]
    options: [{{name: ndots, value: "5"}}]
  containers:
    - {{name: client, image: heddle-e2e/client, stdin: true}}
    - name: resolver
      image: heddle-e2e/resolver
      env: [{{name: NAMES, value: "far.example.org=203.0.113.7"}}]
      securityContext: {{runAsUser: 0}}
      readinessProbe: {{tcpSocket: {{port: {READY_PORT}}}, periodSeconds: 1}}
"""


@pytest.fixture
def asking(request: pytest.FixtureRequest, intercepting: Mesh) -> Mesh:
    """With the pod, and an entry for a name that nobody else knows."""
    if "[namespaces]" not in request.node.name:
        pytest.skip("whoever has no resolver but its own finds no control plane in a cluster")
    where = intercepting.address(OUTSIDE)
    entry = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: db, namespace: e2e}}
spec:
  hosts: [db.internal]
  ports: [{{number: 8080, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: {where}}}]
"""
    intercepting.apply(POD, entry)
    return intercepting


def test_applications_call_by_name_what_their_sidecar_knows(asking: Mesh) -> None:
    """A ServiceEntry by an address that nobody wrote, and a Service by its short name: the pod has
    no other place to look them up.
    """
    assert asking.get("http://db.internal:8080/", via=ASKER).seen.service == "outside"
    assert asking.get("http://echo:8080/", via=ASKER).seen.service == "echo"
    assert asking.tcp("echo", 9000, "hello", via=ASKER).endswith("hello")


def test_each_question_goes_where_it_is_answered_best(asking: Mesh) -> None:
    """From one port of the application: to the sidecar those for IPv4 addresses, which asks the
    resolver itself where it does not know, and to the resolver all others.
    """
    names = [
        ("db.internal", A),
        ("far.example.org", A),
        ("far.example.org", AAAA),
        ("nowhere.example.org", A),
        ("db.internal", AAAA),
        ("db.internal", TXT),
    ]
    own, far, none, nowhere, other, (code, seen) = asking.resolved(names, via=ASKER)
    assert (own[0], [address.startswith("240.240.") for address in own[1]]) == (NO_ERROR, [True])
    assert far == (NO_ERROR, ["203.0.113.7"])
    assert none == (NO_ERROR, [])  # Envoy would say that there is no such name
    assert (nowhere, other) == ((NO_SUCH_NAME, []), (NO_SUCH_NAME, []))
    assert code == NO_ERROR
    assert f"db.internal {A}" not in seen
    assert {f"db.internal {AAAA}", f"far.example.org {A}", f"nowhere.example.org {A}"} <= set(seen)
