"""Which of many names a misspelt one was meant to be.

A mesh has thousands of names, and whoever gets one wrong may get many wrong: no search looks at all
of them.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nsmallest
from os.path import commonprefix
from string import ascii_lowercase, digits

_LONGEST = 253
"""Of a name in Kubernetes."""
_BESIDE = 10
"""So many names are looked at on either side of the place where one would stand."""
_COMPARED = 20
"""So many are compared letter by letter."""
_LETTERS = f"{ascii_lowercase}{digits}-."


@dataclass(frozen=True, slots=True)
class Names:
    """All that one may have meant: by their beginnings, and backwards by their ends."""

    forwards: tuple[str, ...] = ()
    backwards: tuple[str, ...] = ()
    every: frozenset[str] = frozenset()


def names_of(names: Iterable[str]) -> Names:
    """An index of these."""
    every = frozenset(names)
    return Names(tuple(sorted(every)), tuple(sorted(name[::-1] for name in every)), every)


def changed(names: Names, gone: frozenset[str], come: frozenset[str]) -> Names:
    """The index without those that are `gone`, and with those that have `come`."""
    gone, come = gone & names.every, come - names.every
    if not gone and not come:
        return names
    if len(gone) + len(come) > len(names.every):
        return names_of((names.every - gone) | come)
    forwards, backwards = list(names.forwards), list(names.backwards)
    for name in gone:
        del forwards[bisect_left(forwards, name)]
        del backwards[bisect_left(backwards, name[::-1])]
    for name in come:
        insort(forwards, name)
        insort(backwards, name[::-1])
    return Names(tuple(forwards), tuple(backwards), (names.every - gone) | come)


def closest(names: Names, wanted: str, *, cutoff: float) -> str | None:
    """The name that is most like this one; None if none is. `cutoff` is the least likeness, 0 to 1
    (difflib's ratio). Of two equally alike it is the later by letters.
    """
    wanted = wanted[:_LONGEST]
    if len(names.every) > 2 * _BESIDE:
        slips = names.every.intersection(_slips(wanted))
        if found := get_close_matches(wanted, slips, n=1, cutoff=cutoff):
            return found[0]
    near = (name for name in sorted(_beside(names, wanted)) if _may_be(wanted, name, cutoff))
    alike = nsmallest(_COMPARED, near, key=lambda name: _unlike(wanted, name))
    found = get_close_matches(wanted, alike, n=1, cutoff=cutoff)
    return found[0] if found else None


def beginning(names: Names, wanted: str) -> str | None:
    """The first name that begins so."""
    found = names.forwards[bisect_left(names.forwards, wanted) :][:1]
    return next((name for name in found if name.startswith(wanted)), None)


def _slips(name: str) -> Iterator[str]:
    """What it is with one letter less, one other, one more, or two the other way round."""
    for i in range(len(name) + 1):
        head, tail = name[:i], name[i:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail[1:]
            yield head + letter + tail


def _beside(names: Names, wanted: str) -> set[str]:
    """Those that begin or end most like it."""
    backwards = _around(names.backwards, wanted[::-1])
    return {*_around(names.forwards, wanted), *(name[::-1] for name in backwards)}


def _around(names: tuple[str, ...], wanted: str) -> tuple[str, ...]:
    at = bisect_left(names, wanted)
    return names[max(0, at - _BESIDE) : at + _BESIDE]


def _may_be(name: str, other: str, cutoff: float) -> bool:
    """Whether the lengths allow that likeness, which is quicker to know than the likeness itself.

    The ratio is at most 2 * min / (a + b) (difflib, `real_quick_ratio`).
    """
    total = len(name) + len(other)
    return bool(total) and 2 * min(len(name), len(other)) >= cutoff * total


def _unlike(one: str, other: str) -> int:
    """How much of the longer name is left between what both begin and end with."""
    begins = len(commonprefix((one, other)))  # noqa: RUF071 - letters are meant
    ends = len(commonprefix((one[:begins:-1], other[:begins:-1])))  # noqa: RUF071 - the same
    return max(len(one), len(other)) - begins - ends
