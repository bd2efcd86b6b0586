"""The pages of docs/analysis: one for each code, from the table and the mistakes of tests/mistakes.

An example of a page is a mistake as a test has it, and what is told of it is what is found now.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from analysis.analyzers import ANALYZERS
from analysis.code import Code
from analysis.codes import CODES
from analysis.message import Message
from analysis.problems import TOLD
from tests.mistakes.test_mistakes import HERE, MARK, MISTAKES, RUNNING, expected, messages

INDEX = "README.md"
_MOST = 2
"""Examples on a page."""


def emitted() -> frozenset[str]:
    """The codes that anything may be told under."""
    codes = {code for each in ANALYZERS for code in each.codes} | TOLD
    return frozenset(code.id for code in codes)


@cache
def examples() -> Mapping[str, tuple[str, ...]]:
    """The names of the mistakes by code: those that are nothing else first."""
    found: dict[str, list[str]] = {}
    for name in sorted(MISTAKES, key=lambda each: (len(expected(each)), each)):
        for code in sorted({each.code for each in expected(name)}):
            found.setdefault(code, []).append(name)
    return {code: tuple(names) for code, names in found.items()}


def pages() -> Mapping[str, str]:
    """All pages, by the name of the file."""
    made = {f"{code.id}.md": page(code) for code in CODES.values()}
    return {INDEX: index(), **made}


def index() -> str:
    """The list of all codes."""
    lines = [
        "# Codes",
        "",
        "What `heddle analyze` ([how to use it](../analysis.md)) may find, each on a page of its "
        "own with an example: the mistakes of [tests/mistakes](../../tests/mistakes), in the shop "
        "of [shop.yaml](../../tests/mistakes/shop.yaml). Codes with IST are Istio's and mean there "
        "what they mean here; those with HED are ours. Made from `analysis/` and "
        "`tests/mistakes/`; do not edit it by hand.",
        "",
        "| Code | Level | Name | |",
        "|---|---|---|---|",
    ]
    for code in CODES.values():
        link = f"[{code.id}]({code.id}.md)"
        lines.append(f"| {link} | {code.severity.value} | {code.name} | {code.summary} |")
    return "\n".join(lines) + "\n"


def page(code: Code) -> str:
    """The page of one code."""
    istio = f" [Istio's page]({code.url})" if code.is_istio else ""
    lines = [
        f"# {code.id}: {code.name}",
        "",
        f"{code.summary}",
        "",
        f"Usually told as: {code.severity.value}.{istio}",
        "",
        f"What to do: {code.remedy}",
    ]
    for name in examples().get(code.id, ())[:_MOST]:
        lines += ["", *_example(code, name)]
    return "\n".join(lines) + "\n"


def _example(code: Code, name: str) -> Iterator[str]:
    folder = HERE / name
    yield f"## Example: {name.removeprefix(RUNNING).replace('-', ' ')}"
    yield ""
    yield "```yaml"
    yield from (MARK.sub("", line) for line in (folder / "mesh.yaml").read_text().splitlines())
    yield "```"
    yield ""
    yield "What is told of it:"
    yield ""
    yield "```"
    for message in told(code, name):
        yield str(message).replace(f"{folder}/", "")
        yield f"    {message.remedy}"
    yield "```"
    yield ""
    yield "Mended:"
    yield ""
    yield "```yaml"
    yield from (folder / "good.yaml").read_text().splitlines()
    yield "```"


def told(code: Code, name: str) -> Iterator[Message]:
    """What is found of a mistake under a code."""
    return (m for m in messages(HERE / name / "mesh.yaml") if m.code is code)
