"""Looks at a folder when told to, and says what is new. Blocking; one caller at a time.

What would delete objects waits until the content has been the same for a while: an editor that
truncates and then writes, or moves one file over another, deletes nothing.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from crds.meta import Origin
from crds.problem import Problem, warning
from sources.errors import SourceError
from sources.events import Event, Problems
from sources.folder import Content, FileState, Folder
from sources.scan import Found, Signature, content, scan, signature

STABLE_SECONDS = 0.05


class Reader:
    """What is known of the folder, and what waits. `root` may also be one file."""

    def __init__(self, root: str, clock: Callable[[], float]) -> None:
        self._root = root
        self._clock = clock
        self._folder = Folder()
        self._signatures: dict[str, Signature] = {}
        self._unconfirmed: set[str] = set()
        self._waiting: dict[str, tuple[Content, float]] = {}
        self._unlisted: Mapping[str, str] = {}
        self._odd: Mapping[str, str] = {}
        self._missing_since: float | None = None
        self._missing_told = False

    @property
    def files(self) -> Iterable[str]:
        """Those that are known."""
        return self._signatures.keys()

    def first(self) -> list[Event]:
        """All that there is; raises SourceError if the folder cannot be read."""
        try:
            found = scan(self._root)
        except OSError as failure:
            raise SourceError(f"{self._root} cannot be read: {failure.strerror}") from failure
        return self._all(found)

    def sweep(self) -> list[Event]:
        """Looks at every file, reads those that have changed."""
        try:
            found = scan(self._root)
        except OSError as failure:
            return self._missing(failure)
        return [*self._present(), *self._all(found)]

    def _all(self, found: Found) -> list[Event]:
        news = self._unlisted_news(found)
        # What a file's content says comes between: a link may lead to something again, or no more.
        odd, self._odd = self._odd, found.odd
        news += [Problems(path, ()) for path in sorted(odd.keys() - found.odd.keys())]
        news += self._look(self._changed(found))
        new = sorted(found.odd.keys() - odd.keys())
        return [*news, *(Problems(path, (_ignored(path, found.odd[path]),)) for path in new)]

    def look(self, files: Iterable[str]) -> list[Event]:
        """Reads these files, and those whose time of waiting is over."""
        chosen = set(files)
        if self._missing_since is not None or not os.path.exists(self._root):
            return self.sweep()
        self._unconfirmed |= chosen
        return self._look(chosen)

    def pause(self) -> float | None:
        """Seconds until something that waits is due; None if nothing does."""
        times = [since for _, since in self._waiting.values()]
        if self._missing_since is not None and not self._missing_told:
            times.append(self._missing_since)
        return max(0.0, min(times) + STABLE_SECONDS - self._clock()) if times else None

    def _changed(self, found: Found) -> set[str]:
        """Files to read: a signature counts only once the content was read again under it.

        Two writes within one tick of the file system's clock can have the same.
        """
        known, files = self._signatures, found.files
        new = {file for file in files if known.get(file) != files[file]}
        again = self._unconfirmed & files.keys()
        self._unconfirmed = new
        unseen = tuple(os.path.join(folder, "") for folder in found.unlisted)
        gone = {file for file in known.keys() - files.keys() if not file.startswith(unseen)}
        return new | again | gone

    def _unlisted_news(self, found: Found) -> list[Event]:
        """What a folder below held last stays in force while it cannot be listed."""
        before, self._unlisted = self._unlisted, found.unlisted
        news: list[Event] = [
            Problems(folder, ()) for folder in before.keys() - found.unlisted.keys()
        ]
        for folder in found.unlisted.keys() - before.keys():
            news.append(Problems(folder, (_unlisted(folder, found.unlisted[folder]),)))
        return news

    def _look(self, files: set[str]) -> list[Event]:
        now = self._clock()
        due = {f for f, (_, since) in self._waiting.items() if now - since >= STABLE_SECONDS}
        contents = {file: self._content(file) for file in sorted(files | due)}
        states = {file: self._folder.read(file, found) for file, found in contents.items()}
        held = self._held(contents, states, now)
        ready = {file: state for file, state in states.items() if file not in held}
        for file in contents:
            if file not in held:
                self._waiting.pop(file, None)
            elif file not in self._waiting or self._waiting[file][0] != contents[file]:
                self._waiting[file] = (contents[file], now)
        gone = {file for file in ready if contents[file] is None}
        return self._folder.take(ready, gone)

    def _held(
        self, contents: Mapping[str, Content], states: Mapping[str, FileState], now: float
    ) -> set[str]:
        """Files that must wait: they lose objects, or gain what another file is about to lose."""
        losing = {
            file: lost
            for file, state in states.items()
            if (lost := self._folder.lost(file, state))
            and not self._is_stable(file, contents[file], now)
        }
        leaving = {key for lost in losing.values() for key in lost}
        gaining = {file for file, state in states.items() if leaving & state.objects.keys()}
        return losing.keys() | gaining

    def _is_stable(self, file: str, found: Content, now: float) -> bool:
        before = self._waiting.get(file)
        return before is not None and before[0] == found and now - before[1] >= STABLE_SECONDS

    def _content(self, file: str) -> Content:
        seen = signature(file)
        if seen is None:
            self._signatures.pop(file, None)
            return None
        self._signatures[file] = seen
        return content(file)

    def _missing(self, failure: OSError) -> list[Event]:
        now = self._clock()
        if self._missing_since is None:
            self._missing_since = now
        if self._missing_told or now - self._missing_since < STABLE_SECONDS:
            return []
        self._missing_told = True
        problem = _unlisted(self._root, str(failure.strerror))
        return [Problems(self._root, (problem,))]

    def _present(self) -> list[Event]:
        told, self._missing_told, self._missing_since = self._missing_told, False, None
        return [Problems(self._root, ())] if told else []


def _ignored(path: str, reason: str) -> Problem:
    message = f"is not read ({reason}): replace it by a file, or give it another name"
    return replace(warning("no-file", "", message), origin=Origin(path))


def _unlisted(folder: str, reason: str) -> Problem:
    message = f"cannot be read ({reason}): what it held last stays in force"
    return replace(warning("no-folder", "", message), origin=Origin(folder))
