"""Where in an object a value is, and how a path is written in a problem."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

Path = tuple[Any, str]
"""The path before, and this step: joined only once there is something to report."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_/:@-]{1,100}", re.ASCII)


def root(name: str) -> Path:
    """Where a path starts: `spec`."""
    return (None, name)


def render(path: Path) -> str:
    """`spec.http[0].match`."""
    steps = []
    at: Path | None = path
    while at is not None:
        steps.append(at[1])
        at = at[0]
    return "".join(reversed(steps)).removeprefix(".")


def step(name: object) -> str:
    """A key as a step of a path: `.uri`, `["app.kubernetes.io/name"]`."""
    if isinstance(name, str) and _PLAIN_NAME.fullmatch(name):
        return "." + name
    text = name if isinstance(name, str) else f"a {type(name).__name__}"
    safe = text[:100].encode("utf-8", "backslashreplace").decode("utf-8")
    return f'["{safe}"]'


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that ends a message, or nothing."""
    close = get_close_matches(name[:100], list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""
