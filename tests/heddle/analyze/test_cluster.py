"""A cluster that is looked at once, and files laid over it; in virtual time."""

import asyncio

import pytest

from analysis.analyzers import ANALYZERS
from analysis.checks.injectors import KIND as INJECTOR
from analysis.engine import analyze
from heddle.analyze.cluster import Held, held
from heddle.analyze.command import PATIENCE_SECONDS
from heddle.analyze.files import applied, read_files
from heddle.analyze.subject import Chosen, Subject, subject
from heddle.cluster_feed import KubernetesSource
from sources.errors import ApiError, SourceError
from sources.resource import MUTATING_WEBHOOKS
from tests.facts import told
from tests.fakes.api_server import FakeApiServer
from tests.fakes.virtual_time import run_virtually
from tests.sources.clusters import NAMESPACES, PODS, SERVICES, SYSTEM, VIRTUAL_SERVICES, meta

ACCOUNTS = "/api/v1/serviceaccounts"
SOURCE = KubernetesSource(namespace=SYSTEM)
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: %s}}]}]}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app}]}
"""


def cluster_with(host: str) -> FakeApiServer:
    """A shop, and a pod from before its namespace was injected."""
    server = FakeApiServer()
    server.put(NAMESPACES, {"metadata": meta("shop", **{"istio-injection": "enabled"})})
    ports = [{"name": "http", "port": 80}]
    server.put(SERVICES, {"metadata": meta("web", "shop"), "spec": {"ports": ports}})
    labels = {"app": "web", "pod-template-hash": "6d4cf56db6"}
    pod = {"metadata": meta("web-6d4cf56db6-x2x2x", "shop", **labels), "spec": {}}
    server.put(PODS, {**pod, "status": {"phase": "Running", "podIP": "10.1.0.1"}})
    spec = {"hosts": ["web"], "http": [{"route": [{"destination": {"host": host}}]}]}
    server.put(VIRTUAL_SERVICES, {"metadata": meta("web", "shop"), "spec": spec})
    server.put(ACCOUNTS, {"metadata": meta("clerk", "shop")})
    return server


def looked_at(server: FakeApiServer) -> Held:
    found: list[Held] = []

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        found.append(await held(server, SOURCE, clock, patience=PATIENCE_SECONDS))

    run_virtually(main())
    return found[0]


def findings(given: Subject) -> list[tuple[str, str, str]]:
    return told(analyze(given.facts, ANALYZERS, given.problems, given.place))


LOST = ("IST0101", "VirtualService shop/web", "spec.http[0].route[0].destination.host")
BARE = ("IST0103", "Deployment shop/web", "")


def test_what_a_cluster_holds_and_what_is_wrong_with_it() -> None:
    found = looked_at(cluster_with("wep"))
    assert found.unknown == frozenset()
    assert "clerk" in {event.key.name for event in applied(found.events)}
    assert findings(subject([], found.events, config=SOURCE.config)) == [LOST, BARE]


def test_only_a_namespace_is_reported_on() -> None:
    found = looked_at(cluster_with("wep"))
    for namespace, wanted in (("shop", [LOST, BARE]), ("bank", []), (None, [LOST, BARE])):
        chosen = Chosen(namespace=namespace)
        assert findings(subject([], found.events, chosen=chosen)) == wanted


def test_a_file_counts_instead_of_the_object_in_the_cluster() -> None:
    found = looked_at(cluster_with("wep"))
    files = read_files(["-"], recursive=False, stdin=(ROUTE % "web").encode())
    assert findings(subject(files, found.events)) == [BARE]


def test_the_pods_of_a_workload_in_a_file_are_made_anew() -> None:
    found = looked_at(cluster_with("web"))
    files = read_files(["-"], recursive=False, stdin=DEPLOYMENT.encode())
    assert findings(subject(files, found.events)) == []


def test_a_file_that_makes_things_worse() -> None:
    found = looked_at(cluster_with("web"))
    files = read_files(["-"], recursive=False, stdin=(ROUTE % "wep").encode())
    chosen = Chosen(namespace="default")
    assert findings(subject(files, found.events, chosen=chosen)) == [LOST]


def test_accounts_that_may_not_be_listed_are_not_known() -> None:
    server = cluster_with("web")
    server.forbidden.add("serviceaccounts")
    found = looked_at(server)
    assert found.unknown == {"ServiceAccount"}
    assert not subject([], found.events, unknown=found.unknown).facts.knows("ServiceAccount")


def injector(name: str, service: str) -> dict[str, object]:
    selector = {"matchLabels": {"istio-injection": "enabled"}}
    led = {"service": {"name": service, "namespace": "shop"}}
    webhook = {"name": f"{name}.example.com", "clientConfig": led, "namespaceSelector": selector}
    return {"metadata": meta(name), "webhooks": [webhook]}


def test_injectors_are_looked_at() -> None:
    server = cluster_with("web")
    for name, service in (("one", "web"), ("two", "wep")):
        server.put(MUTATING_WEBHOOKS.collection(), injector(name, service))
    told_of = findings(subject([], looked_at(server).events, config=SOURCE.config))
    two = f"{INJECTOR} two"
    assert told_of == [
        ("IST0139", f"{INJECTOR} one", "webhooks[0]"),
        ("IST0139", two, "webhooks[0]"),
        ("IST0139", two, "webhooks[0].clientConfig.service.name"),
        BARE,
    ]


def test_injectors_that_may_not_be_listed_are_not_looked_at() -> None:
    server = cluster_with("web")
    server.forbidden.add("mutatingwebhookconfigurations")
    assert findings(subject([], looked_at(server).events, config=SOURCE.config)) == [BARE]


def failing(server: FakeApiServer, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        looked_at(server)


def test_a_cluster_that_is_away_is_not_waited_for() -> None:
    server = cluster_with("web")
    server.down = True
    failing(server, ApiError, "cannot be asked")


def test_what_may_not_be_read_is_waited_for_a_while() -> None:
    server = cluster_with("web")
    server.forbidden.add("services")
    failing(server, SourceError, f"within {PATIENCE_SECONDS:.0f} seconds")
