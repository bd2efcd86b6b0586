"""The answer to a change of a mesh object: what `heddle analyze` says of it.

What an object refers to may come later, or be on its way out: that never keeps it out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from crds.decode import Decoded, decode
from crds.kinds import Object
from crds.meta import Key
from crds.problem import Problem, Severity
from crds.unsupported import ISTIO_KINDS
from webhook import raw
from webhook.review import Answer, Review, answer

References = Callable[[Key, Object], Iterable[Problem]]
"""What is wrong with an object among all others, were it as it is now."""

Coded = Callable[[Problem], Problem]
"""A problem under another code."""

_OPERATIONS = ("CREATE", "UPDATE")


def nowhere(key: Key, item: Object) -> Iterable[Problem]:
    """The references of a control plane that knows of no other objects."""
    del key, item
    return ()


def unchanged(problem: Problem) -> Problem:
    """The problem as it is."""
    return problem


def admit_object(
    asked: Review, references: References = nowhere, coded: Coded = unchanged
) -> Answer:
    """Refuses an object that is wrong in itself; what is wrong with its references is a warning.
    `coded` puts problems of the object itself under the codes that users know.

    Deletions, subresources and kinds that are not the mesh's are let through, and so is a change
    that leaves alone what is wrong: an object that is older than its check can still lose a
    finalizer or a label.
    """
    ours = (asked.group, asked.kind) in ISTIO_KINDS
    if not ours or asked.operation not in _OPERATIONS or asked.subresource:
        return answer("ignored", ())
    item = _named(asked.new or {}, asked)
    decoded = decode(item)
    problems = tuple(map(coded, decoded.problems))
    if _is_leaving(item) or (asked.old is not None and _same(item, asked.old)):
        problems = tuple(map(_warned, problems))
    return answer("allowed", (*problems, *_referring(decoded, references)))


def _referring(decoded: Decoded, references: References) -> Iterable[Problem]:
    if decoded.key is None or decoded.object is None:
        return ()
    return map(_warned, references(decoded.key, decoded.object))


def _warned(problem: Problem) -> Problem:
    return replace(problem, severity=Severity.WARNING)


def _is_leaving(item: Mapping[str, object]) -> bool:
    return raw.metadata(item).get("deletionTimestamp") is not None


def _same(item: Mapping[str, object], old: Mapping[str, object]) -> bool:
    """Whether nothing that could be wrong is another than before."""
    return item.get("spec") == old.get("spec") and item.get("apiVersion") == old.get("apiVersion")


def _named(item: Mapping[str, object], asked: Review) -> Mapping[str, object]:
    """The object with the name that it is going to have, as far as that is known."""
    metadata = raw.metadata(item)
    prefix = raw.text(metadata.get("generateName")).rstrip("-.")
    name = raw.text(metadata.get("name")) or asked.name or prefix
    namespace = raw.text(metadata.get("namespace")) or asked.namespace
    given = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {**item, "metadata": {**metadata, **given}}
