"""The authority of a mesh in a Secret of a real API server, by an account that may do no more than
docs/certificates.md says.
"""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from ca.authority import pem
from ca.errors import AuthorityError
from ca.files import files_of
from ca.rotation import Phase, Rotation
from crds.meta import Key
from heddle.authority_secret import ROOT_FILE, ROOTS, SECRET, ClusterPlace, SecretPlace
from heddle.ca_steps import Care, Progress, progress, step
from heddle.certificates import own_authority
from heddle.cluster_objects import find, remove
from heddle.control_plane import ControlPlane
from heddle.main import app
from heddle.mesh_authority import Kept, MeshAuthority
from heddle.pod_certificates import REQUESTS
from heddle.root_config_maps import BUNDLE
from heddle.serve import utc_now
from sources.events import Applied, Synced
from sources.kubernetes import KubernetesApi
from sources.resource import CONFIG_MAPS, LEASES, PODS, SECRETS
from tests.ca.requests import ec_key
from tests.conftest import ROOT
from tests.features.served import HEDDLE
from tests.heddle.test_pod_certificates import condition, leaf, stub
from tests.kube.accounts import Namespace, rule
from tests.kube.authority_rights import EVERYWHERE, HERE
from tests.kube.server import ApiServer
from tests.kube.test_reflector import RULES, kinds
from webhook.settings import SIGNER
from xds.publisher import Publisher

__all__ = ["kinds"]

ACCOUNT = "heddle"
NO_PAUSE = Care(pause=timedelta(0))
PATIENCE = 90.0
BUNDLES = f"/apis/certificates.k8s.io/v1beta1/clustertrustbundles/{BUNDLE}"


