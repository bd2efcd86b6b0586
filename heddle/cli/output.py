"""How commands print: a table for people, JSON or YAML for programs.

What is printed may be the words of proxies and of users: in a table nothing of it steers the
terminal.
"""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from heddle.columns import aligned
from heddle.plain_yaml import plain_yaml


class Form(StrEnum):
    """How a command prints."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


OutputOption = Annotated[Form, typer.Option("-o", "--output", help="table, json or yaml")]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its headings, also if it has no row."""
    return "".join(f"{line}\n" for line in aligned([headings, *rows]))


def document(form: Form, value: object) -> str:
    """Plain values (as JSON has them) as JSON, or as YAML in any other form."""
    if form is Form.JSON:
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return plain_yaml(value)
