"""A graph as cytoscape takes it: nodes with their places, and edges. Three columns: who calls, the
services, and the workloads that answer.
"""

from collections.abc import Iterator, Mapping, Sequence

from heddle.page.graph import GraphView, Share, Workload
from heddle.page.who import May

ACROSS, DOWN = 380, 64
"""Between columns and rows, in the graph's own pixels."""
LETTER, LINE = 7, 17
"""The size of text there: what draws it cannot tell before it has."""
MOST_CALLS = 120
"""Lines; see `_calls`."""

Element = Mapping[str, object]


def elements(view: GraphView) -> Sequence[Element]:
    """All of them, the nodes first."""
    missing = [each for each in view.shares if each.missing]
    answering = sorted({each.to for each in view.shares if not each.missing})
    ends = [*answering, *dict.fromkeys(f"503 {each.to}" for each in missing)]
    known = {each.name: each for each in view.workloads}
    height = max(len(view.workloads), len(view.services), len(ends))
    return [
        *(
            _node(f"from {each.name}", _label(each), "workload", 0, _row(i, view.workloads, height))
            for i, each in enumerate(view.workloads)
        ),
        *(
            _node(host, host, "service", 1, _row(i, view.services, height))
            for i, host in enumerate(view.services)
        ),
        *(
            _node(
                f"to {name}",
                _label(known[name]) if name in known else name,
                "missing" if name.startswith("503 ") else "workload",
                2,
                _row(i, ends, height),
            )
            for i, name in enumerate(ends)
        ),
        *_calls(view),
        *(_share(i, each) for i, each in enumerate(view.shares)),
    ]


def _label(workload: Workload) -> str:
    badges = [f"mTLS {workload.mutual_tls.lower()}", *(["gateway"] if workload.is_gateway else [])]
    return f"{workload.name}\n{', '.join(badges)}"


def _row(index: int, column: Sequence[object], height: int) -> float:
    """Shorter columns stand in the middle."""
    return index + (height - len(column)) / 2


def _node(name: str, label: str, kind: str, column: int, row: float) -> Element:
    lines = label.split("\n")
    size = {"width": 24 + LETTER * max(map(len, lines)), "height": 16 + LINE * len(lines)}
    return {
        "group": "nodes",
        "data": {"id": name, "label": label, "kind": kind, **size},
        "position": {"x": column * ACROSS, "y": row * DOWN},
    }


_KINDS = {May.YES: "call", May.DEPENDS: "depends"}
"""Who may not call has no line."""


def _calls(view: GraphView) -> Iterator[Element]:
    """Of too many lines only those to services that not everybody may call."""
    guarded = {each.service for each in view.calls.values() if each.may is not May.YES}
    every = len(view.calls) <= MOST_CALLS
    for call in view.calls.values():
        if call.may in _KINDS and (every or call.service in guarded):
            yield {
                "group": "edges",
                "data": {
                    "id": f"call {call.caller} {call.service}",
                    "source": f"from {call.caller}",
                    "target": call.service,
                    "label": "",
                    "kind": _KINDS[call.may],
                },
            }


def _share(number: int, share: Share) -> Element:
    percent = f"{share.percent:.0f} %" if share.percent < 100 else ""
    return {
        "group": "edges",
        "data": {
            "id": f"share {number}",
            "source": share.service,
            "target": f"to 503 {share.to}" if share.missing else f"to {share.to}",
            "label": " ".join(part for part in (percent, share.when) if part),
            "kind": "missing" if share.missing else "rule" if share.when else "share",
        },
    }
