"""What can be read off a rejection: which resources belong together, and which the client names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from envoy.config.route.v3 import route_components_pb2

from xds.interest import NO_NAMES, root
from xds.past import Past
from xds.resource import Resource
from xds.search import Atom
from xds.types import VHDS

_BETWEEN_WORDS: Final = re.compile(r"[\s'\",]+")
_WORDS_LIMIT: Final = 64 << 10
"""Characters of a client's text that are looked through."""

Domains = Mapping[str, frozenset[str]]
"""The domains of each virtual host, by resource name."""


def atoms(
    type_url: str,
    resources: Iterable[Resource],
    removed: Iterable[str],
    *,
    past: Past,
    base: int,
) -> tuple[Atom, ...]:
    """The resources of a response, each with those that it cannot be sent without.

    A client takes a domain for a virtual host only if no other has it, so the one that gets it
    travels with the one that gives it up (X-129). What the client holds is older than what the
    server does: it is in `past`, and the client has accepted all up to the generation `base`.
    """
    entries = {entry.name: entry for entry in resources}
    gone = frozenset(removed)
    if type_url != VHDS:
        return tuple(Atom(contents=((n, e.version),)) for n, e in sorted(entries.items()))
    groups = _Groups([*entries, *gone])
    wanted = {name: domains(entry) for name, entry in entries.items()}
    given: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in (*entries, *gone):
        for domain in past.domains(name, after=base) - wanted.get(name, NO_NAMES):
            given[root(name), domain].add(name)
    for name, found in wanted.items():
        for domain in found:
            for giver in given.get((root(name), domain), ()):
                groups.join(name, giver)
    return tuple(
        Atom(
            contents=tuple((n, entries[n].version) for n in names if n in entries),
            removed=tuple(n for n in names if n in gone),
        )
        for names in groups.all()
        if any(n in entries for n in names)
    )


def domains(entry: Resource) -> frozenset[str]:
    """The domains of a virtual host."""
    return frozenset(route_components_pb2.VirtualHost.FromString(entry.message_bytes).domains)


def named(found: Iterable[Atom], message: str, aliases: Domains) -> frozenset[Atom]:
    """Those that the text of a rejection names: a hint, not more (X-30).

    Of clusters and listeners Envoy says `Error adding/updating cluster(s) NAME: ...`, of a violated
    constraint it quotes the message, of virtual hosts it names the domain (`aliases`).
    """
    words = _words(message)
    return frozenset(
        atom
        for atom in found
        if any(n in words or not words.isdisjoint(aliases.get(n, ())) for n, _ in atom.contents)
    )


def _words(message: str) -> frozenset[str]:
    words = _BETWEEN_WORDS.split(message[:_WORDS_LIMIT])
    return frozenset(words).union(word.rstrip(":.;)") for word in words) - {""}


class _Groups:
    """Names, some of which belong together."""

    def __init__(self, names: Iterable[str]) -> None:
        self._of = {name: {name} for name in names}

    def join(self, one: str, other: str) -> None:
        mine, theirs = self._of[one], self._of[other]
        if mine is not theirs:
            mine |= theirs
            self._of.update(dict.fromkeys(theirs, mine))

    def all(self) -> list[list[str]]:
        return sorted({id(group): sorted(group) for group in self._of.values()}.values())
