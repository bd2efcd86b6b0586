"""A real API server asks our webhook, over TLS, with the `caBundle` that we keep: nothing of it is
simulated but the Service in front (its configurations name a URL in place of it).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from ca.authority import pem
from crds.mesh_config import CertificateSource, MeshConfig
from heddle.admission import Admission, admitting
from heddle.ca_bundle import CaBundles
from heddle.certificates import ServingCertificates, own_authority
from heddle.control_plane import ControlPlane
from heddle.injection import PORT, SERVER_NAME, having, inject_settings
from heddle.trust import Trust
from sources.errors import ApiError
from sources.events import Synced
from tests.goldens import case_id, cases
from tests.kube.accounts import Namespace, rule
from tests.kube.server import ApiServer
from webhook import raw
from webhook.inject import inject
from webhook.settings import InjectSettings, RootSource

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
INJECTOR = f"{REGISTRATION}/mutatingwebhookconfigurations"
VALIDATOR = f"{REGISTRATION}/validatingwebhookconfigurations"
ALLOWED = rule(
    "admissionregistration.k8s.io",
    ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
    ["get", "patch"],
)
PATIENCE = 60.0
INJECTED = [case for case in cases("inject") if "refused" not in case.name]
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http: [{match: [{uri: {regex: "%s"}}], route: [{destination: {host: web}}]}]
"""


def pod(name: str = "web", **annotations: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    }


class Hook:
    """The webhook, as the API server knows it."""

    def __init__(self, namespace: Namespace, trust: Trust, bundles: CaBundles) -> None:
        self.trust = trust
        self.bundles = bundles
        self._namespace = namespace
        self._pods = f"/api/v1/namespaces/{namespace.name}/pods?dryRun=All"

    async def create(self, made: Mapping[str, object]) -> Mapping[str, object]:
        """What the API server would store."""
        return await self._namespace.admin.create(self._pods, made)

    async def until_asked(self) -> None:
        """The API server takes a moment to hear of a change to its configurations."""
        async with asyncio.timeout(PATIENCE):
            while not await self.works():  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.1)

    async def works(self) -> bool:
        """Whether a pod is injected now."""
        with contextlib.suppress(ApiError):
            return "istio-proxy" in names(await self.create(pod()))
        return False


def names(made: Mapping[str, object]) -> list[object]:
    return [each["name"] for each in raw.containers(made)]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a real API server has the real time


@pytest.fixture
async def hook(namespace: Namespace) -> AsyncIterator[Hook]:
    trust = Trust(own_authority(None, now()))
    certificates = ServingCertificates(
        trust, now, names=(SERVER_NAME,), addresses=(ip_address("127.0.0.1"),)
    )
    plane = ControlPlane(quiet=True)
    plane.apply([Synced()])
    admission = Admission(plane, inject_settings(host=SERVER_NAME, port=PORT))
    await namespace.allow("heddle", ALLOWED, everywhere=True)
    async with (
        namespace.client_for("heddle") as api,
        admitting(
            admission,
            host="127.0.0.1",
            port=0,
            current=certificates.current,
            registry=CollectorRegistry(),
        ) as port,
        configured(namespace, port),
    ):
        bundles = CaBundles(api, revision="default", roots=lambda: pem(trust.roots))
        trust.follow(bundles.roots_changed)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(bundles.keep())
            made = Hook(namespace, trust, bundles)
            await made.until_asked()
            yield made
            keeping.cancel()


@contextlib.asynccontextmanager
async def configured(namespace: Namespace, port: int) -> AsyncIterator[None]:
    """The configurations, for the test's own namespace; nobody has written `caBundle` there."""
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}}
    common: Mapping[str, object] = {
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "namespaceSelector": here,
    }
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    ours = {
        "apiGroups": ["networking.istio.io", "security.istio.io"],
        "apiVersions": ["*"],
        "resources": ["*"],
    }
    made: tuple[tuple[str, str, str, str, Mapping[str, object], list[str]], ...] = (
        (INJECTOR, "Mutating", "heddle-sidecar-injector", "inject", pods, ["CREATE"]),
        (VALIDATOR, "Validating", "heddle-validator", "validate", ours, ["CREATE", "UPDATE"]),
    )
    for path, kind, name, ask, rules, operations in made:
        webhook = {
            **common,
            "name": f"{name}.heddle.io",
            "clientConfig": {"url": f"https://127.0.0.1:{port}/{ask}"},
            "rules": [{**rules, "operations": operations}],
        }
        item: dict[str, object] = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "webhooks": [webhook],
        }
        item |= {"kind": f"{kind}WebhookConfiguration", "metadata": {"name": name}}
        await namespace.admin.create(path, item)
    try:
        yield
    finally:
        for path, _, name, *_ in made:
            await namespace.admin.delete(f"{path}/{name}")