class Cluster:
    """A namespace of the real cluster that is a mesh's system namespace."""

    def __init__(self, namespace: Namespace, kubeconfig: Path) -> None:
        self.name = namespace.name
        self.admin = namespace.admin
        self.kubeconfig = kubeconfig
        self.place = SecretPlace(self.admin, ClusterPlace(namespace=self.name), utc_now)

    def serving(self, pod: str) -> AbstractAsyncContextManager[Process]:
        """The whole control plane, as a Deployment starts it."""
        where = ("--kubeconfig", str(self.kubeconfig), "--namespace", self.name)
        return self._process(
            pod, HEDDLE, "serve", "--kubernetes", *where, "--listen", "127.0.0.1:0"
        )

    def replica(self, pod: str) -> AbstractAsyncContextManager[Process]:
        """A process that has no more than the authority."""
        program = (sys.executable, "-m", "tests.kube.replica")
        return self._process(pod, *program, str(self.kubeconfig), self.name, pod)

    @asynccontextmanager
    async def _process(self, pod: str, *command: str | Path) -> AsyncIterator[Process]:
        """With a pod of that name, which the API server knows and nobody runs."""
        spec = {"containers": [{"name": "heddle", "image": "heddle"}]}
        body = {"metadata": {"name": pod}, "spec": spec}
        await self.admin.create(PODS.collection(self.name), body)
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, "POD_NAME": pod},
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()

    async def until(self, condition: Callable[[Progress], bool]) -> Progress:
        """Waits until the replicas say that it is so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    found = await progress(self.place, utc_now())
                    if condition(found):
                        return found
                except AuthorityError:
                    pass  # there is none yet, or none any more
                await asyncio.sleep(0.2)

    async def step(self) -> Rotation:
        return await step(self.place, utc_now(), NO_PAUSE)

    async def roots(self) -> str:
        """What pods of the system namespace read."""
        found = await self.admin.get(CONFIG_MAPS.one(ROOTS, self.name))
        return str(_mapping(found["data"])[ROOT_FILE])

    async def leader(self) -> str:
        found = await self.admin.get(LEASES.one("heddle-leader", self.name))
        return str(_mapping(found["spec"])["holderIdentity"])


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def ready(replicas: int) -> Callable[[Progress], bool]:
    """So many replicas serve what there is, and the roots are written."""

    def is_ready(found: Progress) -> bool:
        late = found.late
        return len(found.said.living) == replicas and not (late.replicas or late.roots or late.pods)

    return is_ready


@pytest.fixture
async def cluster(namespace: Namespace) -> AsyncIterator[Cluster]:
    kubeconfig = await namespace.kubeconfig(ACCOUNT)
    await namespace.allow(ACCOUNT, *HERE, everywhere=False)
    await namespace.allow(ACCOUNT, *EVERYWHERE, everywhere=True)
    yield Cluster(namespace, kubeconfig)
    await remove(namespace.admin, BUNDLES)  # it is of no namespace


@pytest.mark.timeout(180)
async def test_replicas_that_start_at_once_make_one_root_and_a_rotation_survives_its_writer(
    cluster: Cluster,
) -> None:
    """The one that writes is killed between two steps; the other one finishes."""
    async with AsyncExitStack() as stack:
        processes = {
            pod: await stack.enter_async_context(cluster.replica(pod))
            for pod in ("heddle-a", "heddle-b", "heddle-c")
        }
        first = (await cluster.until(ready(3))).rotation
        assert await cluster.roots() == pem(first.roots).decode()
        assert (await cluster.step()).phase is Phase.TRUSTING
        trusting = (await cluster.until(ready(3))).rotation
        assert await cluster.roots() == pem(trusting.roots).decode()

        leader = await cluster.leader()
        processes[leader].kill()
        await processes[leader].wait()
        await cluster.admin.delete(PODS.one(leader, cluster.name))
        assert (await cluster.step()).phase is Phase.SWITCHED
        await cluster.until(ready(2))
        assert (await cluster.step()).phase is Phase.STABLE
        last = (await cluster.until(ready(2))).rotation
        assert await cluster.leader() != leader
        assert await cluster.roots() == pem(last.roots).decode()
        assert set(first.roots).isdisjoint(last.roots)


@pytest.mark.timeout(180)
async def test_two_control_planes_share_an_authority_and_its_rotation(
    cluster: Cluster, namespace: Namespace, kinds: None
) -> None:
    reviews = rule("authentication.k8s.io", ["tokenreviews"], ["create"])
    await namespace.allow(ACCOUNT, *RULES, reviews, everywhere=True)
    async with cluster.serving("heddle-a"), cluster.serving("heddle-b"):
        first = (await cluster.until(ready(2))).rotation
        for phase in (Phase.TRUSTING, Phase.SWITCHED, Phase.STABLE):
            assert (await cluster.step()).phase is phase
            await cluster.until(ready(2))
        assert await cluster.roots() != pem(first.roots).decode()


@pytest.mark.timeout(120)
async def test_a_secret_that_is_deleted_is_put_back_with_the_same_root(cluster: Cluster) -> None:
    async with cluster.replica("heddle-a"):
        first = (await cluster.until(ready(1))).rotation
        await cluster.admin.delete(SECRETS.one(SECRET, cluster.name))
        again = (await cluster.until(ready(1))).rotation
        assert again == first
        async with cluster.replica("heddle-b"):
            assert (await cluster.until(ready(2))).rotation == first


async def test_nothing_is_made_beside_what_the_mesh_trusts(cluster: Cluster) -> None:
    """All replicas were stopped, and the Secret was deleted."""
    trusted = own_authority(None, utc_now())
    body = {"metadata": {"name": ROOTS}, "data": {ROOT_FILE: pem(trusted.roots).decode()}}
    await cluster.admin.create(CONFIG_MAPS.collection(cluster.name), body)
    with pytest.raises(AuthorityError, match="it is gone"):
        await cluster.place._begun(utc_now(), "cluster.local")
    data = {name: b64encode(text).decode() for name, text in files_of(trusted).items()}
    await cluster.admin.create(
        SECRETS.collection(cluster.name), {"metadata": {"name": SECRET}, "data": data}
    )
    assert await cluster.place._begun(utc_now(), "cluster.local") == trusted


async def test_whoever_may_not_write_secrets_makes_none(
    cluster: Cluster, namespace: Namespace
) -> None:
    await namespace.allow("reader", rule("", ["secrets", "configmaps"], ["get"]), everywhere=False)
    async with namespace.client_for("reader") as api:
        place = SecretPlace(api, ClusterPlace(namespace=cluster.name), utc_now)
        with pytest.raises(AuthorityError, match="403"):
            await place._begun(utc_now(), "cluster.local")


def heddle_ca(cluster: Cluster, server: ApiServer, *arguments: str) -> str:
    where = ("--kubeconfig", str(server.kubeconfig), "--namespace", cluster.name)
    result = CliRunner().invoke(app, ["ca", arguments[0], *where, *arguments[1:]])
    assert "PRIVATE KEY" not in result.output
    return f"{result.exit_code} {result.output}"


async def test_the_command_line_makes_shows_and_rotates_it(
    cluster: Cluster, server: ApiServer
) -> None:
    async def run(*arguments: str) -> str:
        return await asyncio.to_thread(heddle_ca, cluster, server, *arguments)

    assert (await run("init")).startswith("0 stable")
    assert "rotate it" in await run("init")
    assert "none follows this authority" in await run("status")
    assert "step 1 of 3" in await run("rotate")
    assert (await run("rotate")).startswith("1 heddle: no control plane follows this authority")
    assert "step 2 of 3" in await run("rotate", "--force")
    assert "taken back" in await run("rollback", "--force")
    found = json.loads((await run("status", "-o", "json"))[2:])
    assert (found["phase"], len(found["roots"])) == ("trusting", 2)


async def test_kubelets_get_certificates_that_the_api_server_accepts(
    cluster: Cluster, namespace: Namespace
) -> None:
    """It has compared the request with the pod, and our answer with the request."""
    account = await cluster.admin.get(f"/api/v1/namespaces/{cluster.name}/serviceaccounts/default")
    node = await cluster.admin.create(
        "/api/v1/nodes", {"metadata": {"name": f"node-{cluster.name}"}}
    )
    spec = {"containers": [{"name": "app", "image": "app"}], "nodeName": _name(node)}
    pod = await cluster.admin.create(
        PODS.collection(cluster.name), {"metadata": {"name": "web"}, "spec": spec}
    )
    async with namespace.client_for(ACCOUNT) as api:
        publisher = Publisher()
        kept = Kept(rotation=own_authority(None, utc_now()))
        authority = MeshAuthority(publisher, kept, time.time, names=("heddle",))  # noqa: TID251
        plane = ControlPlane(publisher, authority.secrets)
        key = Key("", "Pod", cluster.name, "web")
        plane.apply([Applied(key, {"apiVersion": "v1", "kind": "Pod", **pod}, None), Synced()])
        works = authority.leading(api, cluster.name, plane)
        await ask(cluster, pod, account, node, "good")
        await ask(cluster, pod, account, node, "annotated", annotations=True)
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            tasks = [group.create_task(work()) for work in works]
            good, bad = [await answered(cluster, name) for name in ("good", "annotated")]
            bundle = await until_there(cluster.admin, BUNDLES)
            for task in tasks:
                task.cancel()
    assert condition(good) == ("Issued", "Signed")
    names = leaf(good).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        f"spiffe://cluster.local/ns/{cluster.name}/sa/default"
    ]
    assert condition(bad) == ("Denied", "InvalidUnverifiedUserAnnotations")
    assert _mapping(bundle["spec"])["trustBundle"] == pem(authority.trust.roots).decode()
    assert await cluster.roots() == pem(authority.trust.roots).decode()


async def ask(
    cluster: Cluster,
    pod: Mapping[str, object],
    account: Mapping[str, object],
    node: Mapping[str, object],
    name: str,
    *,
    annotations: bool = False,
) -> None:
    """What the kubelet of the pod's node does."""
    spec = {
        "signerName": SIGNER,
        "podName": _name(pod),
        "podUID": _uid(pod),
        "serviceAccountName": _name(account),
        "serviceAccountUID": _uid(account),
        "nodeName": _name(node),
        "nodeUID": _uid(node),
        "stubPKCS10Request": stub(ec_key()),
        "unverifiedUserAnnotations": {"example.com/a": "b"} if annotations else None,
    }
    await cluster.admin.create(
        REQUESTS.collection(cluster.name), {"metadata": {"name": name}, "spec": spec}
    )


async def answered(cluster: Cluster, name: str) -> Mapping[str, object]:
    while True:
        found = await cluster.admin.get(REQUESTS.one(name, cluster.name))
        status = _mapping(found.get("status", {}))
        if status.get("conditions"):
            return status
        await asyncio.sleep(0.2)


async def until_there(api: KubernetesApi, path: str) -> Mapping[str, object]:
    while True:
        if (found := await find(api, path)) is not None:
            return found
        await asyncio.sleep(0.2)


def _name(found: Mapping[str, object]) -> str:
    return str(_mapping(found["metadata"])["name"])


def _uid(found: Mapping[str, object]) -> str:
    return str(_mapping(found["metadata"])["uid"])
