"""A namespace whose labels say two things about injection."""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.core import Namespace
from crds.meta import Label


def _run(facts: Facts) -> Iterator[Message]:
    for key, namespace in facts.subjects(Namespace):
        labels = namespace.meta.labels
        if Label.INJECTION in labels and Label.REVISION in labels:
            yield finding(
                codes.NAMESPACE_MULTIPLE_INJECTION_LABELS,
                key,
                f'metadata.labels["{Label.REVISION}"]',
                f"has both {Label.INJECTION}={labels[Label.INJECTION]} and "
                f"{Label.REVISION}={labels[Label.REVISION]}, and only the first counts",
                value=labels[Label.REVISION],
                remedy=f"Remove the label {Label.INJECTION} to be served by that revision.",
            )


INJECTION_LABELS = Analyzer(
    name="injection-labels",
    summary="Namespaces with two labels for injection.",
    codes=(codes.NAMESPACE_MULTIPLE_INJECTION_LABELS,),
    run=_run,
)
