"""What the fields of the types are made of: integer widths, read-only maps, names on the wire.

The decoder reads these annotations; nothing here knows a particular type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Never, NoReturn, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends inclusive."""

    low: int
    high: int


Int32 = Annotated[int, Range(-(2**31), 2**31 - 1)]
UInt32 = Annotated[int, Range(0, 2**32 - 1)]
UInt64 = Annotated[int, Range(0, 2**64 - 1)]


class FrozenMap(dict[str, V]):
    """A read-only dict with a hash, so that a value that holds one can be a cache key.

    `MappingProxyType` has no hash in Python 3.11, and a class on `Mapping` alone is ten times
    slower to read.
    """

    __slots__ = ()

    # dict has none, since it can change; this cannot.
    def __hash__(self) -> int:  # type: ignore[override]
        """Equal maps in any order have the same hash."""
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type["FrozenMap[V]"], tuple[dict[str, V]]]:
        """Copies and pickles by construction: the default way sets item by item."""
        return FrozenMap, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a FrozenMap cannot change")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse


EMPTY: Mapping[str, Never] = FrozenMap()


def wire(name: str) -> Mapping[str, str]:
    """Metadata for a field whose JSON name is not its own in camelCase (`podIP`)."""
    return MappingProxyType({"wire": name})


def alias(name: str) -> Mapping[str, str]:
    """Metadata for a field that also answers to a second JSON name (`mirror_percent`)."""
    return MappingProxyType({"alias": name})
