"""The configuration as it stands: the only mutable state of the pure layers. One task owns it.

An object that is equal to the one it replaces keeps the old one's identity, so that equal is silent
all the way down.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.kinds import Object
from crds.meta import Key


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object between two snapshots. `old` or `new` is absent when it came or
    went.
    """

    key: Key
    old: Object | None
    new: Object | None


class Store:
    """Objects by key, and what changed since `take` was last called."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}
        self._before: dict[Key, Object | None] = {}

    def put(self, key: Key, new: Object) -> None:
        """Sets the object of `key`; an equal one is no change."""
        old = self._objects.get(key)
        if old == new:
            return
        self._before.setdefault(key, old)
        self._objects[key] = new

    def delete(self, key: Key) -> None:
        """Removes the object of `key`, if there is one."""
        old = self._objects.pop(key, None)
        if old is not None:
            self._before.setdefault(key, old)

    def take(self) -> tuple[Change, ...]:
        """The net changes since the last call, ordered by key; what came and went again is none."""
        before, self._before = self._before, {}
        changes = (Change(key, before[key], self._objects.get(key)) for key in sorted(before))
        return tuple(change for change in changes if change.old != change.new)

    def get(self, key: Key) -> Object | None:
        """One object, if there is one."""
        return self._objects.get(key)

    def objects(self) -> Mapping[Key, Object]:
        """A copy of everything."""
        return dict(self._objects)
