"""A cluster that `heddle check` looks at, and what a test spoils of it for a moment."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import yaml

from crds.meta import Annotation
from heddle.authority_secret import ROOT_FILE, ROOTS
from heddle.check.cluster import Cluster
from heddle.check.run import after, before, look
from heddle.check.verdict import Grade
from heddle.injection import DEFAULT_REVISION
from sources.kubernetes import KubernetesApi
from sources.resource import (
    CONFIG_MAPS,
    NAMESPACES,
    PODS,
)
from tests.charts.helm import NAMESPACE
from tests.kube.accounts import Namespace
from webhook import raw


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a real API server has the real time


async def grades(api: KubernetesApi, namespace: str, *, pre: bool = False) -> dict[str, Grade]:
    """What came of each check."""
    made = Cluster(api, namespace=namespace, revision=DEFAULT_REVISION, clock=now)
    results = await look(made, before if pre else after)
    return {each.check.anchor: each.verdict.grade for each in results}


def bad(found: Mapping[str, Grade]) -> set[str]:
    return {anchor for anchor, grade in found.items() if grade in (Grade.FAILED, Grade.WARNING)}


Patch = Mapping[str, object]


class Mesh:
    """An installation, and what a test spoils of it for a moment."""

    def __init__(self, system: Namespace, other: Namespace) -> None:
        self.other = other
        self.admin = system.admin

    async def grade(self, anchor: str) -> Grade:
        return (await grades(self.admin, NAMESPACE))[anchor]

    async def spoiled(self, anchor: str, path: str, patch: Patch, mended: Patch) -> Grade:
        """What comes of a check while an object is patched."""
        await self.admin.patch(path, patch)
        try:
            return await self.grade(anchor)
        finally:
            await self.admin.patch(path, mended)

    async def stepped(
        self, anchor: str, path: str, where: Sequence[str], wrong: object, right: object
    ) -> Grade:
        """The same of some places in it."""
        for value in (wrong, right):
            steps = [{"op": "replace", "path": each, "value": value} for each in where]
            await self.admin.json_patch(path, steps)
            if value == wrong:
                found = await self.grade(anchor)
        return found

    async def redirected(self, anchor: str, path: str, field: str, wrong: object) -> Grade:
        """The same while webhooks lead elsewhere."""
        webhooks = raw.objects((await self.admin.get(path))["webhooks"])
        places = [f"/webhooks/{at}/clientConfig/service/{field}" for at in range(len(webhooks))]
        service = raw.mapping(raw.mapping(webhooks[0]["clientConfig"])["service"])
        return await self.stepped(anchor, path, places, wrong, service[field])

    async def labelled(self, anchor: str, labels: Mapping[str, str]) -> Grade:
        """The same while the other namespace has labels."""
        return await self.spoiled(
            anchor,
            NAMESPACES.one(self.other.name),
            {"metadata": {"labels": labels}},
            {"metadata": {"labels": dict.fromkeys(labels)}},
        )

    async def with_roots(self, text: str) -> Grade:
        """The same while a namespace that needs none has these roots."""
        metadata, data = {"name": ROOTS}, {ROOT_FILE: text}
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await self.admin.create(CONFIG_MAPS.collection("default"), made)
        found = await self.grade("roots-everywhere")
        await self.admin.delete(CONFIG_MAPS.one(ROOTS, "default"))
        return found

    async def with_image(self, anchor: str, image: str) -> Grade:
        """The same while new sidecars are of another image."""
        path = CONFIG_MAPS.one("heddle", NAMESPACE)
        text = raw.strings((await self.admin.get(path))["data"])["injection"]
        values = yaml.safe_load(text)
        values["global"]["proxy"]["image"] = image
        wrong = {"data": {"injection": json.dumps(values)}}
        return await self.spoiled(anchor, path, wrong, {"data": {"injection": text}})

    async def pod(self, name: str, owner: Mapping[str, object] | None = None) -> bool:
        """Makes a pod, if it gets a sidecar or `owner` is none; whether it was made."""
        folder = PODS.collection(self.other.name)
        metadata: dict[str, object] = {"name": name, "labels": {"app": "web"}}
        if owner is not None:
            metadata |= {"ownerReferences": [owner]}
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": CONTAINERS}
        if owner is not None:
            trial = await self.admin.rehearse(folder, made)
            if Annotation.STATUS not in raw.annotations(trial):
                return False
        await self.admin.create(folder, made)
        return True

    async def owner(self) -> Mapping[str, object]:
        """A ReplicaSet for such pods."""
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": CONTAINERS}
        made = await self.admin.create(
            f"/apis/apps/v1/namespaces/{self.other.name}/replicasets",
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {"name": "web"},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            },
        )
        head = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": True}
        return {**head, "uid": raw.metadata(made)["uid"]}


CONTAINERS = {
    "containers": [
        {
            "name": "web",
            "image": "web",
            "ports": [{"containerPort": 80}],
            "readinessProbe": {"httpGet": {"port": 80}},
        }
    ]
}
