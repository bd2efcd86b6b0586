"""The control plane: whether its replicas run, can be reached, and share out the work."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version as package_version

from heddle.check.api_server import instant
from heddle.check.cluster import Cluster, name_of
from heddle.check.verdict import (
    Category,
    Check,
    Verdict,
    When,
    failed,
    fine,
    judged,
    skipped,
    warning,
)
from heddle.cluster_objects import Raw
from heddle.leader import LEASE, lease_of
from sources.resource import DEPLOYMENTS, ENDPOINT_SLICES, LEASES, NAMESPACES
from webhook import raw

_TAG = re.compile(r":v?(\d[\w.-]*)(?:@|$)")


async def _namespace_free(cluster: Cluster) -> Verdict:
    found = await cluster.find(NAMESPACES.one(cluster.namespace))
    if found is None:
        return fine(f"namespace {cluster.namespace} is made by the installation")
    if raw.mapping(found.get("status")).get("phase") == "Terminating":
        return failed(f"namespace {cluster.namespace} is being deleted")
    deployment = await cluster.find(DEPLOYMENTS.one(cluster.name, cluster.namespace))
    if deployment is not None:
        return warning(f"revision {cluster.revision} is installed there already")
    return fine()


async def _replicas(cluster: Cluster) -> Verdict:
    found = await cluster.find(DEPLOYMENTS.one(cluster.name, cluster.namespace))
    if found is None:
        return failed(f"there is no Deployment {cluster.name} in namespace {cluster.namespace}")
    return judge_replicas(found)


def judge_replicas(deployment: Raw) -> Verdict:
    """By what its controller says of it."""
    status, spec = raw.mapping(deployment.get("status")), raw.spec(deployment)
    wanted, ready = _count(spec.get("replicas"), 1), _count(status.get("readyReplicas"))
    updated = _count(status.get("updatedReplicas"))
    if ready == 0:
        return failed(f"none of {wanted} replicas is ready")
    odd = []
    if ready < wanted:
        odd.append(f"{ready} of {wanted} replicas are ready")
    if updated < wanted:
        odd.append(f"{updated} of {wanted} replicas are of the newest version")
    if wanted == 1:
        odd.append("there is one replica: proxies get no news while it starts anew")
    return judged(warnings=odd)


def _count(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) else default


async def _reached(cluster: Cluster) -> Verdict:
    slices = await cluster.every(ENDPOINT_SLICES, cluster.namespace)
    return judge_endpoints(cluster.name, slices)


def judge_endpoints(service: str, slices: Iterable[Raw]) -> Verdict:
    """Whether the Service leads anywhere."""
    ours = [
        each for each in slices if raw.labels(each).get("kubernetes.io/service-name") == service
    ]
    ready = {
        address
        for each in ours
        for endpoint in raw.objects(each.get("endpoints"))
        if raw.mapping(endpoint.get("conditions")).get("ready") is not False
        for address in _addresses(endpoint)
    }
    if not ready:
        return failed(
            f"Service {service} has no ready endpoint: proxies and the API server find none"
        )
    return fine(f"{len(ready)} of them")


def _addresses(endpoint: Raw) -> Iterable[str]:
    found = endpoint.get("addresses")
    return (each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


async def _leaders(cluster: Cluster) -> Verdict:
    now = cluster.clock()
    leases = {name_of(each): each for each in await cluster.every(LEASES, cluster.namespace)}
    wanted = {
        LEASE: "nobody keeps the roots, nor writes statuses of objects without a revision",
        lease_of(cluster.revision): "nobody writes statuses of objects that name this revision",
    }
    return judge_leaders(leases, wanted, now)


def judge_leaders(leases: Mapping[str, Raw], wanted: Mapping[str, str], now: datetime) -> Verdict:
    """Whether somebody holds each Lease, and goes on to renew it."""
    bad = []
    for name, otherwise in wanted.items():
        spec = raw.spec(leases.get(name, {}))
        renewed = instant(spec.get("renewTime"))
        lasts = timedelta(seconds=_count(spec.get("leaseDurationSeconds"), 15))
        if not raw.text(spec.get("holderIdentity")) or renewed is None:
            bad.append(f"nobody holds Lease {name}: {otherwise}")
        elif now > renewed + 4 * lasts:  # clocks differ, and the next one takes a while
            bad.append(f"Lease {name} was last renewed at {renewed:%H:%M:%S} UTC: {otherwise}")
    return judged(bad)


async def _versions(cluster: Cluster) -> Verdict:
    found = await cluster.find(DEPLOYMENTS.one(cluster.name, cluster.namespace))
    if found is None:
        return skipped(f"there is no Deployment {cluster.name}")
    containers = raw.containers(raw.mapping(raw.spec(found).get("template")))
    images = [raw.text(each.get("image")) for each in containers]
    return judge_version(images[:1], package_version("heddle"))


def judge_version(images: Sequence[str], ours: str) -> Verdict:
    """Whether this command is of the release that runs."""
    tag = _TAG.search(images[0]) if images else None
    if tag is None:
        return skipped("its image's tag is no version")
    if tag[1] != ours:
        return warning(f"the control plane is {tag[1]}, this command {ours}")
    return fine(f"both are {ours}")


CATEGORY = Category(
    name="control-plane",
    title="The control plane",
    checks=(
        Check(
            anchor="namespace-free",
            title="the namespace of the control plane is free for it",
            remedy="Wait until it is gone, choose another (`--namespace`), or upgrade what is "
            "there (`helm upgrade`, or a second revision beside it: docs/install.md).",
            judge=_namespace_free,
            when=When.BEFORE,
        ),
        Check(
            anchor="replicas-ready",
            title="the replicas of the control plane are ready",
            remedy="`kubectl -n NAMESPACE describe pod -l app.kubernetes.io/name=heddle` and its "
            "log say why not. Proxies go on with what they have.",
            judge=_replicas,
        ),
        Check(
            anchor="service-endpoints",
            title="the Service of the control plane leads to replicas that are ready",
            remedy="See replicas-ready. If they are ready, the Service's selector is not the "
            "chart's: `helm upgrade` puts it back.",
            judge=_reached,
        ),
        Check(
            anchor="leaders",
            title="there is a replica that writes what one writes for all",
            remedy="The log of the replicas says what keeps them from the Lease; mostly may-serve "
            "does, or no replica is ready.",
            judge=_leaders,
        ),
        Check(
            anchor="same-version",
            title="this command is of the release of the control plane",
            remedy="Take the command of that release: what it expects may be another.",
            judge=_versions,
        ),
    ),
)
