"""Finds which of the resources of a rejected response the client does not take. Pure: it says what
to send next, and is told how the client answered.

A group that was rejected holds a culprit. It is split in two: what the client's words do not name
goes first, or else one half. If that part is accepted, the culprit is in the other; if it is
rejected, it is there, and nothing is known of the other, which is sent once the culprit is found.
So one culprit among n is found after log2(n) sends, and after one more the client has all the rest.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Content = tuple[str, str]
"""A resource as it was sent: its name and its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """What can only be sent together, such as two virtual hosts between which a domain moves."""

    contents: tuple[Content, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """An atom that the client does not take, and what it said of it."""

    atom: Atom
    words: str


@dataclass(slots=True)
class _Group:
    """Atoms of which the client does not take at least one. `named` are those that it named."""

    atoms: tuple[Atom, ...]
    words: str
    named: frozenset[Atom]

    def split(self) -> tuple[tuple[Atom, ...], tuple[Atom, ...]]:
        """What to send, and the rest; neither is empty."""
        rest = tuple(atom for atom in self.atoms if atom in self.named)
        if rest and len(rest) < len(self.atoms):
            return tuple(atom for atom in self.atoms if atom not in self.named), rest
        middle = len(self.atoms) // 2
        return self.atoms[:middle], self.atoms[middle:]


@dataclass(slots=True)
class _Trial:
    """What was sent. If it is accepted, a culprit is in `rest`, which is then not empty."""

    sent: tuple[Atom, ...]
    rest: tuple[Atom, ...]
    words: str
    named: frozenset[Atom]
    final: bool = False
    sent_whole: bool = True
    rest_whole: bool = True
    """Not so if a part of it changed since: the answer may have been about that."""


class Search:
    """The search of one type on one stream, through any number of rejected responses."""

    def __init__(self, *, entangled: bool = False) -> None:
        """`entangled`: whether the client takes one resource may depend on others of the type. So
        what was found while others were not accepted is tried once more at the end.
        """
        self._entangled = entangled
        self._groups: list[_Group] = []
        self._unsure: list[Atom] = []
        self._doubtful: list[Culprit] = []
        self._trial: _Trial | None = None
        self._found: list[Culprit] = []

    def __bool__(self) -> bool:
        """Whether there is anything left to find out."""
        return bool(self._groups or self._unsure or self._doubtful or self._trial)

    @property
    def trying(self) -> bool:
        """Whether an answer is awaited."""
        return self._trial is not None

    def atoms(self) -> Iterable[Atom]:
        """All of which it is not known whether the client takes them."""
        yield from self.waiting()
        if self._trial is not None:
            yield from self._trial.sent

    def waiting(self) -> Iterable[Atom]:
        """Those that are not being tried."""
        for group in self._groups:
            yield from group.atoms
        yield from self._unsure
        yield from (culprit.atom for culprit in self._doubtful)
        if self._trial is not None:
            yield from self._trial.rest

    def suspect(self, atoms: Iterable[Atom], words: str, named: Iterable[Atom]) -> None:
        """The client rejected a response of just these."""
        group = tuple(atoms)
        if len(group) == 1:
            self._convict(Culprit(atom=group[0], words=words))
        elif group:
            self._groups.append(_Group(group, words, frozenset(named)))

    def wonder(self, atoms: Iterable[Atom]) -> None:
        """The client rejected a response of these, but perhaps for something else in it."""
        self._unsure.extend(atoms)

    def next(self) -> tuple[Atom, ...]:
        """What to send now; nothing when nothing is left to find out."""
        if self._groups:
            group = self._groups.pop()
            return self._try(_Trial(*group.split(), group.words, group.named))
        if self._unsure:
            sent, self._unsure = tuple(self._unsure), []
            return self._try(_Trial(sent, (), "", frozenset()))
        if self._doubtful:
            doubtful = self._doubtful.pop(0)
            trial = _Trial((doubtful.atom,), (), doubtful.words, frozenset(), final=True)
            return self._try(trial)
        return ()

    def join(self, atoms: Iterable[Atom]) -> None:
        """These are sent with what is tried now."""
        if self._trial is not None:
            self._trial.sent += tuple(atoms)

    def accepted(self) -> None:
        """The client took what was tried."""
        trial, self._trial = self._trial, None
        if trial is None:
            return
        if trial.rest_whole:
            self.suspect(trial.rest, trial.words, trial.named)
        else:
            self.wonder(trial.rest)

    def rejected(self, words: str, name: Callable[[tuple[Atom, ...]], Iterable[Atom]]) -> None:
        """The client did not take what was tried. `name` finds those that its words name."""
        trial, self._trial = self._trial, None
        if trial is None:
            return
        self.wonder(trial.rest)
        if trial.final and len(trial.sent) == 1:
            self._found.append(Culprit(atom=trial.sent[0], words=words))
        elif trial.sent_whole:
            self.suspect(trial.sent, words, name(trial.sent))
        else:
            self.wonder(trial.sent)

    def forget(self, stale: Callable[[Atom], bool]) -> None:
        """Drop what is no longer to be sent. Who was suspected with it may be innocent."""
        groups, self._groups = self._groups, []
        for group in groups:
            kept = tuple(atom for atom in group.atoms if not stale(atom))
            if len(kept) == len(group.atoms):
                self._groups.append(group)
            else:
                self.wonder(kept)
        self._unsure = [atom for atom in self._unsure if not stale(atom)]
        self._doubtful = [each for each in self._doubtful if not stale(each.atom)]
        if (trial := self._trial) is not None:
            sent = tuple(atom for atom in trial.sent if not stale(atom))
            rest = tuple(atom for atom in trial.rest if not stale(atom))
            trial.sent_whole = trial.sent_whole and len(sent) == len(trial.sent)
            trial.rest_whole = trial.rest_whole and len(rest) == len(trial.rest)
            trial.sent, trial.rest = sent, rest

    def take_found(self) -> tuple[Culprit, ...]:
        """The culprits that were found since this was last asked."""
        found, self._found = tuple(self._found), []
        return found

    def _try(self, trial: _Trial) -> tuple[Atom, ...]:
        self._trial = trial
        return trial.sent

    def _convict(self, culprit: Culprit) -> None:
        if self._entangled and (self._unsure or self._groups):
            self._doubtful.append(culprit)
        else:
            self._found.append(culprit)
