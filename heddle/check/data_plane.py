"""The proxies: whether they take what they are sent, and are of an Envoy that we know."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from crds.meta import Annotation, Label
from heddle.check.cluster import Cluster, name_of, namespace_of
from heddle.check.sidecars import missing, new_image, outdated
from heddle.check.this_machine import ThisMachine
from heddle.check.verdict import Category, Check, Verdict, fine, judged, skipped
from heddle.cluster_objects import Raw
from heddle.status_replicas import CONFIG_MAP
from heddle.status_report import Report, read
from sources.resource import CONFIG_MAPS
from webhook import raw
from webhook.sidecar import PROXY

OLDEST, NEWEST = (1, 37), (1, 40)
"""Envoys of which each minor release is tested (docs/conformance.md)."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?")


def injected(pods: Iterable[Raw], revision: str) -> Sequence[Raw]:
    """The pods that an injector of ours gave a sidecar."""
    return [
        pod
        for pod in pods
        if Annotation.STATUS in raw.annotations(pod)
        and raw.annotations(pod).get(Label.REVISION, revision) == revision
    ]


def proxy_of(pod: Raw) -> Raw:
    """Its sidecar's container; an empty one if it has none."""
    found = (each for each in raw.containers(pod) if each.get("name") == PROXY)
    return next(found, {})


def title_of(pod: Raw) -> str:
    """`namespace/name`."""
    return f"{namespace_of(pod)}/{name_of(pod)}"


async def _synced(cluster: Cluster) -> Verdict:
    found = await cluster.find(CONFIG_MAPS.one(CONFIG_MAP, cluster.namespace))
    if found is None:
        return skipped(f"no replica has told of proxies (ConfigMap {CONFIG_MAP})")
    return judge_reports(raw.strings(found.get("data")))


def judge_reports(said: Mapping[str, str]) -> Verdict:
    """By what each replica tells of the proxies that are connected to it."""
    reports = {name: report for name, text in said.items() if (report := read(text)) is not None}
    if not reports:
        return skipped("no replica tells of proxies")
    rejected = [told for each in reports.values() for told in _rejections(each)]
    waiting = Counter[str]()
    for report in reports.values():
        waiting.update({str(key): count for key, (_, count) in report.waiting.items()})
    late = [f"{key} is not acknowledged by {count} proxies yet" for key, count in waiting.items()]
    connected = sum(each.pods for each in reports.values())
    if not rejected and not late:
        return fine(f"{connected} are connected")
    return judged(sorted(rejected), sorted(late))


def _rejections(report: Report) -> Iterable[str]:
    for key, (_, rejected) in report.rejected.items():
        pods = ", ".join(rejected.pods)
        yield f"{rejected.proxies} proxies reject {key} ({pods}): {rejected.words}"


async def _running(cluster: Cluster) -> Verdict:
    return judge_running(injected(await cluster.pods(), cluster.revision))


def judge_running(pods: Sequence[Raw]) -> Verdict:
    """Whether the sidecars are ready, as their kubelets say."""
    if not pods:
        return skipped("no pod has a sidecar of this revision")
    bad = []
    for pod in pods:
        status = raw.mapping(pod.get("status"))
        if raw.text(status.get("phase")) == "Pending":
            continue
        states = (
            *raw.objects(status.get("initContainerStatuses")),
            *raw.objects(status.get("containerStatuses")),
        )
        state = next((each for each in states if each.get("name") == PROXY), None)
        if state is not None and state.get("ready") is not True:
            restarts = state.get("restartCount", 0)
            bad.append(f"the proxy of {title_of(pod)} is not ready ({restarts} restarts)")
    return judged(bad) if bad else fine(f"{len(pods)} pods have one")


async def _supported(cluster: Cluster) -> Verdict:
    settings = await cluster.settings()
    images = Counter(
        raw.text(proxy_of(pod).get("image"))
        for pod in injected(await cluster.pods(), cluster.revision)
    )
    return judge_images({new_image(settings): 0, **images})


