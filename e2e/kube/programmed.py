"""From `kubectl apply` to `Programmed=True`, with connected proxies: the median and the slowest.

    python -m e2e.kube.programmed [PROXIES [EDITS]]

A real API server, a `heddle serve --kubernetes` of its own process with the chart's role and no
more, and proxies that are scripts: they ask and answer as Envoys do, but warm nothing. The time is
from the moment in which the request is sent until a watch of the object shows the condition with
the new `observedGeneration`; what kubectl needs to start is not in it.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from statistics import median

from heddle.injection import AUDIENCE, SERVER_NAME
from sources.kubernetes import KubernetesApi, kubernetes_api
from tests.charts.helm import CHART, NAMESPACE, Helm, find_helm
from tests.fakes.envoy import FakeEnvoy
from tests.features.plane import node_id
from tests.features.stream import connected
from tests.kube.accounts import Namespace
from tests.kube.process import Running
from tests.kube.server import ApiServer, Site, api_server
from tests.ports import free_port
from xds.types import VHDS

SYSTEM = NAMESPACE
SHOP = "shop"
MANAGER = "kubectl"
_KINDS = {"ServiceAccount", "ConfigMap", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
"""What of the chart a control plane outside of the cluster needs."""
_START_SECONDS = 60.0
_SECONDS = 30.0
_SERVICES = f"/apis/networking.istio.io/v1/namespaces/{SHOP}/virtualservices"


def install(server: ApiServer, helm: Helm) -> None:
    """The kinds, and what the control plane may do."""
    server.kubectl("create", "namespace", SYSTEM)
    server.kubectl("create", "namespace", SHOP)
    definitions = helm.template(chart=CHART.with_name("heddle-crds"))
    roles = [each for each in helm.objects() if each["kind"] in _KINDS]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": roles})
    for text in (definitions, listed):
        server.kubectl("apply", "--server-side", "-f", "-", text=text)
    server.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=40s")


async def proxies(namespace: Namespace, count: int) -> list[tuple[str, str]]:
    """Pods that the API server holds and nobody runs: their names, and their tokens."""
    await namespace.account("default")
    path = f"/api/v1/namespaces/{SHOP}/pods"
    made = []
    for number in range(count):
        name = f"proxy-{number}"
        containers = [{"name": each, "image": "none"} for each in ("app", "istio-proxy")]
        marks = {"sidecar.istio.io/status": "{}"}  # what the injector leaves
        pod = await namespace.admin.create(
            path,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": {"app": "echo"}, "annotations": marks},
                "spec": {"containers": containers},
            },
        )
        address = f"10.9.{number // 250}.{number % 250 + 1}"
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        await namespace.admin.patch(f"{path}/{name}/status", {"status": status})
        made.append((name, await namespace.token("default", audience=AUDIENCE, pod=pod)))
    return made


@asynccontextmanager
async def control_plane(server: ApiServer, system: Namespace) -> AsyncIterator[tuple[str, Path]]:
    """A `heddle serve`; its address, and the file with its roots."""
    folder, root = server.site.folder, server.site.folder / "roots.pem"
    address, probes = (f"127.0.0.1:{free_port()}" for _ in range(2))
    command = (
        str(Path(sys.executable).with_name("heddle")),
        "serve",
        "--kubernetes",
        f"--kubeconfig={await system.kubeconfig('heddle')}",
        f"--namespace={SYSTEM}",
        f"--listen={address}",
        f"--probes={probes}",
        f"--root-out={root}",
    )
    with Running(command, folder) as running:
        async with asyncio.timeout(_START_SECONDS):
            while not await _ready(probes):
                running.check()
                await asyncio.sleep(0.1)
        yield address, root


async def _ready(address: str) -> bool:
    host, _, port = address.partition(":")
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /ready HTTP/1.0\r\n\r\n")
        answer = await reader.readline()
        writer.close()
        return b" 200 " in answer
    return False


async def follow(
    address: str, root: bytes, envoy: FakeEnvoy, token: str, begun: asyncio.Barrier
) -> None:
    """One proxy, until it is cancelled."""
    metadata = [("authorization", f"Bearer {token}")]
    async with connected(address, root, SERVER_NAME, metadata, envoy) as stream:
        await stream.synced()
        await begun.wait()
        await stream.follow()


def _mark(number: int) -> str:
    return f"edit-{number}-"


def holds(envoy: FakeEnvoy, number: int) -> bool:
    """Whether the edit is in what the proxy has taken."""
    held = envoy.held[VHDS].values()
    return any(_mark(number).encode() in each.resource.value for each in held)


def virtual_service(number: int) -> Mapping[str, object]:
    """What is edited: each one sends another header."""
    headers = {"request": {"set": {"x-edit": _mark(number)}}}
    route = {"destination": {"host": "echo"}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "echo", "namespace": SHOP},
        "spec": {"hosts": ["echo"], "http": [{"route": [route], "headers": headers}]},
    }


async def programmed(api: KubernetesApi, number: int) -> float:
    """Seconds until an edit is live everywhere."""
    version = (await api.page(_SERVICES)).resource_version
    began = time.monotonic()
    made = await api.apply(f"{_SERVICES}/echo", virtual_service(number), manager=MANAGER)
    generation = _generation(made)
    events = api.watch(_SERVICES, resource_version=version, seconds=_SECONDS)
    async with asyncio.timeout(_SECONDS), aclosing(events):
        async for event in events:
            if event.type == "MODIFIED" and _is_programmed(event.object, generation):
                return time.monotonic() - began
    raise TimeoutError("the watch has ended")


def _generation(found: Mapping[str, object]) -> object:
    metadata = found["metadata"]
    assert isinstance(metadata, dict)
    return metadata["generation"]


def _is_programmed(found: Mapping[str, object], generation: object) -> bool:
    status = found.get("status")
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    return any(
        each["type"] == "Programmed"
        and each["status"] == "True"
        and each.get("observedGeneration") in (generation, str(generation))
        for each in conditions
    )


async def measure(server: ApiServer, count: int, edits: int) -> list[float]:
    """Seconds, one for each edit."""
    async with kubernetes_api(server.kubeconfig) as api:
        system, shop = (Namespace(name, server, api) for name in (SYSTEM, SHOP))
        port = {"name": "http", "port": 8080}
        service = {"selector": {"app": "echo"}, "ports": [port]}
        kind = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "echo"}}
        await api.create(f"/api/v1/namespaces/{SHOP}/services", {**kind, "spec": service})
        made = await proxies(shop, count)
        async with control_plane(server, system) as (address, path):
            root = await asyncio.to_thread(path.read_bytes)
            envoys = [FakeEnvoy(node_id(SHOP, name)) for name, _ in made]
            begun = asyncio.Barrier(count + 1)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(follow(address, root, envoy, token, begun))
                    for envoy, (_, token) in zip(envoys, made, strict=True)
                ]
                await begun.wait()
                await programmed(api, 0)  # creates it: not an edit
                found = []
                for number in range(1, edits + 1):
                    found.append(await programmed(api, number))
                    if not all(holds(envoy, number) for envoy in envoys):
                        raise RuntimeError("the status says what is not so")
                for task in tasks:
                    task.cancel()
    return found


def main(count: int = 50, edits: int = 30) -> None:
    """Prints the figures as JSON."""
    helm = find_helm()
    if helm is None:
        sys.exit("no helm: run `make test-kube`")
    with tempfile.TemporaryDirectory() as folder, api_server(Site(folder=Path(folder))) as server:
        install(server, Helm(helm))
        found = asyncio.run(measure(server, count, edits))
    milliseconds = {"median_ms": median(found) * 1e3, "slowest_ms": max(found) * 1e3}
    print(json.dumps({"proxies": count, "edits": edits, **milliseconds}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
