"""All objects of Istio's kinds that are written out in this tree: examples, goldens, tests."""

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml

from crds.kinds import KINDS, NETWORKING, SECURITY

Raw = Mapping[str, object]

_TESTS = ("crds", "features", "golden", "mesh", "translator")
_FOLDERS = ("examples", "e2e", *(f"tests/{name}" for name in _TESTS))


@cache
def corpus(root: Path) -> list[Raw]:
    """Right and wrong ones, as `kubectl` would send them."""
    found: list[Raw] = []
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            for text in _texts(path):
                found += filter(_is_ours, _documents(text))
    return found


def _texts(path: Path) -> Iterator[str]:
    """A file of YAML, or what a program has of it, where nothing is filled in."""
    if path.suffix == ".yaml" and not path.name.endswith(".out.yaml"):
        yield path.read_text()
    elif path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and "apiVersion:" in text:
                yield text


def _documents(text: str) -> list[Raw]:
    try:
        found = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return []  # the text of a test about such text, or with places to fill in
    return [as_json(each) for each in found if isinstance(each, dict)]


def as_json(raw: object) -> Raw:
    """With all names as text: a port may be one."""
    made: Raw = json.loads(json.dumps(raw, default=str))
    return made


def _is_ours(raw: Raw) -> bool:
    match raw:
        case {"apiVersion": str(version), "kind": str(kind)}:
            group = version.partition("/")[0]
            return (group, kind) in KINDS and group in (NETWORKING, SECURITY)
        case _:
            return False