def judge_images(images: Mapping[str, int]) -> Verdict:
    """Those of the pods, each with how many have it; 0: that of the pods to come."""
    bad, odd = [], []
    for image, pods in sorted(images.items()):
        whose = f"{pods} pods have" if pods else "new pods have"
        name = image.partition("@")[0].rpartition("/")[2]  # a registry may have a port
        found = _VERSION.search(name.partition(":")[2])
        if found is None:
            odd.append(f"{whose} {image}, whose tag is no version")
        elif (version := (int(found[1]), int(found[2]))) < OLDEST:
            bad.append(f"{whose} {image}, and Envoy 1.{OLDEST[1]} is the oldest that is known")
        elif version > NEWEST:
            odd.append(f"{whose} {image}, and Envoy 1.{NEWEST[1]} is the newest that is tested")
    return judged(bad, odd)


async def _current(cluster: Cluster) -> Verdict:
    pods = injected(await cluster.pods(), cluster.revision)
    if not pods:
        return skipped("no pod has a sidecar of this revision")
    return judged(warnings=await outdated(cluster, pods))


async def _complete(cluster: Cluster) -> Verdict:
    namespaces, settings = await cluster.namespaces(), await cluster.settings()
    names = await cluster.names()
    return judged(warnings=missing(await cluster.pods(), namespaces, settings, names))


def _connected(mesh: ThisMachine) -> Verdict:
    every = mesh.statuses
    gone = [raw.text(each.get("proxy")) for each in every if each.get("connected") is not True]
    if not every:
        return skipped("no pod has a proxy")
    if not gone:
        return fine(f"{len(every)} pods have one")
    return judged(f"the proxy of {each} is not connected" for each in gone)


def _synced_here(mesh: ThisMachine) -> Verdict:
    every = mesh.statuses
    rejected = [
        f"{raw.text(each.get('proxy'))} rejects {raw.text(one.get('resource'))}: "
        f"{raw.text(one.get('reason'))}"
        for each in every
        for one in raw.objects(each.get("rejected"))
    ]
    late = [
        f"{raw.text(each.get('proxy'))} has been behind with {kind.upper()} for {age}"
        for each in every
        for kind, age in raw.strings(each.get("ages")).items()
    ]
    return judged(rejected, late) if rejected or late else fine(f"{len(every)} are connected")


def _supported_here(mesh: ThisMachine) -> Verdict:
    images = {f"envoy:v{text}": count for text, count in mesh.versions.items()}
    return judge_images(images)


CATEGORY = Category(
    name="data-plane",
    title="The proxies",
    checks=(
        Check(
            anchor="proxies-ready",
            title="the proxies of all pods are ready",
            here=_connected,
            remedy="`kubectl logs POD -c istio-proxy` says why not. One that never was ready "
            "mostly cannot reach the control plane (service-endpoints, a NetworkPolicy), or does "
            "not trust it (roots-everywhere).",
            judge=_running,
        ),
        Check(
            anchor="proxies-synced",
            title="all connected proxies have taken what they were sent",
            here=_synced_here,
            remedy="`heddle proxy-status` shows which do not. What an Envoy rejects is told in the "
            "status of the object that it comes from; the proxy goes on with what it had.",
            judge=_synced,
        ),
        Check(
            anchor="envoy-supported",
            title="the Envoys of the pods are known to work",
            here=_supported_here,
            remedy=f"Take an image of Envoy 1.{OLDEST[1]} to 1.{NEWEST[1]} "
            "(`injection.global.proxy.image`, or sidecar.istio.io/proxyImage), and restart pods.",
            judge=_supported,
        ),
        Check(
            anchor="sidecars-current",
            title="the sidecars of all pods are what the injector makes now",
            remedy="`kubectl rollout restart` makes the pods anew, with a sidecar by the present "
            "settings.",
            judge=_current,
        ),
        Check(
            anchor="sidecars-present",
            title="all pods that are to have a sidecar have one",
            remedy="They are older than the label of their namespace, or the injector was not "
            "asked: `kubectl rollout restart` makes them anew.",
            judge=_complete,
        ),
    ),
)
