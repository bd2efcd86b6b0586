"""Types that a client asks for and that are not served: their names do not exist (X-06).

What a client holds of such a type, from another server, stays: a listener may need an extension's
configuration that is gone (X-106).
"""

from collections.abc import Callable, Collection, Container

from xds import subscription as subscriptions
from xds.interest import NO_NAMES, Interner
from xds.limits import Limits
from xds.subscription import Subscription


class UnknownTypes:
    """The questions that one stream still has to answer. A wildcard of such a type is empty."""

    def __init__(self, interner: Interner, limits: Limits) -> None:
        self._interner = interner
        self._limits = limits
        self._asked: dict[str, frozenset[str]] = {}

    def ask(self, type_url: str, names: Collection[str], held: Container[str]) -> bool:
        """Take a question of a client that holds some of this already; whether there is something
        to answer. Raises `TooMuch`.
        """
        names = [name for name in names if name not in held]
        known = self._asked.get(type_url)
        if not names or (known is None and len(self._asked) >= self._limits.unknown_types):
            return False
        asked, _ = subscriptions.changed(
            Subscription(names=known or NO_NAMES),
            type_url,
            names,
            (),
            self._interner,
            self._limits.names,
        )
        self._asked[type_url] = asked.names
        return True

    def answers(self, refuse: Callable[[str, Collection[str]], bytes]) -> list[bytes]:
        """What to say to all questions."""
        out = [refuse(*asked) for asked in self._asked.items()]
        self._asked.clear()
        return out
