"""Who rejected what, beyond the end of a stream: by client, by release of the client, by content.

What a client rejected is kept from that client until it changes. It is kept from all clients of a
release only when two different principals (service accounts, say) have rejected it and no client of
that release is known to have accepted it: so one client, however it behaves, blocks nothing for
others. A new release is a new chance.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final

from envoy.config.core.v3 import base_pb2

from xds.search import Atom, Content

PRINCIPALS_FOR_ALL: Final = 2
"""How many of them must have rejected a content before others of their release are spared it."""
_NAME_LIMIT: Final = 64

Key = tuple[str, Content]
"""A type URL and a content of it."""


def release(node: base_pb2.Node) -> str:
    """The program and the version that a client says it is, shortened: `envoy/1.40.0`."""
    if node.HasField("user_agent_build_version"):
        found = node.user_agent_build_version.version
        version = f"{found.major_number}.{found.minor_number}.{found.patch}"
    else:
        version = node.user_agent_version[:_NAME_LIMIT]
    return f"{node.user_agent_name[:_NAME_LIMIT]}/{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A content was rejected: as part of which atom, and with which words.

    `context` is what the client kept to older contents of at the time, and perhaps rejected this
    for. `everyone`: not by this client, but it is spared it.
    """

    atom: Atom
    words: str
    context: tuple[Content, ...] = ()
    everyone: bool = False


@dataclass(slots=True, kw_only=True)
class _Case:
    """One content and one release."""

    principals: set[Hashable] = field(default_factory=set)
    accepted: bool = False


class Quarantine:
    """The notes of one server. Bounded: those about the clients heard of least lately go first."""

    def __init__(
        self, *, contents: int = 10_000, per_client: int = 256, doubts: int = 100_000
    ) -> None:
        """`contents` bounds all notes, `per_client` those about one client; `doubts` bounds the
        names that clients may run without saying so.
        """
        self._limit = contents
        self._doubts_limit = doubts
        self._per_client = per_client
        self._notes: OrderedDict[tuple[Hashable, str], OrderedDict[Key, Note]] = OrderedDict()
        self._count = 0
        self._cases: OrderedDict[tuple[str, str, Content], _Case] = OrderedDict()
        self._awaited: dict[tuple[str, str], set[Content]] = {}
        self._for_all: dict[str, dict[Key, Note]] = {}
        self._open: dict[str, dict[Record, None]] = {}
        self._doubts: OrderedDict[Hashable, set[tuple[str, str]]] = OrderedDict()
        self._doubts_count = 0

    def record(
        self, client: Hashable, *, release: str = "", principal: Hashable = None
    ) -> "Record":
        """The record of a client's stream. The principal `None` never counts towards all."""
        return Record(self, client, release, principal)

    def __len__(self) -> int:
        """How many notes there are."""
        return self._count

    def concerns(self, client: Hashable, release: str) -> bool:
        """Whether anything may have to be kept from this client."""
        return (client, release) in self._notes or release in self._for_all

    def note(self, client: Hashable, release: str, key: Key) -> Note | None:
        """Why this content is kept from the client; `None` if it is not."""
        mine = self._notes.get((client, release))
        if mine is not None and key in mine:
            return mine[key]
        return self._for_all.get(release, {}).get(key)

    def reject(
        self, client: Hashable, release: str, principal: Hashable, type_url: str, note: Note
    ) -> None:
        """The client rejected an atom."""
        mine = self._notes.setdefault((client, release), OrderedDict())
        self._notes.move_to_end((client, release))
        for content in note.atom.contents:
            self._count += (type_url, content) not in mine
            mine[type_url, content] = note
        while len(mine) > self._per_client:
            mine.popitem(last=False)
            self._count -= 1
        while self._count > self._limit:
            _, oldest = self._notes.popitem(last=False)
            self._count -= len(oldest)
        # A principal's word about what may fail because of something else is not counted.
        alone = len(note.atom.contents) == 1 and not note.atom.removed and not note.context
        if principal is not None and alone:
            self._count_principal(principal, release, type_url, note)

    def _count_principal(
        self, principal: Hashable, release: str, type_url: str, note: Note
    ) -> None:
        content = note.atom.contents[0]
        case = self._case(release, type_url, content)
        if len(case.principals) < PRINCIPALS_FOR_ALL:
            case.principals.add(principal)
        if len(case.principals) == PRINCIPALS_FOR_ALL and not case.accepted:
            open_here = self._open.get(release, {})
            if any(record.runs(type_url, content) for record in open_here):
                self.accept(release, type_url, content)
            else:
                spared = Note(atom=note.atom, words=note.words, everyone=True)
                self._for_all.setdefault(release, {})[type_url, content] = spared

    def _case(self, release: str, type_url: str, content: Content) -> _Case:
        key = (release, type_url, content)
        case = self._cases.get(key)
        if case is None:
            case = self._cases[key] = _Case()
            self._awaited.setdefault((release, type_url), set()).add(content)
            if len(self._cases) > self._limit:
                (release, type_url, content), _ = self._cases.popitem(last=False)
                self._close(release, type_url, content)
        else:
            self._cases.move_to_end(key)
        return case

    def awaited(self, release: str, type_url: str) -> Collection[Content]:
        """Contents that somebody rejected, and that no client of the release has accepted."""
        return self._awaited.get((release, type_url), ())

    def accept(self, release: str, type_url: str, content: Content) -> None:
        """A client of the release runs an awaited content."""
        self._cases[release, type_url, content].accepted = True
        self._close(release, type_url, content)

    def _close(self, release: str, type_url: str, content: Content) -> None:
        """Nobody waits for this any more, and nobody is spared it."""
        awaited = self._awaited.get((release, type_url), set())
        awaited.discard(content)
        if not awaited:
            self._awaited.pop((release, type_url), None)
        self._spare_no_more(release, (type_url, content))

    def _spare_no_more(self, release: str, key: Key) -> None:
        spared = self._for_all.get(release, {})
        if spared.pop(key, None) is None:
            return
        if not spared:
            del self._for_all[release]
        for record in tuple(self._open.get(release, ())):
            record.wake()

    def doubt(self, client: Hashable, type_url: str, names: Iterable[str]) -> None:
        """The client rejected these names with something else, and may run them all the same."""
        found = {(type_url, name) for name in names}
        if not found:
            return
        doubts = self._doubts.setdefault(client, set())
        self._doubts.move_to_end(client)
        self._doubts_count -= len(doubts)
        doubts |= found
        self._doubts_count += len(doubts)
        while self._doubts_count > self._doubts_limit:
            _, oldest = self._doubts.popitem(last=False)
            self._doubts_count -= len(oldest)

    def trust(self, client: Hashable, type_url: str, names: Iterable[str]) -> None:
        """The client has accepted these, or that they are gone."""
        doubts = self._doubts.get(client)
        if doubts is not None:
            self._doubts_count -= len(doubts)
            doubts.difference_update((type_url, name) for name in names)
            self._doubts_count += len(doubts)
            if not doubts:
                del self._doubts[client]

    def doubted(self, client: Hashable, type_url: str) -> frozenset[str]:
        """Names of a type that the client may run without saying so when it comes back."""
        found = self._doubts.get(client, ())
        return frozenset(name for its_type, name in found if its_type == type_url)

    def join(self, record: "Record", release: str) -> None:
        """A stream began."""
        self._open.setdefault(release, {})[record] = None

    def leave(self, record: "Record", release: str) -> None:
        """A stream ended. May be called twice."""
        streams = self._open.get(release, {})
        streams.pop(record, None)
        if not streams:
            self._open.pop(release, None)


