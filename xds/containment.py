"""What one client rejected of one type: what is still being looked for, and what is kept from it.

A resource that is kept is not removed: the client goes on with the last content that it accepted.
All of an atom is kept until something of it changes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from xds.culprits import atoms, domains, named
from xds.interest import NO_NAMES
from xds.past import Past
from xds.quarantine import Note, Record
from xds.resource import Resource
from xds.search import Atom, Content, Search
from xds.types import LDS, SDS, VHDS

_ENTANGLED = frozenset({LDS, VHDS})
"""Types of which a client takes one resource or not because of another: two listeners want one
address, two virtual hosts one domain.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A resource that is kept from a client until its content changes. `message` is the client's
    text, made safe to print.

    `everyone`: this client was never sent it; others of its release rejected it.
    """

    type_url: str
    name: str
    version: str
    message: str
    everyone: bool = False


_CONTEXT = 16
"""So many of the other resources that are kept can be the reason for a rejection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Why a name is kept. `base` is the generation up to which the client had accepted the type."""

    quarantined: Quarantined
    note: Note
    base: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A rejected response. `text` is what the client said, `message` the part that may be shown."""

    resources: tuple[Resource, ...]
    removed: tuple[str, ...]
    base: int
    text: str
    message: str


class Containment:
    """One type on one stream that had a rejection, or that something is kept from."""

    def __init__(
        self,
        type_url: str,
        *,
        record: Record,
        past: Past,
        current: Callable[[str], Resource | None],
        began: float,
    ) -> None:
        """`current` gives what the client is to hold now under a name."""
        self._type_url = type_url
        self._record = record
        self._past = past
        self._current = current
        self.began = began
        self._removed = NO_NAMES
        self._again = NO_NAMES
        self._search = Search(entangled=type_url in _ENTANGLED)
        self._base = 0
        self._kept: dict[str, _Kept] = {}
        self._fresh: list[Quarantined] = []

    def __bool__(self) -> bool:
        """Whether anything is looked for or kept."""
        return bool(self._search or self._kept)

    @property
    def searching(self) -> bool:
        """Whether something has still to be found out."""
        return bool(self._search)

    @property
    def trying(self) -> bool:
        """Whether the answer to something that was sent for that is awaited."""
        return self._search.trying

    @property
    def base(self) -> int:
        """The generation up to which the client counts as having accepted the type."""
        bases = [kept.base for kept in self._kept.values()]
        return min([self._base, *bases] if self._search else bases)

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """What is kept, by name."""
        return tuple(self._kept[name].quarantined for name in sorted(self._kept))

    def keeps(self, name: str) -> bool:
        """Whether a resource is kept from the client."""
        return name in self._kept

    def suspects(self) -> frozenset[Content]:
        """What was rejected with something else, and may be good."""
        return frozenset(c for atom in self._search.atoms() for c in atom.contents)

    def tied(self) -> frozenset[str]:
        """Names that are to be removed, but only along with what is kept or looked into."""
        found = [*self._search.atoms(), *(kept.note.atom for kept in self._kept.values())]
        return frozenset(name for atom in found for name in atom.removed)

    def waiting(self) -> frozenset[Content]:
        """Those of the suspects that are not being tried."""
        return frozenset(c for atom in self._search.waiting() for c in atom.contents)

    # What the client answers

    def reject(self, rejection: Rejection, now: float) -> None:
        """The client rejected a response that was not sent to find something out."""
        known = self.suspects()
        good = [
            entry
            for entry in rejection.resources
            if (entry.name, entry.version) not in known and self._is_current(entry)
        ]
        gone = tuple(name for name in rejection.removed if self._current(name) is None)
        found = atoms(self._type_url, good, gone, past=self._past, base=rejection.base)
        self._removed |= frozenset(gone) - {name for atom in found for name in atom.removed}
        self._base = min(self._base, rejection.base) if self._search else rejection.base
        self.began = self.began if self._search else now
        if len(good) == len(rejection.resources):
            self._search.suspect(found, rejection.message, self._named(found, rejection.text))
        else:  # what has changed since, or is suspected already, may have been the reason
            self._search.wonder(found)
        self._conclude()

    def accepted(self) -> None:
        """The client accepted what was sent to find something out."""
        self._forget()
        self._search.accepted()
        self._conclude()

    def rejected(self, rejection: Rejection) -> None:
        """The client rejected what was sent to find something out."""
        self._forget()
        tied = self.tied()
        self._search.rejected(rejection.message, lambda found: self._named(found, rejection.text))
        gone = {name for name in rejection.removed if self._current(name) is None}
        self._removed |= gone - tied
        self._conclude()

    def next(self) -> tuple[tuple[Resource, ...], frozenset[str]]:
        """What to send next to find something out, and what to remove with it."""
        found = self._search.next()
        contents = (content for atom in found for content in atom.contents)
        entries = (self._current(name) for name, _ in contents)
        gone = self.take_removed().union(*(atom.removed for atom in found))
        return (
            tuple(sorted((e for e in entries if e is not None), key=lambda e: e.name)),
            frozenset(name for name in gone if self._current(name) is None),
        )

    def take_again(self) -> frozenset[str]:
        """Names that have to be sent, since they are neither looked into nor kept any longer."""
        again, self._again = self._again, NO_NAMES
        return again

    def take_removed(self) -> frozenset[str]:
        """Names whose removal was rejected along with something else, and has to be sent again."""
        removed, self._removed = self._removed, NO_NAMES
        return removed

    def join(self, contents: Iterable[Content]) -> None:
        """These are sent along with what `next` gave."""
        known = self.suspects()
        self._search.join(Atom(contents=(c,)) for c in contents if c not in known)

    def take_fresh(self) -> tuple[Quarantined, ...]:
        """What has been quarantined since this was last asked."""
        fresh, self._fresh = tuple(self._fresh), []
        return fresh

    # What changes

    def refresh(self) -> None:
        """Forget what has changed."""
        self._forget()
        for name, kept in tuple(self._kept.items()):
            if self._is_void(kept.note) or self._is_spared_no_more(kept):
                del self._kept[name]
                self._let_go(kept.note.atom)

    def hold_back(
        self, entries: Mapping[str, Resource], removed: Iterable[str], base: int
    ) -> frozenset[str]:
        """The names of those not to send: rejected before, by this client or by its like, tied to
        such, or looked into. `removed` is what is removed along with the entries, `base` how far
        the client had accepted the type.
        """
        found = {name: self._note(entry) for name, entry in entries.items()}
        notes = {name: note for name, note in found.items() if note is not None}
        if self._type_url == VHDS and (notes or self._kept):
            notes.update(self._tied_notes(entries, notes, removed, base))
        for name, note in notes.items():
            version = entries[name].version
            if name not in self._kept or self._kept[name].quarantined.version != version:
                self._add(name, version, note, base)
        suspects = self.suspects()
        return frozenset(notes).union(n for n, e in entries.items() if (n, e.version) in suspects)

    def _note(self, entry: Resource) -> Note | None:
        kept = self._kept.get(entry.name)
        if kept is not None and kept.quarantined.version == entry.version:
            return kept.note
        note = self._record.note(self._type_url, (entry.name, entry.version))
        return note if note is not None and not self._is_void(note) else None

    def _tied_notes(
        self,
        entries: Mapping[str, Resource],
        notes: Mapping[str, Note],
        removed: Iterable[str],
        base: int,
    ) -> dict[str, Note]:
        """Notes on those between which and a rejected one a domain moves: they go with it, later.

        What is kept already is tied to what is removed now.
        """
        reasons = {name: kept.note for name, kept in self._kept.items()} | dict(notes)
        current = {name: self._current(name) for name in self._kept.keys() - entries.keys()}
        world = [*entries.values(), *(entry for entry in current.values() if entry is not None)]
        oldest = min([base, *(kept.base for kept in self._kept.values())])
        tied: dict[str, Note] = {}
        for atom in atoms(VHDS, world, removed, past=self._past, base=oldest):
            names = [name for name, _ in atom.contents]
            reason = next((reasons[name] for name in names if name in reasons), None)
            if reason is None or len(names) + len(atom.removed) == 1:
                continue
            note = replace(reason, atom=atom)
            for name in names:
                if name in entries:
                    tied[name] = note
                else:
                    self._kept[name] = replace(self._kept[name], note=note)
        return tied

    def _forget(self) -> None:
        """End the search for what is no longer to be sent as it was."""
        for atom in self._search.atoms():
            if self._is_stale(atom):
                self._let_go(atom)
        self._search.forget(self._is_stale)

    def _let_go(self, atom: Atom) -> None:
        """What of an atom is still to be sent, or removed, goes with other changes."""
        self._again |= {name for name, _ in atom.contents if self._current(name) is not None}
        self._removed |= {name for name in atom.removed if self._current(name) is None}

    def _conclude(self) -> None:
        for culprit in self._search.take_found():
            note = Note(atom=culprit.atom, words=culprit.words, context=self._context())
            for name, version in culprit.atom.contents:
                self._add(name, version, note, self._base)
            self._record.reject(self._type_url, note)

    def _add(self, name: str, version: str, note: Note, base: int) -> None:
        quarantined = Quarantined(
            type_url=self._type_url,
            name=name,
            version=version,
            message=note.words,
            everyone=note.everyone,
        )
        self._kept[name] = _Kept(quarantined=quarantined, note=note, base=base)
        self._fresh.append(quarantined)

    def _is_current(self, entry: Resource) -> bool:
        found = self._current(entry.name)
        return found is not None and found.version == entry.version

    def _context(self) -> tuple[Content, ...]:
        """What the client keeps to older contents of, where that can be why it rejects others."""
        if self._type_url not in _ENTANGLED:
            return ()
        shown = (kept.quarantined for kept in [*self._kept.values()][-_CONTEXT:])
        return tuple((each.name, each.version) for each in shown)

    def _is_void(self, note: Note) -> bool:
        """Whether something has changed that was rejected, or may have been the reason."""
        return self._is_stale(note.atom) or any(
            (found := self._current(name)) is None or found.version != version
            for name, version in note.context
        )

    def _is_stale(self, atom: Atom) -> bool:
        for name, version in atom.contents:
            found = self._current(name)
            if found is None or found.version != version:
                return True
        return any(self._current(name) is not None for name in atom.removed)

    def _is_spared_no_more(self, kept: _Kept) -> bool:
        contents = kept.note.atom.contents
        return kept.note.everyone and all(
            self._record.note(self._type_url, content) is None for content in contents
        )

    def _named(self, found: tuple[Atom, ...], text: str) -> frozenset[Atom]:
        if self._type_url == SDS:
            return frozenset()
        return named(found, text, self._domains(found) if self._type_url == VHDS else {})

    def _domains(self, found: tuple[Atom, ...]) -> Mapping[str, frozenset[str]]:
        entries = (self._current(name) for atom in found for name, _ in atom.contents)
        return {entry.name: domains(entry) for entry in entries if entry is not None}
