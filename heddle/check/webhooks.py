"""The webhooks: whether they are there, can be trusted by the API server, and answer it."""

from collections.abc import Mapping, Sequence

from crds.meta import Label
from heddle.check.certificates import decoded, worst
from heddle.check.cluster import Cluster, name_of
from heddle.check.selectors import OF_NAMESPACES, OF_PODS, wanted
from heddle.check.verdict import (
    OK,
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
from heddle.injection import DEFAULT_REVISION
from sources.errors import ApiError
from sources.resource import MUTATING_WEBHOOKS, PODS, VALIDATING_WEBHOOKS, Resource
from webhook import raw
from webhook.sidecar import PROXY

_ROUTES = Resource(group="networking.istio.io", plural="virtualservices")
_INVALID, _FORBIDDEN = 422, 403
_SERVER_ERROR = 500


async def _configurations(cluster: Cluster) -> Mapping[str, Raw | None]:
    """Those of our revision, and its tags, by name."""
    wanted = {
        f"heddle-validator{cluster.suffix}": VALIDATING_WEBHOOKS,
        f"heddle-sidecar-injector{cluster.suffix}": MUTATING_WEBHOOKS,
    }
    found = {name: await cluster.find(each.one(name)) for name, each in wanted.items()}
    for each in await cluster.every(MUTATING_WEBHOOKS):
        if name_of(each).endswith(f".{cluster.revision}") and _is_ours(cluster, each):
            found[name_of(each)] = each
    return found


def _is_ours(cluster: Cluster, configuration: Raw) -> bool:
    """Whether it leads to the Service of our revision."""
    services = [_service(each) for each in raw.objects(configuration.get("webhooks"))]
    return (cluster.namespace, cluster.name) in services


def _service(webhook: Raw) -> tuple[str, str]:
    found = raw.mapping(raw.mapping(webhook.get("clientConfig")).get("service"))
    return raw.text(found.get("namespace")), raw.text(found.get("name"))


async def _there(cluster: Cluster) -> Verdict:
    found = await _configurations(cluster)
    bad = [f"there is no {name}" for name, each in found.items() if each is None]
    bad += [
        f"{name} does not lead to Service {cluster.name} of namespace {cluster.namespace}"
        for name, each in found.items()
        if each is not None and not _is_ours(cluster, each)
    ]
    return judged(bad)


async def _trusted(cluster: Cluster) -> Verdict:
    now, bad, odd = cluster.clock(), list[str](), list[str]()
    for name, configuration in (await _configurations(cluster)).items():
        for webhook in raw.objects((configuration or {}).get("webhooks")):
            verdict = worst(read_bundle(webhook), now)
            where = f"{name} ({raw.text(webhook.get('name'))})"
            bad += [f"{where}: {each}" for each in verdict.failures]
            odd += [f"{where}: {each}" for each in verdict.warnings]
    return judged(bad, odd)


def read_bundle(webhook: Raw) -> bytes:
    """Whom the API server trusts there, as PEM; nothing if it is none."""
    return decoded(raw.mapping(webhook.get("clientConfig")).get("caBundle"))


async def _validates(cluster: Cluster) -> Verdict:
    """Shows it an object that no schema refuses."""
    if await cluster.find(VALIDATING_WEBHOOKS.one(f"heddle-validator{cluster.suffix}")) is None:
        return skipped("there is no validator: see webhooks-present")
    path = _ROUTES.collection(cluster.namespace)
    try:
        await cluster.api.rehearse(path, broken_route(cluster.revision))
    except ApiError as error:
        return judge_refusal(error)
    return failed("it let an object in that is wrong: it is not asked, or does not answer")


def broken_route(revision: str) -> Raw:
    """A VirtualService with an expression that is none."""
    match = {"uri": {"regex": "("}}
    http = {"match": [match], "route": [{"destination": {"host": "heddle-check"}}]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "heddle-check", "labels": {Label.REVISION: revision}},
        "spec": {"hosts": ["heddle-check"], "http": [http]},
    }


def judge_refusal(error: ApiError) -> Verdict:
    """What the API server says when a webhook should have refused."""
    if error.status == _INVALID:
        return OK
    if error.status == _FORBIDDEN:
        return skipped("you may not create VirtualServices in its namespace, not even as a trial")
    if error.status is not None and error.status >= _SERVER_ERROR:
        return failed("the API server cannot reach it, or does not trust its certificate")
    return failed(f"it was not asked: {error}")


