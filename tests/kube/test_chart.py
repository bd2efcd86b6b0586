"""The chart at a real API server: it takes every object, and its authorizer lets the control plane
do what it does and nothing else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from pathlib import Path

import pytest
import yaml

from heddle.authority_secret import ROOT_FILE, ROOTS
from heddle.root_config_maps import BUNDLE
from sources.errors import ApiError
from sources.kubernetes import KubernetesApi
from sources.resource import CONFIG_MAPS, LEASES, PODS, SECRETS
from tests.charts.helm import NAMESPACE, Helm, find_helm
from tests.goldens import case_id, cases, out_path
from tests.kube.accounts import Namespace
from tests.kube.server import ApiServer

ELSEWHERE = {"cert-manager.io/v1", "monitoring.coreos.com/v1"}
"""Kinds of others, which this API server does not know."""
HOOKS = "/apis/admissionregistration.k8s.io/v1"
BUNDLES = f"/apis/certificates.k8s.io/v1beta1/clustertrustbundles/{BUNDLE}"
FORBIDDEN = 403


@pytest.fixture(scope="module")
def helm() -> Helm:
    found = find_helm()
    if found is None:
        pytest.skip("no helm: run `make test-kube`")
    return Helm(found)


async def kubectl(server: ApiServer, *arguments: str, text: str = "") -> None:
    await asyncio.to_thread(server.kubectl, *arguments, text=text)


@pytest.fixture
async def system(server: ApiServer, admin: KubernetesApi) -> Namespace:
    """The namespace that the chart is rendered for."""
    made = Namespace(NAMESPACE, server, admin)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    await made.make(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    )
    await made.account("default")
    return made


@pytest.mark.parametrize("case", cases("charts"), ids=case_id)
async def test_everything_that_is_rendered_is_taken(
    server: ApiServer, system: Namespace, case: Path
) -> None:
    """With strict validation: a field that there is not would be dropped in silence."""
    rendered = yaml.safe_load_all(out_path(case).read_text())
    known = [each for each in rendered if each["apiVersion"] not in ELSEWHERE]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": known})
    options = ("--server-side", "--dry-run=server", "--validate=strict")
    await kubectl(server, "apply", *options, "-f", "-", text=text)


@pytest.fixture
async def plane(
    server: ApiServer, definitions: None, system: Namespace, helm: Helm
) -> AsyncIterator[KubernetesApi]:
    """A client that is the control plane, after an installation without gateways' Secrets."""
    settings = "gatewaySecrets.allNamespaces=false,validation.failurePolicy=Ignore"
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                each
                for each in helm.objects("--set", settings)
                if each["kind"] not in {"Deployment", "HorizontalPodAutoscaler"}
            ],
        }
    )
    await kubectl(server, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)
    async with system.client_for("heddle") as api:
        yield api
    # Nobody answers at these: other tests make pods in labelled namespaces.
    for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        await kubectl(server, "delete", kind, "--all")


async def is_refused(asked: Awaitable[object]) -> bool:
    try:
        await asked
    except ApiError as error:
        if error.status == FORBIDDEN:
            return True
        raise
    return False


def config_map(name: str) -> Mapping[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {ROOT_FILE: "PEM"},
    }


async def every(api: KubernetesApi, path: str, **query: str) -> int:
    return len([item async for page in api.list(path, query) for item in page.items])


async def test_the_roots_are_written_under_one_name_in_every_namespace(
    plane: KubernetesApi, namespace: Namespace
) -> None:
    """To create an object with server-side apply is asked for by its name."""
    ours, other = (CONFIG_MAPS.one(name, namespace.name) for name in (ROOTS, "other"))
    await plane.apply(ours, config_map(ROOTS), manager="test", force=True)
    assert await is_refused(plane.apply(other, config_map("other"), manager="test"))
    everywhere = CONFIG_MAPS.collection()
    assert await every(plane, everywhere, fieldSelector=f"metadata.name={ROOTS}") >= 1
    assert await is_refused(every(plane, everywhere))
    assert await is_refused(plane.get(other))
    await plane.delete(ours)


async def test_mesh_config_is_read_and_nothing_else_of_its_kind(plane: KubernetesApi) -> None:
    here = CONFIG_MAPS.collection(NAMESPACE)
    assert await every(plane, here, fieldSelector="metadata.name=heddle") == 1
    assert await is_refused(every(plane, here))


