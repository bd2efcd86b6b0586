"""`heddle serve --kubernetes`, as a Deployment starts it, beside a real API server."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from heddle.injection import AUDIENCE, SERVER_NAME
from sources.kubernetes import KubernetesApi
from tests.fakes.envoy import FakeEnvoy
from tests.features.plane import node_id
from tests.features.served import HEDDLE
from tests.features.stream import Stream, connected
from tests.kube.accounts import Namespace, rule
from tests.kube.authority_rights import EVERYWHERE, HERE
from tests.kube.server import ApiServer
from tests.kube.test_reflector import RULES, kinds

__all__ = ["kinds"]


START_SECONDS = 100.0
"""How long the program may take to start, on a machine that has much else to do."""


class Program:
    """One that runs, and says how it fares in a file: a pipe that nobody reads would stop it."""

    def __init__(self, process: asyncio.subprocess.Process, root: Path, log: Path) -> None:
        self.process = process
        self._root = root
        self._log = log

    async def logged(self, pattern: str) -> str:
        """What a line of its log has, as soon as there is one."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                ended = self.process.returncode is not None
                said = await asyncio.to_thread(self._log.read_text)
                if found := re.search(pattern, said):
                    return found[1]
                assert not ended, f"it has ended: {said}"
                await asyncio.sleep(0.05)  # it tells nobody

    async def probe(self, path: str) -> int:
        """The status of an answer."""
        port = await self.logged(r"probes +port=(\d+)")
        url = f"http://127.0.0.1:{port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status

    async def ready(self) -> None:
        """Waits until it is."""
        async with asyncio.timeout(START_SECONDS):
            while await self.probe("/ready") != 200:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)

    @asynccontextmanager
    async def stream(self, namespace: str, pod: str, token: str) -> AsyncIterator[Stream]:
        """A stream of the Envoy of a pod."""
        port = await self.logged(r"serving.*port=(\d+)")
        envoy = FakeEnvoy(node_id(namespace, pod))
        shown = [("authorization", f"Bearer {token}")]
        root = await asyncio.to_thread(self._root.read_bytes)
        async with connected(f"127.0.0.1:{port}", root, SERVER_NAME, shown, envoy) as stream:
            yield stream


@pytest.fixture
async def program(kinds: None, namespace: Namespace, tmp_path: Path) -> AsyncIterator[Program]:
    """Serves the cluster, with an account that may read it and review tokens."""
    reviews = rule("authentication.k8s.io", ["tokenreviews"], ["create"])
    await namespace.allow("heddle", *RULES, reviews, *EVERYWHERE, everywhere=True)
    await namespace.allow("heddle", *HERE, everywhere=False)
    config = await namespace.kubeconfig("heddle")
    root = tmp_path / "root.pem"
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = await _started(config, namespace.name, root, stderr.fileno())
    try:
        yield Program(process, root, log)
    finally:
        if process.returncode is None:
            process.terminate()
            assert await process.wait() == 0


async def _started(
    config: Path, namespace: str, root: Path, stderr: int
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        HEDDLE,
        "serve",
        "--kubernetes",
        *("--kubeconfig", str(config), "--namespace", namespace),
        *("--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0", "--root-out", str(root)),
        env={**os.environ, "NO_COLOR": "1"},
        stderr=stderr,
    )


async def a_pod(namespace: Namespace, name: str) -> str:
    """A pod with a sidecar, as a kubelet would have it; its token."""
    meta = {"name": name, "annotations": {"sidecar.istio.io/status": "{}"}}
    spec = {"containers": [{"name": "app", "image": "app"}], "nodeName": "node-1"}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    path = f"/api/v1/namespaces/{namespace.name}/pods"
    made = await namespace.admin.create(path, body)
    status = {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}
    await namespace.admin.patch(f"{path}/{name}/status", {"status": status})
    return await namespace.token("default", audience=AUDIENCE, pod=made)


async def a_service(api: KubernetesApi, namespace: str, name: str) -> None:
    spec = {"ports": [{"name": "http", "port": 80}]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    await api.create(f"/api/v1/namespaces/{namespace}/services", body)


def route(name: str, timeout: str) -> Mapping[str, object]:
    rules = [{"timeout": timeout, "route": [{"destination": {"host": name}}]}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": [name], "http": rules},
    }


async def test_what_is_applied_reaches_a_proxy(program: Program, namespace: Namespace) -> None:
    """And the stream of a pod ends with the pod."""
    await program.ready()
    await a_service(namespace.admin, namespace.name, "reviews")
    token = await a_pod(namespace, "web")
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace.name}/virtualservices"
    host = f"80/reviews.{namespace.name}.svc.cluster.local:80"
    async with program.stream(namespace.name, "web", token) as stream:
        await stream.synced()
        before = sum(host in push.names for push in stream.envoy.pushes)
        await namespace.admin.create(path, route("reviews", "3s"))
        await stream.until(lambda: sum(host in push.names for push in stream.envoy.pushes) > before)
        pod = f"/api/v1/namespaces/{namespace.name}/pods/web"
        await namespace.admin.patch(f"{pod}/status", {"status": {"phase": "Succeeded"}})
        assert await stream.refused()


async def test_it_is_ready_once_all_is_read_and_stays_so(
    program: Program, namespace: Namespace, server: ApiServer
) -> None:
    """Also while the API server is away: what is known is served on."""
    token = await a_pod(namespace, "web")
    assert await program.probe("/healthz") == 200
    await program.ready()
    async with program.stream(namespace.name, "web", token) as stream:
        await stream.synced()
        server.stop(at_once=True)
        try:
            assert await program.probe("/ready") == 200
            assert await program.probe("/healthz") == 200
            await stream.ping()
        finally:
            server.start()