async def test_a_pod_gets_its_sidecar_and_one_that_declines_does_not(hook: Hook) -> None:
    made = await hook.create(pod())
    assert names(made) == ["heddle-init", "istio-proxy", "web"]
    declined = pod()
    declined["metadata"] = {"name": "no", "labels": {"sidecar.istio.io/inject": "false"}}
    assert names(await hook.create(declined)) == ["web"]


async def test_what_is_injected_comes_out_the_same_when_it_comes_again(hook: Hook) -> None:
    made = dict(await hook.create(pod()))
    metadata = dict(raw.metadata(made))
    for name in ("uid", "creationTimestamp", "managedFields"):
        metadata.pop(name, None)
    again = await hook.create({**made, "metadata": metadata})
    assert again["spec"] == made["spec"]


async def test_kubectl_says_why_a_pod_is_refused(
    hook: Hook, namespace: Namespace, server: ApiServer
) -> None:
    del hook
    text = yaml.safe_dump(pod(**{"sidecar.istio.io/proxyCPU": "much"}))
    with pytest.raises(RuntimeError) as refused:
        await asyncio.to_thread(server.kubectl, "apply", "-n", namespace.name, "-f", "-", text=text)
    for words in ("sidecar.istio.io/proxyCPU", "100m or 128Mi", "'much'", "[bad-annotation]"):
        assert words in str(refused.value)


@pytest.mark.usefixtures("definitions")
async def test_an_object_with_an_error_is_refused_and_one_that_leads_nowhere_warns(
    hook: Hook, namespace: Namespace, server: ApiServer
) -> None:
    del hook

    async def apply(text: str) -> str:
        arguments = ("apply", "-n", namespace.name, "--warnings-as-errors", "-f", "-")
        try:
            return await asyncio.to_thread(server.kubectl, *arguments, text=text)
        except RuntimeError as refused:
            return str(refused)

    refused = await apply(ROUTE % "(")
    assert "denied the request: spec.http[0].match[0].uri.regex: " in refused
    warned = await apply(ROUTE % "/a.*")
    assert "Warning: spec.http[0].route[0].destination.host" in warned
    # The one for its host, and the one for where it leads; it is stored all the same.
    assert "2 warnings received" in warned
    deleted = await asyncio.to_thread(
        server.kubectl, "delete", "virtualservice", "web", "-n", namespace.name
    )
    assert "deleted" in deleted


async def test_new_roots_and_a_new_certificate_are_trusted_without_a_restart(
    hook: Hook, namespace: Namespace
) -> None:
    await hook.trust.adopt(own_authority(None, now()))
    await hook.until_asked()
    found = await namespace.admin.get(f"{INJECTOR}/heddle-sidecar-injector")
    assert "caBundle" in str(found)


async def test_a_bundle_that_somebody_takes_away_is_put_back(
    hook: Hook, namespace: Namespace
) -> None:
    path = f"{INJECTOR}/heddle-sidecar-injector"
    before = await namespace.admin.get(path)
    gone = {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}
    await namespace.admin.json_patch(path, [gone])
    await hook.bundles.look()
    after = await namespace.admin.get(path)
    assert after["webhooks"] == before["webhooks"]
    await hook.until_asked()


def variants() -> Mapping[str, InjectSettings]:
    base = inject_settings(host=SERVER_NAME, port=PORT)
    return {
        source.value: having(base, MeshConfig(certificate_source=source))
        for source in CertificateSource
    }


@pytest.mark.parametrize("source", sorted(variants()))
@pytest.mark.parametrize("roots", RootSource)
@pytest.mark.parametrize(
    "case", [case for case in cases("inject") if "refused" not in case.name], ids=case_id
)
async def test_every_pod_that_we_make_is_one_for_the_api_server(
    namespace: Namespace, case: Path, source: str, roots: RootSource
) -> None:
    """Its own rules for pods are the ones that count."""
    _, where, given = yaml.safe_load_all(await asyncio.to_thread(case.read_text))
    made = inject(given, where, replace(variants()[source], roots=roots))
    metadata = {**raw.metadata(made.pod), "namespace": namespace.name}
    metadata.pop("ownerReferences", None)
    assert not made.refused
    spec = {**raw.spec(made.pod)}
    spec.pop("serviceAccountName", None)
    path = f"/api/v1/namespaces/{namespace.name}/pods?dryRun=All"
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    assert await namespace.admin.create(path, body)
