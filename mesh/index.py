"""The one way to keep an inverted index by value: buckets of keys, replaced only where something
changed.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

Bucket = TypeVar("Bucket")
Member = TypeVar("Member")


def regroup(
    index: Mapping[Bucket, frozenset[Member]],
    gone: Iterable[tuple[Bucket, Member]],
    come: Iterable[tuple[Bucket, Member]],
) -> Mapping[Bucket, frozenset[Member]]:
    """`index` without the pairs of `gone` and with those of `come`; untouched buckets stay the
    identical object.
    """
    edits: dict[Bucket, tuple[set[Member], set[Member]]] = {}
    for bucket, member in gone:
        edits.setdefault(bucket, (set(), set()))[0].add(member)
    for bucket, member in come:
        edits.setdefault(bucket, (set(), set()))[1].add(member)
    if not edits:
        return index
    new = dict(index)
    for bucket, (removed, added) in edits.items():
        members = (new.get(bucket, frozenset()) - removed) | added
        if members:
            new[bucket] = members
        else:
            new.pop(bucket, None)
    return new
