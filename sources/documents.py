"""Text to raw objects: a file is split into documents, a document read, a List unpacked. Pure.

The split is textual, on lines that start with `---`, so that a broken document harms none beside
it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from crds.decode import identify
from crds.meta import Key
from crds.problem import Problem, error
from crds.size import excess
from sources.yaml_values import MAX_CHARS, Fault, parse

_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_MEANT = re.compile(r"^(?!---[ \t\r]*(?:#.*)?$|%)[ \t]*[^\s#]", re.MULTILINE)
_MAX_NESTED_LISTS = 5
_TEMPLATE = "{{"
_RENDER = "if it is a template, render it first, for example with `helm template`"


@dataclass(frozen=True, slots=True)
class Document:
    """A part of a file: its number, the line that its text starts on, that of its first content.

    All count from 1.
    """

    text: str
    number: int
    line: int
    first_line: int


@dataclass(frozen=True, slots=True)
class Unread:
    """Something in a document that is no object; `line` counts from 0 within the document."""

    problem: Problem
    line: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """What a document holds. `broken`: some of it could not be read, so what is missing is not
    deleted.
    """

    objects: tuple[tuple[Key, Mapping[str, object]], ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def broken(self) -> bool:
        """Not all of it could be read."""
        return bool(self.unread)


def split(text: str) -> Iterator[Document]:
    """The documents of a YAML file; those with nothing but blanks and comments are left out."""
    number, line = 0, 1
    for part in pieces(text):
        meant = _MEANT.search(part)
        if meant:
            number += 1
            yield Document(part, number, line, line + part.count("\n", 0, meant.start()))
        line += part.count("\n")


def pieces(text: str) -> Iterator[str]:
    """The same documents, and those with nothing in them: joined, they are the text."""
    starts = [0, *(match.start() for match in _MARKER.finditer(text)), len(text)]
    return (text[start:end] for start, end in pairwise(starts))


def read_yaml(text: str) -> Read:
    """The objects of one YAML document."""
    try:
        return _objects(parse(text))
    except Fault as fault:
        if _TEMPLATE in text:
            fault = replace(fault, message=f"{fault.message}; {_RENDER}")
        return _faulty(fault)


def read_json(text: str) -> Read:
    """The objects of one JSON file."""
    try:
        return _objects(_json(text))
    except Fault as fault:
        return _faulty(fault)


def _json(text: str) -> object:
    if len(text) > MAX_CHARS:
        raise Fault("too-large", f"a document may have {MAX_CHARS} characters: split it")
    if not text.strip():
        return None
    try:
        value = json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError as failure:
        raise Fault("bad-json", f"is no JSON: {failure.msg}", failure.lineno - 1) from failure
    except (ValueError, RecursionError) as failure:
        raise Fault("bad-json", "is nested too deeply or has too long a number") from failure
    if found := excess(value):
        raise Fault(*found)
    return value


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Fault("duplicate-key", f"the key `{twice[:80]}` is given twice: keep one")
    return found


def _faulty(fault: Fault) -> Read:
    return Read(unread=(Unread(error(fault.code, "", fault.message), fault.line),))


def _objects(value: object) -> Read:
    if value is None:
        return Read()
    found: list[tuple[Key, Mapping[str, object]]] = []
    unread: list[Unread] = []
    for path, raw in _unpacked(value, ""):
        identified = identify(raw)
        if identified.key is not None and isinstance(raw, Mapping):
            found.append((identified.key, raw))
        unread.extend(
            Unread(replace(problem, path=(path + problem.path).removesuffix(".")))
            for problem in identified.problems
        )
    return Read(tuple(found), tuple(unread))


def item_path(value: object, key: Key) -> str:
    """Where in a document an object is: `""`, or `items[1].` and the like in a List."""
    return next((path for path, raw in _unpacked(value, "") if identify(raw).key == key), "")


def _unpacked(value: object, path: str, depth: int = 0) -> Iterator[tuple[str, object]]:
    """A List's items, with where they are; anything else is itself."""
    items = value.get("items") if isinstance(value, Mapping) else None
    kind = value.get("kind") if isinstance(value, Mapping) else None
    is_list = isinstance(items, list) and isinstance(kind, str) and kind.endswith("List")
    if not is_list or not isinstance(items, list) or depth >= _MAX_NESTED_LISTS:
        yield path, value
        return
    for index, item in enumerate(items):
        yield from _unpacked(_typed(item, value), f"{path}items[{index}].", depth + 1)


def _typed(item: object, around: object) -> object:
    """An item of a `ServiceList` need not say that it is a Service, as the API server has it."""
    if not isinstance(item, Mapping) or not isinstance(around, Mapping) or "kind" in item:
        return item
    kind = str(around.get("kind")).removesuffix("List")
    return {"apiVersion": around.get("apiVersion"), "kind": kind, **item} if kind else item