async def _injects(cluster: Cluster) -> Verdict:
    """Shows it a pod."""
    if (
        await cluster.find(MUTATING_WEBHOOKS.one(f"heddle-sidecar-injector{cluster.suffix}"))
        is None
    ):
        return skipped("there is no injector: see webhooks-present")
    namespace = injected_namespace(await cluster.namespaces(), cluster.revision)
    pod = trial_pod(cluster.revision, labelled=bool(namespace))
    namespace = namespace or "default"
    try:
        made = await cluster.api.rehearse(PODS.collection(namespace), pod)
    except ApiError as error:
        return judge_no_pod(error, namespace)
    if PROXY in {raw.text(each.get("name")) for each in raw.containers(made)}:
        return fine(f"a pod in namespace {namespace} has one, in a trial")
    return failed(f"a pod in namespace {namespace} has none, in a trial: it is not asked")


def injected_namespace(namespaces: Mapping[str, Raw], revision: str) -> str:
    """One whose pods are ours; nothing if there is none."""
    for name, each in sorted(namespaces.items()):
        labels = raw.labels(each)
        if raw.mapping(each.get("status")).get("phase") == "Terminating":
            continue
        by_label = labels.get(Label.INJECTION) == "enabled" and revision == DEFAULT_REVISION
        if by_label or (labels.get(Label.REVISION) == revision and Label.INJECTION not in labels):
            return name
    return ""


def trial_pod(revision: str, *, labelled: bool) -> Raw:
    """A pod that nobody runs. It asks for a sidecar itself where no namespace does."""
    labels = {"app": "heddle-check"}
    if not labelled and revision == DEFAULT_REVISION:
        labels[Label.INJECT] = "true"
    elif not labelled:
        labels[Label.REVISION] = revision
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "heddle-check", "labels": labels},
        "spec": {"containers": [{"name": "app", "image": "heddle-check"}]},
    }


def judge_no_pod(error: ApiError, namespace: str) -> Verdict:
    """What the API server says if there is no pod to look at."""
    if error.status == _FORBIDDEN:
        why = "you may not create pods there, or its Pod Security level or a quota refuses one"
        return skipped(f"namespace {namespace} takes no pod from you, not even as a trial: {why}")
    if error.status is not None and error.status >= _SERVER_ERROR:
        return failed("the API server cannot reach it, or does not trust its certificate")
    return failed(f"the pod was refused: {error}")


async def _alone(cluster: Cluster) -> Verdict:
    return judge_others(await cluster.every(MUTATING_WEBHOOKS), cluster.revision)


def judge_others(configurations: Sequence[Raw], revision: str) -> Verdict:
    """Whether another injector would give the same pods a sidecar."""
    names = [
        f"{name_of(each)} injects the same pods (it is for revision {revision!r}, too)"
        for each in configurations
        if not name_of(each).startswith("heddle-") and revision in _revisions(each)
    ]
    return warning(*names) if names else OK


def _revisions(configuration: Raw) -> set[str]:
    """Whom it injects: by Istio's labels; the default is who names none."""
    both = (OF_NAMESPACES, OF_PODS)
    named = set(wanted(configuration, Label.REVISION, *both))
    by_default = "enabled" in wanted(configuration, Label.INJECTION, *both)
    return named | {DEFAULT_REVISION} if by_default else named


CATEGORY = Category(
    name="webhooks",
    title="The webhooks",
    checks=(
        Check(
            anchor="no-other-injector",
            title="no other injector is for the same pods",
            remedy="Install Heddle as a revision (`--set revision=...`), and move namespaces to it "
            "with istio.io/rev, or remove the other one first. A pod with two sidecars does not "
            "start.",
            judge=_alone,
            when=When.BEFORE,
        ),
        Check(
            anchor="webhooks-present",
            title="the webhooks are there, and lead to the control plane",
            remedy="`helm upgrade` puts them back. Without the injector pods get no sidecar; "
            "without the validator wrong objects are let in, and only their status tells.",
            judge=_there,
        ),
        Check(
            anchor="webhooks-trusted",
            title="the API server trusts the webhooks' certificates",
            remedy="The control plane writes caBundle itself within ten seconds: its log says what "
            "keeps it from that. With cert-manager look at the Certificate; with a Secret of your "
            "own at `webhook.certificate.caBundle`.",
            judge=_trusted,
        ),
        Check(
            anchor="validator-answers",
            title="the validator refuses what is wrong, when the API server asks it",
            remedy="See service-endpoints and webhooks-trusted; then look for a NetworkPolicy or "
            "firewall between the API server and port 15017 of the control plane's pods.",
            judge=_validates,
        ),
        Check(
            anchor="injector-answers",
            title="the injector gives a pod its sidecar, when the API server asks it",
            remedy="See service-endpoints and webhooks-trusted; then look for a NetworkPolicy or "
            "firewall between the API server and port 15017 of the control plane's pods.",
            judge=_injects,
        ),
    ),
)
