"""*Sync*: how far each proxy has come, type by type, and what it rejects, in Envoy's own words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crds.problem import printable
from heddle.demo.mesh_handle import ProxyState
from heddle.identity import Held
from heddle.page.ages import Now, age
from heddle.proxy_status import proxy_status
from mesh.proxy import Proxy
from xds.status import ClientStatus, TypeStatus
from xds.types import PUSH_ORDER, short_name

COLUMNS = tuple(short_name(type_url).upper() for type_url in PUSH_ORDER)
"""The types, in the order in which they are pushed."""


class State(StrEnum):
    """Where one type of a proxy stands, in the words of `istioctl proxy-status`."""

    SYNCED = "SYNCED"
    STALE = "STALE"
    REJECTED = "REJECTED"
    NOT_SENT = "NOT SENT"
    NOT_ASKED = "NOT ASKED"
    """The proxy has not asked for the type: it needs nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One type of one proxy. `sent` and `acked` are generations; -1 is none yet. `age` is how long
    it has not had all that there is, in `STALE` and `NOT_SENT`.
    """

    column: str
    state: State
    sent: int = -1
    acked: int = -1
    age: str = ""

    @property
    def detail(self) -> str:
        """The generations in few words."""
        if self.sent < 0:
            return ""
        taken = str(self.acked) if self.acked >= 0 else "none"
        return taken if self.acked >= self.sent else f"{taken} of {self.sent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """What a proxy does not take: a resource, or several while it is sought which of them it is;
    Envoy's words whole; and how long ago. `mended`: it has taken a later version since.
    `everyone`: it was never sent to this proxy, since others of its release rejected it.
    """

    column: str
    resource: str
    words: str
    age: str
    mended: bool = False
    everyone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One proxy. `age` is how long it has been connected."""

    namespace: str
    name: str
    role: str
    overall: ProxyState
    cells: Sequence[Cell]
    rejections: Sequence[Rejection] = ()
    acknowledged: int = -1
    age: str = ""
    peer: str = ""

    @property
    def proxy_id(self) -> str:
        """`pod.namespace`, as commands take it."""
        return f"{self.name}.{self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncView:
    """All of it; `rows` are those that the filter leaves, `total` how many there are."""

    generation: int
    rows: Sequence[Row]
    total: int
    counts: Mapping[ProxyState, int]
    wanted: str = ""
    only: str = ""

    @property
    def summary(self) -> str:
        """One sentence, for people who do not see the colours."""
        if not self.total:
            return "No pod has a proxy."
        parts = [f"{self.counts[each]} {each}" for each in ProxyState if self.counts[each]]
        noun = "proxy" if self.total == 1 else "proxies"
        return f"{self.total} {noun}: {', '.join(parts)}. Configuration {self.generation}."


def sync_view(
    proxies: Iterable[Proxy],
    clients: Mapping[str, ClientStatus],
    generation: int,
    now: Now,
    *,
    wanted: str = "",
    only: str = "",
) -> SyncView:
    """`clients` are the connected ones by `namespace/name` of their pods, `generation` the newest
    configuration. `wanted` is a part of a name, `only` a state (an `ProxyState`): the filter.
    """
    rows = [_row(each, clients, generation, now) for each in proxies]
    text = wanted.strip().lower()
    shown = [
        row
        for row in rows
        if text in f"{row.namespace}/{row.name} {row.proxy_id}".lower()
        and only in ("", row.overall)
    ]
    return SyncView(
        generation=generation,
        rows=sorted(shown, key=_by_need),
        total=len(rows),
        counts={each: sum(row.overall is each for row in rows) for each in ProxyState},
        wanted=wanted,
        only=only,
    )


def connected(clients: Iterable[ClientStatus]) -> Mapping[str, ClientStatus]:
    """The clients of pods, by `namespace/name`; of a pod with several streams the newest."""
    found: dict[str, ClientStatus] = {}
    for client in clients:
        if isinstance(client.key, Held):
            found["/".join(client.key.pod)] = client
    return found


_NEED = (ProxyState.REJECTED, ProxyState.DISCONNECTED, ProxyState.BEHIND, ProxyState.SYNCED)


def _by_need(row: Row) -> tuple[int, str, str]:
    """What is wrong comes first."""
    return _NEED.index(row.overall), row.namespace, row.name


def _row(proxy: Proxy, clients: Mapping[str, ClientStatus], generation: int, now: Now) -> Row:
    pod = f"{proxy.namespace}/{proxy.name}"
    standing = proxy_status(pod, proxy.mode.value, clients, generation)
    client = clients.get(pod)
    types = client.types if client else {}
    return Row(
        namespace=proxy.namespace,
        name=proxy.name,
        role="gateway" if proxy.is_gateway else "sidecar",
        overall=standing.state,
        cells=[_cell(type_url, types.get(type_url), now) for type_url in PUSH_ORDER],
        rejections=[
            each for url in PUSH_ORDER if url in types for each in _rejections(url, types[url], now)
        ],
        acknowledged=standing.acknowledged,
        age=age(now.wall - client.since) if client else "",
        peer=printable(client.peer) if client else "",
    )


def _cell(type_url: str, status: TypeStatus | None, now: Now) -> Cell:
    column = short_name(type_url).upper()
    if status is None:
        return Cell(column=column, state=State.NOT_ASKED)
    state = _state(status)
    since = status.behind_since if state in (State.STALE, State.NOT_SENT) else None
    return Cell(
        column=column,
        state=state,
        sent=status.sent,
        acked=status.acked,
        age="" if since is None else age(now.steady - since),
    )


def _state(status: TypeStatus) -> State:
    if status.rejected:
        return State.REJECTED
    if status.settled:
        return State.SYNCED
    return State.NOT_SENT if status.sent < 0 else State.STALE


def _rejections(type_url: str, status: TypeStatus, now: Now) -> Iterator[Rejection]:
    column, nack = short_name(type_url).upper(), status.nack
    ago = age(now.steady - nack.at) if nack else ""
    for each in status.quarantined:
        yield Rejection(
            column=column,
            resource=printable(each.name),
            words=printable(each.message),
            age="" if each.everyone else ago,
            everyone=each.everyone,
        )
    if nack is not None and not status.quarantined:
        names = ", ".join(printable(name) for name in nack.names[:_NAMED])
        more = f" and {len(nack.names) - _NAMED} more" if len(nack.names) > _NAMED else ""
        yield Rejection(
            column=column,
            resource=names + more,
            words=printable(nack.message),
            age=ago,
            mended=not status.rejected,
        )


_NAMED = 8
"""So many resources of a rejected response are named."""
