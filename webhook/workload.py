"""What a pod belongs to, in the names that telemetry and the `cluster` of its proxy go by."""

import re
from collections.abc import Mapping

from crds.meta import Label
from webhook import raw

_MAX_LABEL = 63
_NOT_AT_END = re.compile(r"[^A-Za-z0-9]+$")
_CRON_RUN = re.compile(r"-\d{8,10}$")


def canonical_name(pod: Mapping[str, object]) -> str:
    """Istio's order: the canonical label, `app.kubernetes.io/name`, `app`, then the workload."""
    labels = raw.labels(pod)
    for label in (Label.CANONICAL_NAME, "app.kubernetes.io/name", "app"):
        if labels.get(label):
            return labels[label]
    return _NOT_AT_END.sub("", workload_name(pod)[:_MAX_LABEL])


def canonical_revision(pod: Mapping[str, object]) -> str:
    """Istio's order: the canonical label, `app.kubernetes.io/version`, `version`, then `latest`."""
    labels = raw.labels(pod)
    for label in (Label.CANONICAL_REVISION, "app.kubernetes.io/version", "version"):
        if labels.get(label):
            return labels[label]
    return "latest"


def workload_name(pod: Mapping[str, object]) -> str:
    """The Deployment, CronJob or other owner; a pod without one is its own workload."""
    metadata = raw.metadata(pod)
    for owner in raw.objects(metadata.get("ownerReferences")):
        name, kind = raw.text(owner.get("name")), raw.text(owner.get("kind"))
        if owner.get("controller") is True and name:
            return _owner_of_owner(kind, name, raw.labels(pod).get(Label.POD_TEMPLATE_HASH, ""))
    return raw.text(metadata.get("name")) or raw.text(metadata.get("generateName")).rstrip("-")


def _owner_of_owner(kind: str, name: str, template_hash: str) -> str:
    """A ReplicaSet is named for its Deployment and a hash, a Job for its CronJob and a minute."""
    if kind == "ReplicaSet" and template_hash:
        return name.removesuffix(f"-{template_hash}")
    return _CRON_RUN.sub("", name) if kind == "Job" else name
