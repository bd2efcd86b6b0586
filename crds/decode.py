"""Raw Kubernetes objects to typed ones: the single decoder. Never raises, whatever it is given.

Unknown fields and fields without an effect yet are warnings: the object works. Anything else that
is
wrong is an error, and the object is not returned: its last good version stays (that is Store's
part).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crds.convert import plan
from crds.convert_scalar import Problems, wrong_type
from crds.fields import EMPTY
from crds.kinds import CLUSTER_SCOPED, KINDS, WORKLOADS, Kind, Object, check
from crds.meta import Key, Meta
from crds.names import MAX_NAME_CHARS, is_object_name
from crds.path import did_you_mean, root
from crds.problem import Problem, Severity, error, warning
from crds.unsupported import unsupported

DEFAULT_NAMESPACE = "default"

_ENVELOPE = frozenset({"apiVersion", "kind", "metadata", "status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """`object` is absent if it is unusable (then a problem is an error) or of a kind that is not
    ours.
    """

    key: Key | None
    object: Object | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Who an object is; `version` is that of its API. Without a `key` the problems say why."""

    key: Key | None
    version: str = ""
    problems: tuple[Problem, ...] = ()


def decode(raw: Mapping[str, object]) -> Decoded:
    """Reads and checks one object."""
    identified = identify(raw)
    key = identified.key
    kind = KINDS.get((key.group, key.kind)) if key else None
    if key is None:
        return Decoded(key=key, object=None, problems=identified.problems)
    if kind is None:
        told = tuple(replace(problem, object=key) for problem in unsupported(key))
        return Decoded(key=key, object=None, problems=told)
    problems: Problems = []
    if identified.version not in kind.versions:
        problems.append(_unserved(key, identified.version, kind))
    item = _object(raw, key, kind, problems)
    if not _errors(problems):
        problems.extend(check(item))
    return Decoded(
        key=key,
        object=None if _errors(problems) else item,
        problems=tuple(_placed(problem, key, kind) for problem in problems),
    )


def _placed(problem: Problem, key: Key, kind: Kind) -> Problem:
    """The problem with its object, and without the value where that must not be shown."""
    value = None if kind.secret else problem.value
    return replace(problem, object=key, value=value)


def identify(raw: object) -> Identified:
    """The key of an object, with nothing else of it read."""
    if not isinstance(raw, Mapping):
        return _unidentified(wrong_type(root(""), "a Kubernetes object", raw))
    api_version, kind = raw.get("apiVersion"), raw.get("kind")
    for name, value in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(value, str) or not value or not _is_plain(value):
            return _unidentified(_no_type(name, value))
    assert isinstance(api_version, str)
    assert isinstance(kind, str)
    group, slash, version = api_version.rpartition("/")
    if "/" in group or (slash and not group):
        message = "must be `version` or `group/version`, such as networking.istio.io/v1"
        return _unidentified(error("bad-api-version", "apiVersion", message, api_version))
    return _named(raw, group, version, kind)


def _named(raw: Mapping[str, object], group: str, version: str, kind: str) -> Identified:
    ours = KINDS.get((group, kind))
    metadata = raw.get("metadata")
    given = metadata if isinstance(metadata, Mapping) else {}
    name, namespace = given.get("name"), given.get("namespace")
    if not isinstance(name, str) or not is_object_name(name):
        meant = ours is not None or (group, kind) in WORKLOADS
        # Anything else may be a tool's own file, such as a Kustomization.
        return (
            _unidentified(_no_name(kind, "metadata.name", name)) if meant else Identified(key=None)
        )
    if not (ours.namespaced if ours else kind not in CLUSTER_SCOPED):
        namespace = ""
    elif namespace is None or namespace == "":
        namespace = DEFAULT_NAMESPACE
    elif not isinstance(namespace, str) or not is_object_name(namespace):
        return _unidentified(_no_name(kind, "metadata.namespace", namespace))
    return Identified(key=Key(group, kind, namespace, name), version=version)


def _object(raw: Mapping[str, object], key: Key, kind: Kind, problems: Problems) -> Object:
    values: dict[str, Any] = {}
    for section in kind.sections:
        given = raw if section == "" else raw.get(section)
        if given is not None:
            fields = plan(kind.type).values(given, root(section), problems, partial=kind.partial)
            values.update(fields)
    if not kind.partial:
        problems.extend(_unknown_top(raw, kind))
    meta = _meta(raw, key, problems)
    if kind.secret:  # an annotation of kubectl's holds the whole object
        meta = replace(meta, annotations=EMPTY)
    return kind.type(meta=meta, **values)


def _meta(raw: Mapping[str, object], key: Key, problems: Problems) -> Meta:
    fields = plan(Meta).values(raw["metadata"], root("metadata"), problems, partial=True)
    return Meta(**{**fields, "name": key.name, "namespace": key.namespace})


def _unknown_top(raw: Mapping[str, object], kind: Kind) -> list[Problem]:
    known = [*_ENVELOPE, *kind.sections]
    return [
        warning(
            "unknown-field",
            str(name)[:MAX_NAME_CHARS],
            "there is no such field, it has no effect" + did_you_mean(str(name), known),
        )
        for name in raw
        if isinstance(name, str) and name not in known
    ]


def _errors(problems: Problems) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= MAX_NAME_CHARS


def _unidentified(problem: Problem) -> Identified:
    return Identified(key=None, problems=(problem,))


def _no_type(name: str, value: object) -> Problem:
    if value is None or value == "":
        message = f"`{name}` is missing: every Kubernetes object has `apiVersion` and `kind`"
    else:
        message = f"`{name}` must be a plain string"
    return error("no-type", name, message, value)


def _no_name(kind: str, path: str, value: object) -> Problem:
    if value is None or value == "":
        return error("no-name", path, f"this {kind} has no name: give it one")
    if isinstance(value, str):
        message = "must be lower case letters, digits, `-` and `.`, at most 253 characters"
        return error("bad-name", path, message, value)
    return wrong_type((root("metadata"), path.removeprefix("metadata")), "a string", value)


def _unserved(key: Key, version: str, kind: Kind) -> Problem:
    served = ", ".join(f"{key.group}/{each}".removeprefix("/") for each in kind.versions)
    given = f"{key.group}/{version}".removeprefix("/")
    return error("unknown-version", "apiVersion", f"{key.kind} is served as {served}", given)
