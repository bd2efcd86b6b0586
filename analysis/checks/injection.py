"""Pods that should have a sidecar and have none (IST0103), and labels that mean nothing."""

from collections.abc import Iterator, Mapping

from analysis import analyzer_codes, istio_codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.pods import pods_of
from analysis.spelling import did_you_mean
from crds.core import Namespace, Pod
from crds.meta import Annotation, Key, Label
from mesh.proxy import is_injected

_ENABLED, _DISABLED = "enabled", "disabled"
_VALUES = (_ENABLED, _DISABLED)


def _run(facts: Facts) -> Iterator[Message]:
    for key, namespace in facts.subjects(Namespace):
        value = namespace.meta.labels.get(Label.INJECTION, _ENABLED)
        if value not in _VALUES:
            yield _meaningless(key, value)
    for key, pod in pods_of(facts.subjects(Pod)):
        if _should_have_one(facts.namespaces, key, pod) and not is_injected(pod):
            yield finding(
                istio_codes.POD_MISSING_PROXY,
                key,
                "",
                f"namespace {key.namespace} is injected, and this pod has no sidecar, so its calls "
                "are in the clear and nobody enforces policies for it",
            )


def _meaningless(key: Key, value: str) -> Message:
    remedy = did_you_mean(value, _VALUES, otherwise="Write enabled or disabled.")
    return finding(
        analyzer_codes.INJECTION_LABEL_VALUE,
        key,
        f'metadata.labels["{Label.INJECTION}"]',
        "means nothing, so no pod of the namespace gets a sidecar",
        value=value,
        remedy=remedy,
    )


def _should_have_one(namespaces: Mapping[str, Namespace], key: Key, pod: Pod) -> bool:
    """Whether its namespace is injected and it does not decide for itself. Where the host's network
    is used none can be.
    """
    labels = namespaces[key.namespace].meta.labels if key.namespace in namespaces else {}
    given = labels.get(Label.INJECTION, _ENABLED if Label.REVISION in labels else "")
    decides = Label.INJECT in pod.meta.labels or Annotation.INJECT in pod.meta.annotations
    return given == _ENABLED and not decides and not pod.host_network


INJECTION = Analyzer(
    name="injection",
    summary="Pods without the sidecar that their namespace promises.",
    codes=(istio_codes.POD_MISSING_PROXY, analyzer_codes.INJECTION_LABEL_VALUE),
    run=_run,
)
