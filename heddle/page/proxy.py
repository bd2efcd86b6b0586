"""*Proxy*: what one is to hold, has accepted and holds, side by side with what differs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from heddle.page.certificates import Certificate
from heddle.proxies.comparison import Agreement, Compared
from heddle.proxies.dump import KINDS
from heddle.show import as_yaml

MOST = 500
"""So many resources are listed, what differs first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyView:
    """One proxy. `silence` says why it could not be asked itself, if it could not."""

    namespace: str
    name: str
    role: str
    rows: Sequence[Compared]
    total: int
    counts: Mapping[Agreement, int]
    not_accepted: int
    silence: str = ""
    certificates: Sequence[Certificate] = ()

    @property
    def proxy_id(self) -> str:
        """`pod.namespace`, as commands take it."""
        return f"{self.name}.{self.namespace}"

    @property
    def more(self) -> int:
        """So many resources are not listed."""
        return self.total - len(self.rows)

    @property
    def summary(self) -> str:
        """One sentence, for people who do not see the colours."""
        parts = [f"{self.counts[each]} {each}" for each in Agreement if self.counts[each]]
        late = f" {self.not_accepted} not accepted yet." if self.not_accepted else ""
        return f"{self.total} resources: {', '.join(parts) or 'none'}.{late}"


class Side(StrEnum):
    """In which of two texts a line stands."""

    BOTH = "both"
    DESIRED = "desired"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of two texts that were laid over each other."""

    side: Side
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceView:
    """One resource of a proxy: both contents, laid over each other."""

    proxy_id: str
    compared: Compared
    lines: Sequence[Line]


def proxy_view(
    *,
    namespace: str,
    name: str,
    is_gateway: bool,
    compared: Sequence[Compared],
    silence: str = "",
    certificates: Sequence[Certificate] = (),
) -> ProxyView:
    """What needs a hand comes first."""
    rows = sorted(compared, key=_need)
    return ProxyView(
        namespace=namespace,
        name=name,
        role="gateway" if is_gateway else "sidecar",
        rows=rows[:MOST],
        total=len(rows),
        counts={each: sum(row.agreement is each for row in rows) for each in Agreement},
        not_accepted=sum(not row.accepted and row.desired is not None for row in rows),
        silence=silence,
        certificates=certificates,
    )


def resource_view(
    proxy_id: str, compared: Iterable[Compared], kind: str, name: str
) -> ResourceView | None:
    """One of the resources; nothing if the proxy neither holds it nor is to."""
    found = next((each for each in compared if (each.kind, each.name) == (kind, name)), None)
    if found is None:
        return None
    if found.agreement in (Agreement.SAME, Agreement.UNKNOWN):
        lines: Sequence[Line] = [Line(side=Side.BOTH, text=text) for text in _text(found.desired)]
    else:
        lines = overlaid(_text(found.desired), _text(found.live))
    return ResourceView(proxy_id=proxy_id, compared=found, lines=lines)


def overlaid(desired: Sequence[str], live: Sequence[str]) -> Sequence[Line]:
    """The lines of both texts, those that they share once."""
    found: list[Line] = []
    matcher = SequenceMatcher(None, desired, live, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found += [Line(side=Side.BOTH, text=text) for text in desired[i1:i2]]
        else:
            found += [Line(side=Side.DESIRED, text=text) for text in desired[i1:i2]]
            found += [Line(side=Side.LIVE, text=text) for text in live[j1:j2]]
    return found


_NEED = (
    Agreement.DIFFERS,
    Agreement.MISSING,
    Agreement.EXTRA,
    Agreement.UNKNOWN,
    Agreement.SAME,
)


def _need(row: Compared) -> tuple[bool, int, int, str]:
    return not row.words, _NEED.index(row.agreement), KINDS.index(row.kind), row.name


def _text(content: Mapping[str, object] | None) -> Sequence[str]:
    """As YAML, the fields by name: who wrote it first does not count."""
    if content is None:
        return ()
    return as_yaml({name: _steady(content[name]) for name in sorted(content)}).splitlines()


def _steady(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _steady(value[name]) for name in sorted(value)}
    return [_steady(each) for each in value] if isinstance(value, list) else value
