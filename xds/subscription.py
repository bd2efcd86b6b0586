"""What one client asked for in one type, and what each of its requests calls for.

Pure: a subscription is a value, a request makes the next one. Rule ids are those of the protocol's
specification ("Incremental xDS"), which the tests carry too.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from xds.errors import TooMuch
from xds.interest import NO_NAMES, Interner
from xds.limits import NameLimits
from xds.types import WILDCARD_TYPES

WILDCARD: Final = "*"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Everything (`wildcard`), and the names that were asked for one by one."""

    wildcard: bool = False
    names: frozenset[str] = NO_NAMES


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client must now be told, whether or not it changed: these names, or everything."""

    names: frozenset[str] = NO_NAMES
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.names)


NOTHING_ASKED: Final = Asked()
_NO_SUBSCRIPTION: Final = Subscription()


def first(
    type_url: str,
    subscribe: Collection[str],
    unsubscribe: Collection[str],
    interner: Interner,
    limits: NameLimits,
) -> tuple[Subscription, Asked]:
    """What the first request of a type on a stream asks for."""
    if subscribe or type_url not in WILDCARD_TYPES:  # elsewhere empty means nothing
        return changed(_NO_SUBSCRIPTION, type_url, subscribe, unsubscribe, interner, limits)
    if WILDCARD in unsubscribe:
        return _NO_SUBSCRIPTION, NOTHING_ASKED  # a client that wants to name things only later
    return Subscription(wildcard=True), Asked(everything=True)  # the legacy wildcard


def changed(
    old: Subscription,
    type_url: str,
    subscribe: Collection[str],
    unsubscribe: Collection[str],
    interner: Interner,
    limits: NameLimits,
) -> tuple[Subscription, Asked]:
    """What a later request leaves subscribed, and what it asks for.

    Every request may do so: an ACK or a NACK (X-25), and one with a stale nonce (X-24).
    """
    if not subscribe and not unsubscribe:
        return old, NOTHING_ASKED
    for name in subscribe:
        if len(name) > limits.length:
            raise TooMuch(f"a resource name has more than {limits.length} characters")
    starred = type_url in WILDCARD_TYPES
    add, remove = interner.shared(frozenset(subscribe)), frozenset(unsubscribe)
    star_on = starred and WILDCARD in add
    star_off = starred and WILDCARD in remove
    if starred:
        add, remove = add - {WILDCARD}, remove - {WILDCARD}
    wildcard = star_on or (old.wildcard and not star_off)  # never falls back to it
    # a wildcard client that gives up a name is told what the wildcard has for it.
    # giving up a name that was never asked for is no event.
    given_up = (remove & old.names) - add if wildcard and remove else NO_NAMES
    names = interner.step(old.names, add, remove)
    if len(names) > limits.names:
        raise TooMuch(f"more than {limits.names} resource names in one type")
    # a name that is subscribed already is answered again, as the client may have dropped it.
    return Subscription(wildcard, names), Asked(add | given_up if given_up else add, star_on)
