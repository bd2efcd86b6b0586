"""The lines of an object's fields, found when somebody asks: the document is read once more.

Kept is only the document's text, which the folder holds anyway: a document of which nothing is
asked costs nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yaml.error import YAMLError
from yaml.events import Event, MappingEndEvent, SequenceEndEvent

from crds.meta import Key
from sources.documents import item_path
from sources.yaml_values import NO_KEY, Builder, Fault, line_of

_INDEX = re.compile(r"\[(\d+)\]")
_QUOTED = re.compile(r"\[\"([^\"]+)\"\]")
_BLOCK = re.compile(r":[ \t]+\|[-+0-9]*[ \t]*(?:#.*)?$")
"""The end of a line that a text of several lines follows, word for word."""


@dataclass(frozen=True, slots=True)
class DocumentLines:
    """Those of the object `key` in a document; `first` is the line of its file that the text starts
    on. The text may be a Secret's, so it does not show.
    """

    text: str = field(repr=False)
    first: int
    key: Key

    def line(self, path: str) -> int | None:
        """See `crds.meta.Lines`."""
        marked = _marked(self.text)
        if marked is None:
            return None
        found = _found(marked, item_path(marked.value, self.key) + path)
        return None if found is None else self.first + found


@dataclass(frozen=True, slots=True)
class _Marked:
    """A value, and the line of each of its parts: by the list or mapping that the part is in, and
    its index or name there. Lines count from 0 within `text`.
    """

    text: str
    value: object
    lines: Mapping[tuple[int, object], int]


def _marked(text: str) -> _Marked | None:
    builder = _Marking()
    try:
        value = builder.build(text)
    except (Fault, YAMLError, UnicodeEncodeError):
        return None
    return _Marked(text, value, builder.lines)


class _Marking(Builder):
    """Writes down where each part starts."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[tuple[int, object], int] = {}

    def take(self, event: Event) -> None:
        """One event."""
        frame = self.stack[-1] if self.stack else None
        if frame is None or isinstance(event, MappingEndEvent | SequenceEndEvent):
            super().take(event)
            return
        if isinstance(frame.value, list):
            self.lines[id(frame.value), len(frame.value)] = line_of(event)
        between = frame.key is NO_KEY
        super().take(event)
        if between and frame.key is not NO_KEY:
            self.lines[id(frame.value), frame.key] = line_of(event)


def _found(marked: _Marked, path: str) -> int | None:
    """The line of the deepest part of the path that is there."""
    value, line = marked.value, None
    while path:
        step, rest = _step(value, path)
        here = marked.lines.get((id(value), step))
        if here is None:
            break
        line, path = here, rest
        value = _child(value, step)
        if isinstance(value, str) and path:
            return line + _inside(marked.text, line, value, path)
    return line


def _step(value: object, path: str) -> tuple[object, str]:
    """The first step of a path, and the rest of it. A name may have dots, as labels do."""
    if isinstance(value, list) and (index := _INDEX.match(path)):
        return int(index[1]), path[index.end() :].removeprefix(".")
    names = value if isinstance(value, Mapping) else ()
    if (quoted := _QUOTED.match(path)) and quoted[1] in names:
        return quoted[1], path[quoted.end() :].removeprefix(".")
    fitting = [name for name in names if path == name or path.startswith((f"{name}.", f"{name}["))]
    if not fitting:
        return None, ""
    name = max(fitting, key=len)
    return name, path[len(name) :].removeprefix(".")


def _child(value: object, step: object) -> object:
    match value, step:
        case list(), int():
            return value[step]
        case dict(), str():
            return value[step]
    return None


def _inside(text: str, line: int, value: str, path: str) -> int:
    """How far below its key the part of a text is that is YAML itself, as in a ConfigMap."""
    if not _BLOCK.search(text.splitlines()[line]):
        return 0
    marked = _marked(value)
    found = _found(marked, path) if marked is not None else None
    return 0 if found is None else found + 1
