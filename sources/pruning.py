"""What is kept of an object of the API server: only what is read, before anything is held.

Most of a Pod is of no concern to a mesh. Of a Secret only what may be a certificate or its key is
kept, and one that has neither is not kept at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crds.fields_read import only, shape
from crds.kinds import Kind
from crds.meta import Annotation, Key, Label

Raw = Mapping[str, object]

_META = ("name", "namespace", "creationTimestamp", "deletionTimestamp", "uid", "generation")
_OURS = "istio.io"
"""The domain of all annotations that are read, but for one. Others can be as long as the object
itself.
"""
ROOM = 50_000
"""Strings that are kept to be found again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """An object with `version`, its `metadata.resourceVersion`. Without `raw` it is of no use."""

    key: Key
    version: str
    raw: Raw | None = field(repr=False)


class Strings:
    """Equal strings as one: labels are the same on thousands of pods."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._known: dict[str, str] = {}

    def one(self, text: object) -> object:
        """The string that was given first."""
        if not isinstance(text, str):
            return text
        if len(self._known) >= self._room:
            self._known.clear()
        return self._known.setdefault(text, text)


class Pruning:
    """What is kept of the objects of one kind."""

    def __init__(self, group: str, name: str, kind: Kind | None, *, revision: str = "") -> None:
        """Without a `kind` it is one that nobody reads: that there are objects, and what their
        status says, is all that is kept. `revision` is ours: objects of Istio's kinds that name
        another one are somebody else's (istio-api.md E-10). Without it all are read.
        """
        self._group = group
        self._name = name
        self._kind = kind
        self._in_part = kind is not None and kind.partial
        self._revision = "" if self._in_part else revision
        self._shape = shape(kind.type) if kind is not None and kind.partial else {}
        self._is_secret = kind is not None and kind.secret
        self._strings = Strings()
        self._version = ""

    def at(self, version: str) -> None:
        """They are served at this version of the API; in a list, they do not say so."""
        self._version = version

    def __call__(self, item: Raw) -> Pruned | None:
        """The object; nothing for what has no name."""
        given = item.get("metadata")
        meta = given if isinstance(given, Mapping) else {}
        name, namespace = meta.get("name"), meta.get("namespace", "")
        if not isinstance(name, str) or not isinstance(namespace, str) or not name:
            return None
        key = Key(self._group, self._name, str(self._strings.one(namespace)), name)
        seen = meta.get("resourceVersion")
        return Pruned(
            key=key,
            version=seen if isinstance(seen, str) else "",
            raw=self._raw(item, meta),
        )

    def _raw(self, item: Raw, meta: Raw) -> Raw | None:
        if self._revision and _revision(meta) not in ("", self._revision):
            return None
        fields = self._fields(item)
        if self._is_secret and not fields.get("data"):
            return None
        api_version = f"{self._group}/{self._version}".removeprefix("/")
        head = {"apiVersion": api_version, "kind": self._name, "metadata": self._meta(meta)}
        return {**head, **fields}

    def _fields(self, item: Raw) -> Raw:
        if self._kind is None:
            return {"status": item["status"]} if "status" in item else {}
        return self._partial(item, self._kind.sections) if self._kind.partial else _whole(item)

    def _partial(self, item: Raw, sections: Iterable[str]) -> Raw:
        found: dict[str, object] = {}
        for section in sections:
            if section == "":
                kept = only(item, self._shape)
                found.update(kept if isinstance(kept, Mapping) else {})
            elif section in item:
                found[section] = only(item[section], self._shape)
        return found

    def _meta(self, meta: Raw) -> Raw:
        # Who writes the status of ours names the version that it was worked out from.
        wanted = _META if self._in_part else (*_META, "resourceVersion")
        kept = {name: meta[name] for name in wanted if name in meta}
        if isinstance(labels := meta.get("labels"), Mapping):
            kept["labels"] = self._same(labels)
        annotations = meta.get("annotations")
        if isinstance(annotations, Mapping) and not self._is_secret:
            ours = {name: text for name, text in annotations.items() if _is_ours(name)}
            if ours:
                kept["annotations"] = self._same(ours)
        return kept

    def _same(self, pairs: Mapping[object, object]) -> Mapping[object, object]:
        one = self._strings.one
        return {one(name): one(value) for name, value in pairs.items()}


def _whole(item: Raw) -> Raw:
    """All that the user wrote, for a field without an effect is told of; and its status."""
    skipped = ("apiVersion", "kind", "metadata")
    return {name: value for name, value in item.items() if name not in skipped}


def _revision(meta: Raw) -> str:
    labels = meta.get("labels")
    found = labels.get(Label.REVISION) if isinstance(labels, Mapping) else None
    return found if isinstance(found, str) else ""


def _is_ours(name: object) -> bool:
    domain = name.partition("/")[0] if isinstance(name, str) else ""
    return domain == _OURS or domain.endswith(f".{_OURS}") or name == Annotation.DNS_CAPTURE
