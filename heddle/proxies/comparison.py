"""What a proxy is to hold, has accepted and holds, with both contents beside each other: what
`compare` finds, for who wants to see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from heddle.proxies.compare import Pair, pairs
from heddle.proxies.config_dump import ACKED
from heddle.proxies.dump import Json


class Agreement(StrEnum):
    """How what a proxy holds compares with what it is to hold."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    """The proxy does not hold it."""
    EXTRA = "extra"
    """It holds what it should not."""
    UNKNOWN = "not asked"
    """Nobody could ask the proxy itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One resource. `accepted`: the control plane knows that the proxy has taken this very content;
    `words`: why not, if the proxy said so. The contents are without what is secret.
    """

    kind: str
    name: str
    agreement: Agreement
    accepted: bool
    words: str = ""
    version: str = ""
    desired: Json | None = field(default=None, repr=False)
    live: Json | None = field(default=None, repr=False)


def compared(desired: Json, live: Json | None) -> Sequence[Compared]:
    """Every resource of either, by kind and name; what differs is in both. `live` is absent if the
    proxy could not be asked.
    """
    return [
        Compared(
            kind=pair.kind,
            name=pair.name,
            agreement=Agreement.UNKNOWN if live is None else _agreement(pair),
            accepted=pair.wanted is not None and pair.wanted.status == ACKED,
            words=pair.wanted.reason if pair.wanted else "",
            version=pair.wanted.version if pair.wanted else "",
            desired=pair.wanted.message if pair.wanted else None,
            live=pair.held.message if pair.held else None,
        )
        for pair in pairs(desired, live or {})
    ]


def _agreement(pair: Pair) -> Agreement:
    if pair.wanted is None:
        return Agreement.EXTRA
    if pair.held is None:
        return Agreement.MISSING
    return Agreement.DIFFERS if pair.where else Agreement.SAME
