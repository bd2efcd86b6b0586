"""`heddle check` at a real API server: nothing to say of a good installation, and each thing that
is wrong is found by its check.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from crds.meta import Key, Label
from heddle.check.namespaces import ENFORCE
from heddle.check.verdict import Grade
from heddle.liveness import Rejected
from heddle.status_replicas import CONFIG_MAP
from heddle.status_report import Report, written
from sources.kubernetes import KubernetesApi
from sources.resource import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    LEASES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    PODS,
    VALIDATING_WEBHOOKS,
)
from tests.charts.helm import NAMESPACE, Helm
from tests.features.served import HEDDLE
from tests.kube.accounts import Namespace
from tests.kube.conftest import define
from tests.kube.looked_at import Mesh, Patch, bad, grades, now
from tests.kube.programs import NEEDED, obstacle
from tests.kube.server import ApiServer, Site, api_server
from tests.kube.test_chart import helm, kubectl, system
from tests.ports import free_port
from webhook import raw

__all__ = ["helm", "system"]

PATIENCE = "90"
LISTEN = "127.0.15.12:15012"
"""The port of the chart, which is in every sidecar, at an address that nobody else takes."""
pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("definitions")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of this file's own: the checks look at all of it, also at what others leave."""
    if reason := obstacle(*NEEDED, "kubectl"):
        pytest.skip(reason)
    with api_server(Site(folder=tmp_path_factory.mktemp("checked"))) as made:
        yield made


@pytest.fixture(scope="module")
def definitions(server: ApiServer) -> None:
    """The mesh's kinds."""
    define(server)


async def test_before_an_installation_an_administrator_can_begin(admin: KubernetesApi) -> None:
    found = await grades(admin, "not-there-yet", pre=True)
    assert not bad(found)
    assert found["may-install"] is Grade.OK


async def test_who_may_nothing_is_told_so_and_what_cannot_be_read_is_skipped(
    namespace: Namespace,
) -> None:
    await namespace.account("nobody")
    async with namespace.client_for("nobody") as api:
        found = await grades(api, namespace.name, pre=True)
        assert bad(found) == {"may-install"}
        assert found["no-other-injector"] is Grade.SKIPPED
        assert not bad(await grades(api, namespace.name))


async def test_where_nothing_is_installed_all_of_it_is_missed(
    admin: KubernetesApi, namespace: Namespace
) -> None:
    assert bad(await grades(admin, namespace.name)) == {
        "may-serve",
        "replicas-ready",
        "service-endpoints",
        "leaders",
        "webhooks-present",
        "roots-valid",
        "signer-valid",
    }