async def test_only_the_authority_s_secret_is_in_reach(
    plane: KubernetesApi, namespace: Namespace
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "heddle-ca"}}
    made = await plane.create(SECRETS.collection(NAMESPACE), secret)
    path = SECRETS.one("heddle-ca", NAMESPACE)
    await plane.replace(path, await plane.get(path))
    assert made["kind"] == "Secret"
    for refused in (
        plane.get(SECRETS.one("other", NAMESPACE)),
        plane.get(SECRETS.one("heddle-ca", namespace.name)),
        plane.create(SECRETS.collection(namespace.name), secret),
        every(plane, SECRETS.collection()),
        plane.delete(path),
    ):
        assert await is_refused(refused)


async def test_its_webhooks_are_written_and_no_others(
    plane: KubernetesApi, system: Namespace
) -> None:
    path = f"{HOOKS}/validatingwebhookconfigurations"
    other = {"metadata": {"name": "other"}, "webhooks": []}
    await system.make(path, other)
    steps = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": ""}]
    await plane.json_patch(f"{path}/heddle-validator", steps)
    await plane.json_patch(f"{HOOKS}/mutatingwebhookconfigurations/heddle-sidecar-injector", steps)
    assert await is_refused(plane.json_patch(f"{path}/other", steps))
    assert await is_refused(plane.create(path, {"metadata": {"name": "more"}}))


async def test_replicas_speak_by_leases_of_their_own_namespace(
    plane: KubernetesApi, namespace: Namespace
) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "heddle-replica-a"},
        "spec": {"holderIdentity": "a"},
    }
    path = LEASES.one("heddle-replica-a", NAMESPACE)
    await plane.apply(path, lease, manager="test")
    await plane.replace(path, await plane.get(path))
    await plane.delete(path)
    elsewhere = LEASES.one("heddle-replica-a", namespace.name)
    assert await is_refused(plane.apply(elsewhere, lease, manager="test"))


async def test_mesh_objects_are_read_and_told_about_but_never_changed(
    plane: KubernetesApi, namespace: Namespace
) -> None:
    group = "/apis/security.istio.io/v1"
    folder = f"{group}/namespaces/{namespace.name}/peerauthentications"
    made = {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication"}
    await namespace.admin.create(folder, {**made, "metadata": {"name": "default"}, "spec": {}})
    path = f"{folder}/default"
    assert await every(plane, f"{group}/peerauthentications") >= 1
    await plane.patch(f"{path}/status", {"status": {"observedGeneration": 1}})
    assert await is_refused(plane.patch(path, {"spec": {"mtls": {"mode": "DISABLE"}}}))
    assert await is_refused(plane.delete(path))
    asked = {"group": "events.k8s.io", "resource": "events", "namespace": namespace.name}
    assert await may(plane, {**asked, "verb": "create"})
    assert not await may(plane, {**asked, "verb": "list"})


async def may(api: KubernetesApi, attributes: Mapping[str, str]) -> bool:
    """What the authorizer says of it."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    found = await api.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    status = found["status"]
    assert isinstance(status, Mapping)
    return bool(status["allowed"])


async def test_pods_are_looked_at_and_never_made(
    plane: KubernetesApi, namespace: Namespace
) -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    assert await every(plane, PODS.collection()) >= 0
    assert await is_refused(plane.create(PODS.collection(namespace.name), pod))


async def test_trust_bundles_are_written_under_one_name(plane: KubernetesApi) -> None:
    def bundle(name: str) -> Mapping[str, object]:
        return {
            "apiVersion": "certificates.k8s.io/v1beta1",
            "kind": "ClusterTrustBundle",
            "metadata": {"name": name},
            "spec": {"signerName": "heddle.io/workload", "trustBundle": "no PEM"},
        }

    # It is not allowed to be what it is, but that is not for the authorizer to say.
    with pytest.raises(ApiError) as invalid:
        await plane.apply(BUNDLES, bundle(BUNDLE), manager="test")
    assert invalid.value.status != FORBIDDEN
    other = BUNDLES.replace("roots", "others")
    assert await is_refused(plane.apply(other, bundle("heddle.io:workload:others"), manager="test"))
