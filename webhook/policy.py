"""Whether a pod gets a sidecar, by Istio's rules, and in words why not."""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.label_selector import LabelSelector
from crds.meta import Annotation, Key, Label
from crds.problem import Problem
from webhook import raw
from webhook.problems import error
from webhook.settings import InjectSettings

SYSTEM_NAMESPACES = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
)
_YES = frozenset({"y", "yes", "true", "on"})
_NO = frozenset({"n", "no", "false", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`skipped` is why the pod gets no sidecar; absent, it gets one, unless there is a problem."""

    skipped: str | None = None
    problems: tuple[Problem, ...] = ()


def decide(
    pod: Mapping[str, object],
    key: Key,
    namespace: Mapping[str, str] | None,
    settings: InjectSettings,
) -> Decision:
    """`namespace` is its labels; its name is in `key`, for the pod may not say it yet. Without them
    the pod is one that the selectors of a MutatingWebhookConfiguration chose: labels that say which
    injector a pod is for are not judged again.
    """
    if raw.spec(pod).get("hostNetwork") is True:
        return Decision(skipped="it uses the host's network")
    if key.namespace in SYSTEM_NAMESPACES:
        return Decision(skipped=f"namespace {key.namespace} belongs to Kubernetes")
    if namespace is not None and namespace.get(Label.INJECTION) == "disabled":
        return Decision(skipped=f"the namespace has the label {Label.INJECTION}=disabled")
    wish = _wish(pod, key)
    if isinstance(wish, Problem):
        return Decision(problems=(wish,))
    if wish is False:
        return Decision(skipped=f"the pod says {Label.INJECT}=false")
    labels = raw.labels(pod)
    if namespace is not None:
        unselected = _unselected(labels, namespace, settings.revision, wish is True)
        if unselected is not None:
            return Decision(skipped=unselected)
    return Decision(skipped=None if wish else _declined(labels, settings))


def _declined(labels: Mapping[str, str], settings: InjectSettings) -> str | None:
    """Why the settings give no sidecar to a pod that does not ask for one itself. As in Istio a
    selector without any term selects nothing.
    """
    if any(each.selects(labels) for each in settings.never if each != LabelSelector()):
        return "the injector's neverInjectSelector selects it"
    if any(each.selects(labels) for each in settings.always if each != LabelSelector()):
        return None
    return None if settings.by_default else "the injector's policy is to inject only who asks"


def _wish(pod: Mapping[str, object], key: Key) -> bool | Problem | None:
    """What the pod says itself: its label, which beats the (old) annotation of the same name."""
    labels, annotations = raw.labels(pod), raw.annotations(pod)
    where = "labels" if Label.INJECT in labels else "annotations"
    value = labels.get(Label.INJECT, annotations.get(Annotation.INJECT, ""))
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    if not value:
        return None
    # Istio takes anything else for a no: a slip of the pen would leave the mesh in silence.
    path = f"metadata.{where}[{Label.INJECT}]"
    return error(key, "bad-annotation", path, "Give true or false.", value)


def _unselected(
    labels: Mapping[str, str], namespace: Mapping[str, str], revision: str, asks: bool
) -> str | None:
    """The namespace's `istio-injection`, then its revision, then the pod's revision and wish."""
    if namespace.get(Label.INJECTION) == "enabled":
        return None
    for subject, rev in (
        ("namespace", namespace.get(Label.REVISION)),
        ("pod", labels.get(Label.REVISION)),
    ):
        if rev is not None:
            mine = rev == revision
            return None if mine else f"the {subject} belongs to revision {rev!r}"
    if asks:
        return None
    return f"neither {Label.INJECTION}=enabled on the namespace nor {Label.INJECT}=true on the pod"
