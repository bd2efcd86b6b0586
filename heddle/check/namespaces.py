"""What namespaces and pods say about sidecars: whether it can be done, and agrees with itself."""

from collections.abc import Iterable, Mapping, Sequence

from crds.meta import Annotation, Label
from heddle.check.cluster import Cluster, name_of, namespace_of
from heddle.check.selectors import OF_NAMESPACES, wanted
from heddle.check.verdict import Category, Check, Verdict, When, judged
from heddle.cluster_objects import Raw
from heddle.injection import DEFAULT_REVISION
from sources.resource import MUTATING_WEBHOOKS
from webhook import raw
from webhook.settings import InjectSettings

ENFORCE = "pod-security.kubernetes.io/enforce"
TOO_STRICT = ("baseline", "restricted")
"""Levels that refuse NET_ADMIN, which redirecting a pod's traffic takes."""


async def _admitted(cluster: Cluster) -> Verdict:
    names, settings = await cluster.names(), await cluster.settings()
    return judge_levels(await cluster.namespaces(), names, settings)


def judge_levels(
    namespaces: Mapping[str, Raw], names: frozenset[str], settings: InjectSettings
) -> Verdict:
    """Whether the Pod Security level of each namespace admits what the injector adds."""
    if not settings.redirects:
        return judged()
    return judged(
        f"namespace {name} enforces {level}, which refuses pods with a sidecar"
        for name, each in sorted(namespaces.items())
        if asks(raw.labels(each), names)
        and (level := raw.labels(each).get(ENFORCE, "")) in TOO_STRICT
    )


def asks(labels: Mapping[str, str], names: frozenset[str]) -> bool:
    """Whether a namespace asks one of these revisions for sidecars."""
    wish = labels.get(Label.INJECTION)
    if wish is not None:
        return wish == "enabled" and DEFAULT_REVISION in names
    return labels.get(Label.REVISION) in names


async def _agreed(cluster: Cluster) -> Verdict:
    return judge_labels(await cluster.namespaces())


def judge_labels(namespaces: Mapping[str, Raw]) -> Verdict:
    """Whether a namespace says one thing, in words that mean something."""
    return judged(
        warnings=(
            told
            for name, each in sorted(namespaces.items())
            for told in _contradictions(name, raw.labels(each))
        )
    )


def _contradictions(name: str, labels: Mapping[str, str]) -> Iterable[str]:
    wish, revision = labels.get(Label.INJECTION), labels.get(Label.REVISION)
    if wish not in (None, "enabled", "disabled"):
        yield f"namespace {name}: {Label.INJECTION}={wish} means nothing; give enabled or disabled"
    elif wish is not None and revision is not None:
        won, lost = f"{Label.INJECTION}={wish}", f"{Label.REVISION}={revision}"
        yield f"namespace {name}: {won} wins, {lost} does nothing"


async def _pods_agreed(cluster: Cluster) -> Verdict:
    return judge_pods(await cluster.pods())


def judge_pods(pods: Iterable[Raw]) -> Verdict:
    """Whether the label of a pod and the old annotation of the same name say the same."""
    told = []
    for pod in pods:
        label, annotation = (
            found.get(Label.INJECT) for found in (raw.labels(pod), raw.annotations(pod))
        )
        if label is not None and annotation is not None and label != annotation:
            told.append(
                f"{namespace_of(pod)}/{name_of(pod)}: the label {Label.INJECT}={label} wins, the "
                f"annotation {Annotation.INJECT}={annotation} does nothing"
            )
    return judged(warnings=told)


async def _known(cluster: Cluster) -> Verdict:
    return judge_revisions(await cluster.namespaces(), await cluster.every(MUTATING_WEBHOOKS))


def judge_revisions(namespaces: Mapping[str, Raw], injectors: Sequence[Raw]) -> Verdict:
    """Whether the revision that a namespace names is anybody's."""
    there = {value for each in injectors for value in wanted(each, Label.REVISION, OF_NAMESPACES)}
    return judged(
        f"namespace {name} names revision {revision}, and no injector is for that"
        for name, each in sorted(namespaces.items())
        if (revision := raw.labels(each).get(Label.REVISION)) is not None
        and Label.INJECTION not in raw.labels(each)
        and revision not in there
    )


CATEGORY = Category(
    name="injection",
    title="Who gets a sidecar",
    checks=(
        Check(
            anchor="labels-agree",
            title="the labels of namespaces do not contradict each other",
            remedy="Take away the label that is not meant: `kubectl label namespace NAME "
            "istio-injection-` to follow istio.io/rev.",
            judge=_agreed,
            when=When.ALWAYS,
            files=True,
        ),
        Check(
            anchor="pod-labels-agree",
            title="the label and the annotation sidecar.istio.io/inject of a pod agree",
            remedy="Keep the label, and remove the annotation from the pod's template.",
            judge=_pods_agreed,
            when=When.ALWAYS,
            files=True,
        ),
        Check(
            anchor="revisions-known",
            title="each revision that a namespace names has an injector",
            remedy="Name one that there is (`kubectl get mutatingwebhookconfigurations`), or give "
            "the release that tag (`revisionTags`). Pods of such a namespace get no sidecar.",
            judge=_known,
        ),
        Check(
            anchor="pod-security",
            title="namespaces admit pods with a sidecar",
            remedy=f"Redirecting a pod's traffic takes NET_ADMIN in its init container: label the "
            f"namespace {ENFORCE}=privileged, or let a CNI plugin redirect (`istio_cni`).",
            judge=_admitted,
            when=When.ALWAYS,
            files=True,
        ),
    ),
)
