"""What a folder says, as a value machine: contents of files in, events out. No I/O, no waiting.

An object that two files hold belongs to the file that is first by path, the other copy is a
warning.
When a document of a file breaks, no object of that file is deleted: it might be the one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from crds.meta import Key, Origin
from crds.problem import Problem, error, warning
from sources.documents import Document, Read, read_json, read_yaml, split
from sources.events import Applied, Deleted, Event, Moved, Problems
from sources.lines import DocumentLines

Place = tuple[Mapping[str, object], Origin]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is there but cannot be read."""

    reason: str


Content = bytes | Unreadable | None
"""What is in a file; None: there is no such file."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What one file holds: its documents by text, its objects, what is wrong with it alone.

    `kept` are those objects that no document gives any more, since one of them is broken.
    """

    documents: Mapping[str, Read] = field(default_factory=dict)
    objects: Mapping[Key, Place] = field(default_factory=dict)
    kept: frozenset[Key] = frozenset()
    problems: tuple[Problem, ...] = ()


NO_FILE = FileState()


class Folder:
    """The files as they were last taken, and who owns each object."""

    def __init__(self) -> None:
        self._files: dict[str, FileState] = {}
        self._holders: dict[Key, set[str]] = {}
        self._owners: dict[Key, tuple[str, Place]] = {}
        self._told: dict[str, tuple[Problem, ...]] = {}

    @property
    def files(self) -> frozenset[str]:
        """Those that were there when last looked at."""
        return frozenset(self._files)

    def read(self, file: str, content: Content) -> FileState:
        """What the file would hold; nothing is changed yet. Documents that are known are not read
        again.
        """
        return file_state(file, content, self._files.get(file, NO_FILE))

    def holders(self, keys: Iterable[Key]) -> set[str]:
        """The files that hold any of these objects."""
        return {file for key in keys for file in self._holders.get(key, ())}

    def lost(self, file: str, state: FileState) -> frozenset[Key]:
        """Objects that the file held and no longer would."""
        return frozenset(self._files.get(file, NO_FILE).objects) - frozenset(state.objects)

    def take(self, states: Mapping[str, FileState], gone: Iterable[str]) -> list[Event]:
        """Makes this the truth; `gone` are those of the files that exist no more."""
        touched: set[Key] = set()
        for file, state in states.items():
            touched |= self._replace(file, state)
        for file in gone:
            self._files.pop(file, None)
        events = [event for key in sorted(touched) for event in self._settle(key)]
        events += self._news(set(states) | self.holders(touched))
        return events

    def _replace(self, file: str, state: FileState) -> set[Key]:
        old = self._files.get(file, NO_FILE)
        self._files[file] = state
        for key in old.objects:
            self._holders[key].discard(file)
        for key in state.objects:
            self._holders.setdefault(key, set()).add(file)
        return {
            key
            for key in (*old.objects, *state.objects)
            if not _is_same(old.objects.get(key), state.objects.get(key))
        }

    def _settle(self, key: Key) -> Iterator[Event]:
        holders = self._holders[key]
        told = self._owners.get(key)
        if not holders:
            del self._holders[key]
            self._owners.pop(key, None)
            if told is not None:
                yield Deleted(key)
            return
        file = min(holders)
        place = self._files[file].objects[key]
        self._owners[key] = (file, place)
        raw, origin = place
        if told is None or (told[1][0] is not raw and told[1][0] != raw):
            yield Applied(key, raw, origin)
        elif not _is_same(told[1], place):
            yield Moved(key, origin)

    def _news(self, files: set[str]) -> Iterator[Problems]:
        for file in sorted(files):
            state = self._files.get(file, NO_FILE)
            problems = (*state.problems, *self._copies(file, state))
            if problems != self._told.get(file, ()):
                yield Problems(file, problems)
            if problems:
                self._told[file] = problems
            else:
                self._told.pop(file, None)

    def _copies(self, file: str, state: FileState) -> Iterator[Problem]:
        for key, (_, origin) in state.objects.items():
            owner, (_, first) = self._owners[key]
            if owner != file:
                yield _copy(key, origin, first)


def _is_same(one: Place | None, other: Place | None) -> bool:
    """Whether neither the object nor the line of any of its fields is another."""
    if one is None or other is None or one != other:
        return one is other
    return one[1].lines == other[1].lines


def _copy(key: Key, origin: Origin, first: Origin) -> Problem:
    message = f"is also in {first}, which counts: remove one of the two"
    return replace(warning("duplicate-object", "", message), object=key, origin=origin)


def file_state(file: str, content: Content, old: FileState) -> FileState:
    """What a file with this content holds, given what it held before."""
    if content is None:
        return NO_FILE
    try:
        if isinstance(content, Unreadable):
            return _kept(file, old, "unreadable", content.reason)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        reason = f"is not UTF-8 (byte {failure.start}): save it in that encoding"
        return _kept(file, old, "bad-encoding", reason)
    if file.endswith(".json"):
        return _state(file, [Document(text, 1, 1, 1)], read_json, old)
    return _state(file, split(text), read_yaml, old)


def _kept(file: str, old: FileState, code: str, reason: str) -> FileState:
    problem = replace(error(code, "", reason), origin=Origin(file))
    return replace(old, problems=(problem,))


def _state(
    file: str, documents: Iterable[Document], read: Callable[[str], Read], old: FileState
) -> FileState:
    known: dict[str, Read] = {}
    objects: dict[Key, Place] = {}
    problems: list[Problem] = []
    for document in documents:
        found = known.get(document.text) or old.documents.get(document.text)
        found = known[document.text] = found or read(document.text)
        origin = Origin(file, document.number, document.first_line)
        for each in found.unread:
            at = replace(origin, line=document.line + each.line) if each.line else origin
            problems.append(replace(each.problem, origin=at))
        for key, raw in found.objects:
            if key in objects:
                problems.append(_copy(key, origin, objects[key][1]))
            else:
                lines = DocumentLines(document.text, document.line, key)
                objects[key] = (raw, replace(origin, lines=lines))
    kept = frozenset(_kept_objects(known, old)) - objects.keys()
    return FileState(
        documents=known,
        objects={**{key: old.objects[key] for key in kept}, **objects},
        kept=kept,
        problems=tuple(problems),
    )


def _kept_objects(documents: Mapping[str, Read], old: FileState) -> Iterable[Key]:
    """While a document is broken, what was missed when it broke stays; later deletions count."""
    broken = {text for text, read in documents.items() if read.broken}
    if broken - old.documents.keys():
        return old.objects.keys()
    return old.kept if broken else ()
