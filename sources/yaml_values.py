"""One YAML document to JSON-like values, as Kubernetes reads it, and safe with hostile input.

Built from libyaml's events with a stack of our own. PyYAML's composer recurses in C (a line of
100,000 `- ` crashes the process), its constructor takes the last of two equal keys in silence and
makes dates of timestamps. Scalars follow YAML 1.1 as go-yaml reads it, since Kubernetes does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yaml import CSafeLoader
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from crds.size import MAX_DEPTH, MAX_VALUES

MAX_CHARS = 1 << 20
MAX_INTEGER_CHARS = 24
_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
NO_KEY = object()
"""What `Frame.key` is between a value and the next key."""

_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_CONSTANTS: Mapping[str, object] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NULL),
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
    **{
        sign + text: float(sign + "inf")
        for sign in ("", "+", "-")
        for text in (".inf", ".Inf", ".INF")
    },
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|0[xX](?P<hex>[0-9a-fA-F]+)|(?P<dec>0|[1-9][0-9]*))",
    re.ASCII,
)
_FLOAT = re.compile(r"[-+]?(?:[0-9]*\.)?[0-9]+(?:\.(?![0-9.]))?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASES = {"bin": 2, "oct": 8, "hex": 16, "dec": 10}


@dataclass(slots=True)
class Fault(Exception):
    """Why a text is not one usable document; `line` counts from 0 within the text."""

    code: str
    message: str
    line: int = 0


def parse(text: str) -> object:
    """The value of a text with one document; an empty one is None. Raises only `Fault`."""
    if len(text) > MAX_CHARS:
        raise Fault("too-large", f"a document may have {MAX_CHARS} characters: split it")
    try:
        return Builder().build(text)
    except MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        raise Fault("bad-yaml", _told(failure), mark.line if mark else 0) from failure
    except (YAMLError, UnicodeEncodeError) as failure:
        raise Fault("bad-yaml", str(failure).splitlines()[0]) from failure


def _told(failure: MarkedYAMLError) -> str:
    parts = [part for part in (failure.context, failure.problem) if part]
    return "is no YAML: " + ", ".join(parts)


@dataclass(slots=True)
class Frame:
    """A list or mapping that is being filled."""

    value: list[object] | dict[str, object]
    anchor: str | None
    count_before: int
    key: object = NO_KEY
    merges: list[Mapping[str, object]] = field(default_factory=list)


class Builder:
    """Takes events in, has one value in the end; `stack` is what is being filled."""

    def __init__(self) -> None:
        self.stack: list[Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._count = 0
        self._documents = 0
        self._result: object = None

    def build(self, text: str) -> object:
        """The value of a text; raises `Fault`, and the errors of libyaml."""
        parser = CSafeLoader(text)
        event = parser.get_event()
        while event is not None and not isinstance(event, StreamEndEvent):
            self.take(event)
            event = parser.get_event()
        return self._result

    def take(self, event: Event) -> None:
        """One event."""
        match event:
            case ScalarEvent():
                self._add(_scalar(event), event, event.anchor)
            case MappingStartEvent():
                self._open({}, event, event.anchor)
            case SequenceStartEvent():
                self._open([], event, event.anchor)
            case MappingEndEvent() | SequenceEndEvent():
                self._close(event)
            case AliasEvent():
                self._repeat(event)
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise Fault("bad-yaml", "documents must be separated by `---`", line_of(event))

    def _open(
        self,
        value: list[object] | dict[str, object],
        event: MappingStartEvent | SequenceStartEvent,
        anchor: str | None,
    ) -> None:
        if event.tag not in (None, "!", _TAG + "map", _TAG + "seq"):
            raise Fault("bad-tag", f"tags such as {event.tag[:40]} are not allowed", line_of(event))
        if len(self.stack) >= MAX_DEPTH:
            raise Fault("too-deep", f"is nested more than {MAX_DEPTH} levels", line_of(event))
        self._spend(1, event)
        self.stack.append(Frame(value, anchor, self._count))

    def _close(self, event: Event) -> None:
        frame = self.stack.pop()
        if isinstance(frame.value, dict):
            for merged in frame.merges:
                for name, value in merged.items():
                    frame.value.setdefault(name, value)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, self._count - frame.count_before)
        self._put(frame.value, event)

    def _repeat(self, event: AliasEvent) -> None:
        name = event.anchor or ""
        found = self._anchors.get(name)
        if found is None:
            message = f"alias *{name[:40]} refers to nothing before it"
            raise Fault("bad-alias", message, line_of(event))
        self._spend(found[1], event)
        self._add(found[0], event, None)

    def _add(self, value: object, event: Event, anchor: str | None) -> None:
        self._spend(1, event)
        if anchor:
            self._anchors[anchor] = (value, 1)
        self._put(value, event)

    def _put(self, value: object, event: Event) -> None:
        if not self.stack:
            self._result = value
            return
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.key is NO_KEY:
            frame.key = _key(value, event)
            if frame.key in frame.value:
                message = f"the key `{str(frame.key)[:80]}` is given twice: keep one"
                raise Fault("duplicate-key", message, line_of(event))
        else:
            name, frame.key = frame.key, NO_KEY
            if name == _MERGE:
                frame.merges.extend(_merged(value, event))
            else:
                frame.value[str(name)] = value

    def _spend(self, count: int, event: Event) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            message = f"a document may hold {MAX_VALUES} values, repeats by aliases included"
            raise Fault("too-many-values", message, line_of(event))


def _merged(value: object, event: Event) -> list[Mapping[str, object]]:
    mappings = value if isinstance(value, list) else [value]
    found: list[Mapping[str, object]] = [each for each in mappings if isinstance(each, dict)]
    if len(found) < len(mappings):
        raise Fault("bad-merge", "`<<` takes a mapping or a list of them", line_of(event))
    return found


def _key(value: object, event: Event) -> str:
    """Keys are strings in JSON; Kubernetes writes numbers and booleans out."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise Fault("bad-key", "a key must be a plain name: put it in quotes", line_of(event))


def _scalar(event: ScalarEvent) -> object:
    if event.tag in (None, "!"):
        return _plain(event.value) if event.implicit[0] else event.value
    kind = event.tag.removeprefix(_TAG)
    if kind == "str":
        return event.value
    if kind in ("int", "float", "bool", "null"):
        return _plain(event.value)
    raise Fault("bad-tag", f"tags such as {event.tag[:40]} are not allowed", line_of(event))


def _plain(text: str) -> object:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "0123456789+-.":
        return text
    digits = text.replace("_", "") if text[-1] != "_" else text
    number = _INTEGER.fullmatch(digits)
    if number and len(digits) <= MAX_INTEGER_CHARS and number.lastgroup:
        value = int(number[number.lastgroup], _BASES[number.lastgroup])
        return -value if number["sign"] == "-" else value
    return float(digits) if _FLOAT.fullmatch(digits) else text


def line_of(event: Event) -> int:
    """Where it starts, from 0."""
    return event.start_mark.line if event.start_mark else 0
