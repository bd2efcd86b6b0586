"""docs/compatibility.md: what becomes of each field of Istio's API, from the table that the tests
walk.
"""

from collections.abc import Iterator, Mapping

from crds.compatibility import Answer, Row, kinds, rows
from crds.convert import plan
from crds.mesh_config import NOT_TRANSLATED, NOT_USED, MeshConfig
from crds.unsupported import UNSUPPORTED

_INTRODUCTION = """# Compatibility with Istio's API

Made from `crds/compatibility.py` with `heddle compatibility`; do not edit it by hand.

What becomes of each field: **yes**, it does what Istio's reference says; **no**, with what happens
instead; **differs**, with how. A field that has no effect is reported as a warning when it is set
(`heddle validate`), never ignored in silence; so is a field of another name. Each message is shown
once, where it first occurs.
"""


def compatibility() -> str:
    """The document, as Markdown."""
    sections = (_INTRODUCTION, _overview(), *map(_section, kinds()), _mesh_config(), _other_kinds())
    return "\n".join(sections)


def _overview() -> str:
    lines = ["| Kind | fields | yes | differs | no |", "|---|---|---|---|---|"]
    for kind in kinds():
        every = list(rows(kind))
        counts = [
            sum(r.answer is a for r in every) for a in (Answer.YES, Answer.DIFFERS, Answer.NO)
        ]
        lines.append(f"| {kind.__name__} | {len(every)} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines) + "\n"


def _section(kind: type) -> str:
    lines = [f"## {kind.__name__}", "", "| Field | Works | |", "|---|---|---|"]
    return "\n".join([*lines, *map(_line, rows(kind))]) + "\n"


def _line(row: Row) -> str:
    return f"| `{row.path}` | {row.answer.value} | {row.note} |"


_OWN: Mapping[str, str] = {
    "certificateSource": "Heddle's own: `HEDDLE` (the default), `SPIRE` or `POD_CERTIFICATE`",
}
"""Fields that Istio does not have."""
_IN_PART: Mapping[str, str] = {
    "defaultConfig": "`ISTIO_META_DNS_CAPTURE` of `proxyMetadata`; a warning of all else",
}


def _mesh_config() -> str:
    lines = ["## MeshConfig", "", "| Field | Works | |", "|---|---|---|", *_mesh_fields()]
    return "\n".join(lines) + "\n"


def _mesh_fields() -> Iterator[str]:
    ours = set(plan(MeshConfig).slots) - NOT_USED
    for name in sorted(ours | NOT_USED | NOT_TRANSLATED):
        works = name in ours
        if name in _IN_PART:
            answer, note = Answer.DIFFERS, _IN_PART[name]
        elif works:
            answer, note = Answer.YES, _OWN.get(name, "")
        else:
            answer, note = Answer.NO, "a warning: not translated yet"
        yield f"| `{name}` | {answer.value} | {note} |"


def _other_kinds() -> str:
    lines = [
        "## Other kinds of Istio's",
        "",
        "Not read yet: an object of one of them is reported and has no effect.",
        "",
        *(f"- {group}/{kind}" for group, kind in sorted(UNSUPPORTED)),
    ]
    return "\n".join(lines) + "\n"
