"""What a stream wants of one type, as values that equal clients share.

A mesh of a thousand equal clients holds each set of names once, and what was computed for one of
them is found by all others under the same key.
"""

from collections import OrderedDict
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary, ref

NO_NAMES: Final[frozenset[str]] = frozenset()


class Interest(NamedTuple):
    """Which resources of one type a stream is to hold.

    `everything` is the wildcard; `roots`, for virtual hosts, narrows it to those of the route
    configurations that the client holds (X-123). `names` are wanted whatever the wildcard says.
    """

    everything: bool = False
    names: frozenset[str] = NO_NAMES
    roots: frozenset[str] | None = None

    def wants(self, name: str) -> bool:
        """Whether a resource of that name is to be held."""
        if name in self.names:
            return True
        return self.everything and (self.roots is None or root(name) in self.roots)


class Again(NamedTuple):
    """What must be sent even if it has not changed: by name, or all virtual hosts of `roots`."""

    names: frozenset[str] = NO_NAMES
    roots: frozenset[str] = NO_NAMES


NOTHING_AGAIN: Final = Again()


def root(name: str) -> str:
    """The route configuration of a virtual host: all before the last `/` (X-120)."""
    return name.rpartition("/")[0]


class Interner:
    """Keeps one object per distinct set of names, and remembers recent steps between them.

    A thousand clients that add the same name to the same set each cost one dictionary lookup.
    """

    def __init__(self, *, steps: int = 512) -> None:
        self._limit = steps
        self._steps: OrderedDict[tuple[frozenset[str], ...], frozenset[str]] = OrderedDict()
        self._sets: WeakKeyDictionary[frozenset[str], ref[frozenset[str]]] = WeakKeyDictionary()

    def step(
        self, old: frozenset[str], add: frozenset[str], remove: frozenset[str] = NO_NAMES
    ) -> frozenset[str]:
        """The shared object for `(old - remove) | add`."""
        key = (old, add, remove)
        known = self._steps.get(key)
        if known is not None:
            self._steps.move_to_end(key)
            return known
        new = self.shared((old - remove) | add)
        self._steps[key] = new
        if len(self._steps) > self._limit:
            self._steps.popitem(last=False)
        return new

    def shared(self, names: frozenset[str]) -> frozenset[str]:
        """The one object that stands for all sets equal to `names`."""
        if not names:
            return NO_NAMES
        held = self._sets.get(names)
        known = held() if held is not None else None
        if known is not None:
            return known
        self._sets[names] = ref(names)
        return names