class Record:
    """What is known of the client of one stream, and what others know from it."""

    def __init__(
        self, quarantine: Quarantine, client: Hashable, release: str, principal: Hashable
    ) -> None:
        self._quarantine = quarantine
        self._client = client
        self._release = release
        self._principal = principal
        self.runs: Callable[[str, Content], bool] = lambda type_url, content: False
        """Whether the client has accepted a content of a type, as far as its stream knows."""
        self.wake: Callable[[], None] = lambda: None

    def open(self, runs: Callable[[str, Content], bool], wake: Callable[[], None]) -> None:
        """The stream begins. `wake` is called when something is no longer kept from it."""
        self.runs, self.wake = runs, wake
        self._quarantine.join(self, self._release)

    def close(self) -> None:
        """The stream ended. May be called twice."""
        self._quarantine.leave(self, self._release)

    @property
    def concerned(self) -> bool:
        """Whether anything may have to be kept from the client. Cheap: asked with every push."""
        return self._quarantine.concerns(self._client, self._release)

    def note(self, type_url: str, content: Content) -> Note | None:
        """Why a content is kept from the client; `None` if it is not."""
        return self._quarantine.note(self._client, self._release, (type_url, content))

    def reject(self, type_url: str, note: Note) -> None:
        """The client rejected an atom."""
        self._quarantine.reject(self._client, self._release, self._principal, type_url, note)

    def doubt(self, type_url: str, names: Iterable[str]) -> None:
        """The client rejected these names with something else, and may run them all the same."""
        self._quarantine.doubt(self._client, type_url, names)

    def trust(self, type_url: str, names: Iterable[str]) -> None:
        """The client has accepted these, or that they are gone."""
        self._quarantine.trust(self._client, type_url, names)

    def doubted(self, type_url: str) -> frozenset[str]:
        """Names of a type that the client may run without saying so when it comes back."""
        return self._quarantine.doubted(self._client, type_url)

    def awaited(self, type_url: str) -> Collection[Content]:
        """Contents of which it matters whether the client accepts them."""
        return self._quarantine.awaited(self._release, type_url)

    def accept(self, type_url: str, content: Content) -> None:
        """The client runs an awaited content."""
        self._quarantine.accept(self._release, type_url, content)