@asynccontextmanager
async def installed(
    server: ApiServer, system: Namespace, helm: Helm, config: Path
) -> AsyncIterator[None]:
    """The chart, with a control plane that runs here, as its account: a Service of a name leads the
    API server to it."""
    port = free_port()
    left_out = {"Deployment", "HorizontalPodAutoscaler", "Service"}
    items = [each for each in helm.objects() if each["kind"] not in left_out]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    text = text.replace('"port": 443', f'"port": {port}')
    await kubectl(server, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)
    await stand_ins(system, port)
    await Namespace("default", server, system.admin).account("default")
    process = await asyncio.create_subprocess_exec(
        *(HEDDLE, "serve", "--kubernetes", "--kubeconfig", str(config), "--token-review"),
        *("--namespace", NAMESPACE, "--listen", LISTEN, "--webhook", f"127.0.0.1:{port}"),
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
            await kubectl(server, "delete", kind, "--all")
        await kubectl(
            server, "delete", "service,deployment,endpointslice", "--all", "-n", NAMESPACE
        )


async def stand_ins(system: Namespace, port: int) -> None:
    """What controllers would make of the chart."""
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    await system.make(
        f"/api/v1/namespaces/{NAMESPACE}/services",
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "heddle"}, "spec": spec},
    )
    labels = {"app": "heddle"}
    pod = {"containers": [{"name": "heddle", "image": "heddle/heddle:0.1.0"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    await system.make(
        DEPLOYMENTS.collection(NAMESPACE),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "heddle"},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        },
    )
    await system.admin.patch(
        DEPLOYMENTS.one("heddle", NAMESPACE, "status"), {"status": replicas(2)}
    )
    await system.make(
        ENDPOINT_SLICES.collection(NAMESPACE),
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "heddle-1", "labels": {"kubernetes.io/service-name": "heddle"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
            "ports": [],
        },
    )


def replicas(ready: int) -> Mapping[str, int]:
    return {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready, "availableReplicas": ready}


INJECTION, REV = Label.INJECTION, Label.REVISION
ROUTE = Key("networking.istio.io", "VirtualService", "shop", "reviews")
REJECTED = Rejected(pods=("shop/a",), proxies=1, users=4, resource="80/x:80", words="no")
GATEWAYS = CUSTOM_RESOURCE_DEFINITIONS.one("gateways.networking.istio.io")


async def test_a_good_installation_is_well_and_what_is_wrong_is_found(
    server: ApiServer, system: Namespace, helm: Helm, admin: KubernetesApi, namespace: Namespace
) -> None:
    config = await system.kubeconfig("heddle")
    async with installed(server, system, helm, config):
        found = await commanded(server.kubeconfig)
        assert {name for name, grade in found.items() if grade != Grade.OK} == {
            # There are no nodes here, and no pods.
            "node-clock-skew",
            "proxies-ready",
            "sidecars-current",
        }
        mesh = Mesh(system, namespace)
        assert await spoiled(mesh) == {
            "no replica": Grade.FAILED,
            "one replica": Grade.WARNING,
            "another release": Grade.WARNING,
            "no endpoint": Grade.FAILED,
            "another Service": Grade.FAILED,
            "no validator": Grade.FAILED,
            "no injector": Grade.FAILED,
            "a version less": Grade.WARNING,
            "both labels": Grade.WARNING,
            "nobody's revision": Grade.FAILED,
            "a strict level": Grade.FAILED,
            "other roots": Grade.FAILED,
            "a rejection": Grade.FAILED,
        }
        assert await with_pods(mesh) == {
            "without a sidecar": Grade.WARNING,
            "as it was made": Grade.OK,
            "another image": Grade.WARNING,
            "an old Envoy": Grade.FAILED,
        }
        assert await with_nodes(mesh) == [Grade.OK, Grade.FAILED, Grade.OK]
        assert not bad(await grades(admin, NAMESPACE))
        await kubectl(server, "delete", "clusterrolebinding", f"heddle-{NAMESPACE}")
        assert await mesh.grade("may-serve") is Grade.FAILED


async def commanded(config: Path) -> Mapping[str, str]:
    """What the command finds as soon as all is well."""
    process = await asyncio.create_subprocess_exec(
        *(HEDDLE, "check", "--kubeconfig", str(config), "--wait", PATIENCE, "-o", "json"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    return {each["check"]: each["result"] for each in json.loads(said)["checks"]}


async def spoiled(mesh: Mesh) -> Mapping[str, Grade]:
    """What is found of each thing that is wrong."""
    status = DEPLOYMENTS.one("heddle", NAMESPACE, "status")
    endpoint = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}}
    validator = VALIDATING_WEBHOOKS.one("heddle-validator")
    injector = MUTATING_WEBHOOKS.one("heddle-sidecar-injector")
    report = written(Report(rejected={ROUTE: (1, REJECTED)}))
    return {
        "no replica": await mesh.spoiled(
            "replicas-ready", status, {"status": replicas(0)}, {"status": replicas(2)}
        ),
        "one replica": await mesh.spoiled(
            "replicas-ready", status, {"status": replicas(1)}, {"status": replicas(2)}
        ),
        "another release": await mesh.spoiled(
            "same-version",
            DEPLOYMENTS.one("heddle", NAMESPACE),
            of_image("0.0.9"),
            of_image("0.1.0"),
        ),
        "no endpoint": await mesh.spoiled(
            "service-endpoints",
            ENDPOINT_SLICES.one("heddle-1", NAMESPACE),
            {"endpoints": [{**endpoint, "conditions": {"ready": False}}]},
            {"endpoints": [endpoint]},
        ),
        "another Service": await mesh.redirected("webhooks-present", validator, "name", "istiod"),
        "no validator": await mesh.redirected("validator-answers", validator, "port", 1),
        "no injector": await mesh.redirected("injector-answers", injector, "port", 1),
        "a version less": await mesh.stepped(
            "kinds-served", GATEWAYS, ["/spec/versions/2/served"], False, True
        ),
        "both labels": await mesh.labelled("labels-agree", {INJECTION: "enabled", REV: "default"}),
        "nobody's revision": await mesh.labelled("revisions-known", {REV: "nobody"}),
        "a strict level": await mesh.labelled(
            "pod-security", {INJECTION: "enabled", ENFORCE: "baseline"}
        ),
        "other roots": await mesh.with_roots("none"),
        "a rejection": await mesh.spoiled(
            "proxies-synced",
            CONFIG_MAPS.one(CONFIG_MAP, NAMESPACE),
            {"data": {"other": json.dumps(report)}},
            {"data": {"other": None}},
        ),
    }


def of_image(tag: str) -> Patch:
    container = {"name": "heddle", "image": f"heddle/heddle:{tag}"}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


async def with_pods(mesh: Mesh) -> Mapping[str, Grade]:
    """Of a pod that is older than the label of its namespace, and of one that the webhook has given
    a sidecar, as its ReplicaSet asks for one.
    """
    where = mesh.other.name
    await mesh.pod("bare")
    await mesh.admin.patch(NAMESPACES.one(where), {"metadata": {"labels": {INJECTION: "enabled"}}})
    without = await mesh.grade("sidecars-present")
    await mesh.admin.delete(PODS.one("bare", where), grace=0)
    owner = await mesh.owner()
    async with asyncio.timeout(float(PATIENCE)):  # the API server hears of the label a moment later
        while not await mesh.pod("web", owner):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
    return {
        "without a sidecar": without,
        "as it was made": await mesh.grade("sidecars-current"),
        "another image": await mesh.with_image("sidecars-current", "envoyproxy/envoy:v1.39.0"),
        "an old Envoy": await mesh.with_image("envoy-supported", "envoyproxy/envoy:v1.30.0"),
    }


async def with_nodes(mesh: Mesh) -> Sequence[Grade]:
    """Of a node's Lease as it is renewed: in time, by a clock that is ahead, and in time again."""
    path = LEASES.one("node-1", "kube-node-lease")
    made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    lease = await mesh.admin.create(
        LEASES.collection("kube-node-lease"),
        {**made, "metadata": {"name": "node-1"}, "spec": {"holderIdentity": "node-1"}},
    )
    found = []
    for ahead in (0, 3600, 0):
        await asyncio.sleep(1.1)  # the API server's stamps have no fractions
        at = now() + timedelta(seconds=ahead)
        spec = {**raw.spec(lease), "renewTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        lease = await mesh.admin.replace(path, {**lease, "spec": spec})
        found.append(await mesh.grade("node-clock-skew"))
    await mesh.admin.delete(path)
    return found
