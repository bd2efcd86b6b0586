"""What one line of an API server has said: objects by key, as events that follow from its answers.

Values in, values out. Of each object only its version and a digest are held: to know what is new,
and what went away while nobody listened.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from crds.meta import Key
from sources.api_answers import Page, Raw, WatchEvent
from sources.events import Applied, Deleted, Event
from sources.pruning import Pruned

Prune = Callable[[Raw], Pruned | None]
Selected = Callable[[str], bool]


class WentBack(Exception):
    """The versions are older than those that were seen: another past than ours. What is there must
    be listed again.
    """


@dataclass(frozen=True, slots=True)
class _Known:
    version: str
    digest: bytes


class Held:
    """The objects of one line. `selected` says of a namespace whether its objects are held;
    `prune` what is kept of one.
    """

    def __init__(self, prune: Prune, selected: Selected) -> None:
        self._prune = prune
        self._selected = selected
        self._known: dict[Key, _Known] = {}
        self._seen: set[Key] = set()
        self._staged: dict[Key, tuple[_Known, Raw]] = {}
        self.position = ""
        """The version to watch from."""
        self.listed = False
        """Whether there has been a whole list."""

    def __len__(self) -> int:
        return len(self._known)

    def begin(self) -> None:
        """A list begins, or begins again."""
        self._seen.clear()
        self._staged.clear()

    def page(self, page: Page) -> list[Event]:
        """A page of a list. The first list is told of as it comes: nobody waits for it to be
        whole. Later ones are told of at the end, for what was moved is to be seen as moved.
        """
        events: list[Event] = []
        for item in page.items:
            found = self._pruned(item)
            if found is None or found.raw is None:
                continue
            self._seen.add(found.key)
            now = _Known(found.version, _digest(found.raw))
            if not self.listed:
                events += self._take(found.key, now, found.raw)
            elif not self._is_known(found.key, now):
                self._staged[found.key] = (now, found.raw)
        return events

    def complete(self, version: str) -> list[Event]:
        """The list is whole, and this is its version: what it did not have is gone."""
        events: list[Event] = [self._forget(key) for key in sorted(self._known.keys() - self._seen)]
        for key, (now, raw) in self._staged.items():
            events += self._take(key, now, raw)
        self.begin()
        self.position = version
        self.listed = True
        return events

    def event(self, event: WatchEvent) -> list[Event]:
        """An event of a watch; raises `WentBack` if it cannot be one that comes after the others.

        One that came before is silent, and so is one that changes nothing that is read.
        """
        if event.type == "BOOKMARK":
            return self._bookmark(event.object)
        found = self._pruned(event.object)
        if found is None:
            return []
        known = self._known.get(found.key)
        if event.type == "DELETED":
            return self._deleted(found, known)
        self._advance(found.version, known)
        if known is not None and not _is_newer(found.version, known.version):
            return []
        if found.raw is None:
            return [] if known is None else [self._forget(found.key)]
        return self._take(found.key, _Known(found.version, _digest(found.raw)), found.raw)

    def add(self, page: Page) -> list[Event]:
        """A page of a namespace that is held from now on; the watch goes on from where it was, and
        will say some of it again.
        """
        events: list[Event] = []
        for item in page.items:
            found = self._pruned(item)
            if found is not None and found.raw is not None:
                now = _Known(found.version, _digest(found.raw))
                events += self._take(found.key, now, found.raw)
        return events

    def drop(self) -> list[Event]:
        """Lets go of all that is in namespaces that are no longer selected."""
        for key in [key for key in self._staged if not self._is_selected(key)]:
            del self._staged[key]
        return [self._forget(key) for key in sorted(self._known) if not self._is_selected(key)]

    def forget(self) -> list[Event]:
        """There are no such objects any more, nor a list of them."""
        self.begin()
        self.listed = False
        self.position = ""
        return [self._forget(key) for key in sorted(self._known)]

    def is_behind(self, version: str) -> bool:
        """Whether the API server is at a version before the last that it told us of."""
        now, last = _number(version), _number(self.position)
        return now is not None and last is not None and now < last

    def _pruned(self, item: Raw) -> Pruned | None:
        found = self._prune(item)
        return found if found is not None and self._is_selected(found.key) else None

    def _is_selected(self, key: Key) -> bool:
        return not key.namespace or self._selected(key.namespace)

    def _deleted(self, found: Pruned, known: _Known | None) -> list[Event]:
        """Old servers give it the version that it had; one of an object that has come back since is
        older than that.
        """
        if known is None or _is_newer(known.version, found.version):
            return []
        if found.version != known.version:
            self._advance(found.version, None)
        return [self._forget(found.key)]

    def _bookmark(self, item: Raw) -> list[Event]:
        meta = item.get("metadata")
        version = meta.get("resourceVersion") if isinstance(meta, dict) else None
        if isinstance(version, str) and version:
            if self.is_behind(version):
                raise WentBack
            self.position = version
        return []

    def _advance(self, version: str, same: _Known | None) -> None:
        """Takes the position forward. What we know already may be said again; else nothing may be
        as old as what came before.
        """
        if _is_newer(version, self.position):
            self.position = version
        elif same is None or same.version != version:
            raise WentBack

    def _is_known(self, key: Key, now: _Known) -> bool:
        """Whether nothing of it has changed that is read; its version may have."""
        old = self._known.get(key)
        if old is None or old.digest != now.digest:
            return False
        self._known[key] = now
        return True

    def _take(self, key: Key, now: _Known, raw: Raw) -> list[Event]:
        if self._is_known(key, now):
            return []
        self._known[key] = now
        return [Applied(key, raw)]

    def _forget(self, key: Key) -> Event:
        del self._known[key]
        return Deleted(key)


def _digest(raw: Raw) -> bytes:
    try:
        text = json.dumps(raw, sort_keys=True, separators=(",", ":"))
    except RecursionError:  # read it could be, just: the decoder goes no deeper than its types
        text = repr(id(raw))
    return blake2b(text.encode(), digest_size=16).digest()


def _number(version: str) -> int | None:
    """Versions of one kind can be compared (KEP-5504), unless they are no numbers."""
    return int(version) if version.isascii() and version.isdecimal() else None


def _is_newer(version: str, than: str) -> bool:
    new, old = _number(version), _number(than)
    return new is None or old is None or new > old
