"""Sidecars that are as the injector makes them now, and those that are not."""

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from crds.meta import Annotation, Label
from heddle.check.files import Files
from heddle.check.sidecars import missing, outdated
from heddle.injection import PORT, SERVER_NAME, inject_settings
from sources.directory import load
from sources.events import Applied
from tests.conftest import ROOT
from tests.heddle.check.looked import cluster
from webhook import raw
from webhook.inject import inject
from webhook.settings import InjectSettings

Raw = Mapping[str, object]
SETTINGS = replace(
    inject_settings(host=SERVER_NAME, port=PORT, server_name=SERVER_NAME), revision="default"
)
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {Label.INJECTION: "enabled"}},
}
PLAIN = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "plain", "namespace": "shop"},
    "spec": {"template": {"spec": {"containers": [{"name": "plain", "image": "plain"}]}}},
}
HASH = "6d4cf56db6"


def deployments(folder: Path) -> list[Raw]:
    found = [each.raw for each in load(folder) if isinstance(each, Applied)]
    return [PLAIN, *(each for each in found if each["kind"] == "Deployment")]


def as_cluster_has_it(deployment: Raw, settings: InjectSettings) -> tuple[Raw, Raw]:
    """The ReplicaSet of a Deployment, and its pod as the webhook was asked about it."""
    template = raw.mapping(raw.spec(deployment)["template"])
    name, namespace = raw.metadata(deployment)["name"], raw.metadata(deployment)["namespace"]
    labels = {**raw.labels(template), Label.POD_TEMPLATE_HASH: HASH}
    of = {"name": f"{name}-{HASH}", "namespace": namespace}
    mine = {**raw.metadata(template), "labels": labels}
    owner = {"kind": "ReplicaSet", "name": of["name"], "controller": True}
    bare = {"metadata": {**mine, "ownerReferences": [owner]}, "spec": template["spec"]}
    injected = inject(bare, {"metadata": {"name": namespace}}, settings, selected=True)
    # As the API server keeps it, and gives it back.
    made = json.loads(json.dumps(injected.pod, default=dict))
    head = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": of}
    pod_head = {**made["metadata"], "name": f"{of['name']}-abcde", "namespace": namespace}
    owned = {"metadata": mine, "spec": template["spec"]}
    return {**head, "spec": {"template": owned}}, {
        "apiVersion": "v1",
        "kind": "Pod",
        **made,
        "metadata": pod_head,
    }


@pytest.mark.parametrize(
    "deployment", deployments(ROOT / "examples/shop"), ids=lambda each: raw.metadata(each)["name"]
)
async def test_a_new_pod_is_as_it_would_be_made(deployment: Raw) -> None:
    owner, pod = as_cluster_has_it(deployment, SETTINGS)
    assert Annotation.STATUS in raw.annotations(pod)
    assert not await outdated(cluster(Files([NAMESPACE, owner, pod])), [pod])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"proxy_image": "envoyproxy/envoy:v1.39.0"}, "image envoyproxy/envoy:v1.39.0, and now"),
        ({"concurrency": 7}, "is another now"),
        ({"native_sidecar": False}, "is another now"),
        ({"redirects": False}, "it has no heddle-init"),
    ],
)
async def test_one_of_other_settings_is_not(changed: dict[str, object], words: str) -> None:
    older = copy.copy(SETTINGS)
    for name, value in changed.items():
        older = replace(older, **{name: value})  # type: ignore[arg-type]  # by name
    owner, pod = as_cluster_has_it(PLAIN, older)
    [told] = await outdated(cluster(Files([NAMESPACE, owner, pod])), [pod])
    assert words in told


async def test_one_whose_owner_is_gone_is_not_made_anew() -> None:
    older = replace(SETTINGS, proxy_image="envoyproxy/envoy:v1.39.0")
    _, pod = as_cluster_has_it(PLAIN, older)
    assert not await outdated(cluster(Files([NAMESPACE, pod])), [pod])


def bare(**labels: str) -> Raw:
    spec = {"containers": [{"name": "app", "image": "app"}]}
    return {"metadata": {"name": "web", "namespace": "shop", "labels": labels}, "spec": spec}


@pytest.mark.parametrize(
    ("pod", "labels", "found"),
    [
        (bare(), {Label.INJECTION: "enabled"}, 1),
        (bare(), {Label.REVISION: "default"}, 1),
        (bare(), {Label.REVISION: "prod"}, 1),  # a tag of ours
        (bare(), {Label.REVISION: "other"}, 0),
        (bare(), {}, 0),
        (bare(**{Label.INJECT: "true"}), {}, 1),
        (bare(**{Label.INJECT: "false"}), {Label.INJECTION: "enabled"}, 0),
        (as_cluster_has_it(PLAIN, SETTINGS)[1], {Label.INJECTION: "enabled"}, 0),
    ],
)
def test_pods_without_one(pod: Raw, labels: Mapping[str, str], found: int) -> None:
    namespaces = {"shop": {"metadata": {"name": "shop", "labels": labels}}}
    names = frozenset({"default", "prod"})
    assert len(missing([pod], namespaces, SETTINGS, names)) == found
