"""What a source says. Level-triggered: the newest event about a key or a file replaces the older
ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crds.meta import Key, Origin
from crds.problem import Problem


@dataclass(frozen=True, slots=True)
class Applied:
    """The object exists, and this is all of it. `raw` is shared: never change it. It may be a
    Secret, so it does not show.
    """

    key: Key
    raw: Mapping[str, object] = field(repr=False)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The same object is now found elsewhere, for instance because lines were added above it."""

    key: Key
    origin: Origin


@dataclass(frozen=True, slots=True)
class Deleted:
    """The object is gone."""

    key: Key


@dataclass(frozen=True, slots=True)
class Problems:
    """All that is wrong with one file as such, now; empty once it is mended."""

    file: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """All that there was at the start has been said."""


Event = Applied | Moved | Deleted | Problems | Synced
