"""*Explain*: the way of one call, step by step; the answer is `heddle trace`'s."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heddle.explained.situation import Situation
from heddle.explained.tracing import Called, headers_of, traced


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as it stands in the form; `fault` says why it has no answer."""

    source: str = ""
    url: str = ""
    method: str = "GET"
    headers: str = ""
    fault: str = ""


def explained(situation: Situation, asked: Asked) -> tuple[Asked, Mapping[str, object] | None]:
    """The question, and its answer if it has one. Half a question is none."""
    if not asked.source.strip() or not asked.url.strip():
        return asked, None
    lines = [line for line in asked.headers.splitlines() if line.strip()]
    try:
        called = Called(
            url=asked.url.strip(),
            method=asked.method.strip() or "GET",
            headers=headers_of(lines),
        )
        return asked, traced(situation, asked.source.strip(), called)
    except ValueError as error:
        return replace(asked, fault=f"{error}"), None
