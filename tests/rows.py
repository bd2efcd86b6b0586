"""Rows of a list, such as "S-7" or "C1", and the tests that guard them.

A test carries a row in a decorator, in its docstring or at the start of its name (`test_c1_...`);
a golden in its comments. Nothing is imported: the sources are read.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.goldens import cases

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Rows:
    """A list of rows, by the form of their ids."""

    form: re.Pattern[str]
    ids: Set[str]

    @cached_property
    def covered(self) -> Mapping[str, list[str]]:
        """The tests (`file::name`) and goldens (`file`) that carry each id, known or not."""
        found: dict[str, list[str]] = {}
        for where, text in _texts():
            for each in sorted(set(self.form.findall(text))):
                found.setdefault(each, []).append(where)
        return found


def in_order(row: str) -> tuple[str, int]:
    """To sort by: C2 comes before C10."""
    number = re.sub(r"\D", "", row)
    return row.removesuffix(number), int(number)


def _texts() -> Iterator[tuple[str, str]]:
    """Of each test and golden, where it is and what it says about itself."""
    for folder in ("tests", "e2e"):
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for name, text in _told(ast.parse(path.read_text())):
                yield f"{path.relative_to(ROOT)}::{name}", text
    for case in cases("translate"):
        comments = [line for line in case.read_text().splitlines() if line.startswith("#")]
        yield str(case.relative_to(ROOT)), " ".join(comments)


def _told(module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "test_" in node.name[:5]:
            first = node.name.split("_")[1].upper()
            decorators = map(ast.unparse, node.decorator_list)
            yield node.name, " ".join((first, *decorators, ast.get_docstring(node) or ""))
