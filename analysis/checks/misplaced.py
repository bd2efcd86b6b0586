"""Annotations and labels for pods that stand on what makes the pods, where nobody reads them
(IST0107): they belong into its template.
"""

from collections.abc import Iterator, Mapping

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.meta import Annotation, Key, Label

_KINDS = ("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet")
_DOMAINS = ("sidecar.istio.io", "proxy.istio.io", "inject.istio.io")
_LABELS = frozenset({Label.INJECT, Label.REVISION})


def _run(facts: Facts) -> Iterator[Message]:
    for kind in _KINDS:
        for key, raw in facts.unread(kind):
            own = _mapping(raw.get("metadata"))
            template = _mapping(_mapping(_mapping(raw.get("spec")).get("template")).get("metadata"))
            for field in ("annotations", "labels"):
                yield from _misplaced(key, field, own, template)


def _misplaced(
    key: Key, field: str, own: Mapping[str, object], template: Mapping[str, object]
) -> Iterator[Message]:
    there = _mapping(template.get(field))
    for name, value in _mapping(own.get(field)).items():
        if name not in there and _is_for_pods(name, field):
            yield finding(
                codes.MISPLACED_ANNOTATION,
                key,
                f'metadata.{field}["{name}"]',
                f"stands on the {key.kind}, and only those of its pods are read",
                value=value,
                remedy=f"Move it to spec.template.metadata.{field}.",
            )


def _is_for_pods(name: str, field: str) -> bool:
    if field == "labels":
        return name in _LABELS
    domain = name.partition("/")[0]
    return name != Annotation.STATUS and any(
        domain == each or domain.endswith(f".{each}") for each in _DOMAINS
    )


def _mapping(value: object) -> Mapping[str, object]:
    """What it is in any object that is well formed."""
    return value if isinstance(value, Mapping) else {}


MISPLACED = Analyzer(
    name="misplaced",
    summary="Annotations and labels for pods that do not stand in their template.",
    codes=(codes.MISPLACED_ANNOTATION,),
    run=_run,
)
