"""From one root to the next without a connection refused: three steps, each of which waits.

    stable      the old one signs, only it is trusted
    trusting    the old one signs, both are trusted         begin, forward
    switched    the new one signs, both are trusted         forward: everybody trusts the new one
    stable      the new one signs, only it is trusted       forward: nobody shows an old certificate

A step is taken when every proxy has acknowledged the one before it, and not sooner; until the old
root is dropped, each step can be taken back. Values in, values out: who remembers the state across
restarts, and who counts acknowledgements, is elsewhere.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from cryptography import x509

from ca.authority import Authority
from ca.errors import RotationRefused


class Phase(StrEnum):
    """How far a rotation is."""

    STABLE = "stable"
    TRUSTING = "trusting"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """`current` is what signs and is trusted when nothing is under way; `other` is the one that
    comes (trusting) or goes (switched).
    """

    phase: Phase = Phase.STABLE
    current: Authority
    other: Authority | None = None

    @property
    def signer(self) -> Authority:
        """What signs now."""
        return self.current

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """What is trusted now, the signer's root first."""
        others = (self.other.root,) if self.other else ()
        return (self.current.root, *(each for each in others if each != self.current.root))


def begin(rotation: Rotation, new: Authority) -> Rotation:
    """Trust `new` beside what is there.

    A new intermediate of the same root needs no rotation: `replaced` takes it at once.
    """
    if rotation.phase is not Phase.STABLE:
        raise RotationRefused(f"a rotation is under way ({rotation.phase}): finish it or roll back")
    if new.root == rotation.current.root:
        raise RotationRefused("the new authority has the root that is trusted already")
    return replace(rotation, phase=Phase.TRUSTING, other=new)


def forward(rotation: Rotation, waiting: Collection[str]) -> Rotation:
    """The next step. `waiting` names the proxies that do not have the present one yet: while there
    are any, `RotationRefused` says which.
    """
    if waiting:
        named = ", ".join(sorted(waiting)[:_NAMED])
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        raise RotationRefused(f"{len(waiting)} proxies do not have this step yet: {named}{more}")
    match rotation:
        case Rotation(phase=Phase.TRUSTING, current=old, other=Authority() as new):
            return Rotation(phase=Phase.SWITCHED, current=new, other=old)
        case Rotation(phase=Phase.SWITCHED, current=new):
            return Rotation(current=new)
        case _:
            raise RotationRefused("no rotation is under way")


def back(rotation: Rotation) -> Rotation:
    """The step before: from `switched` to `trusting`, from `trusting` to where it began."""
    match rotation:
        case Rotation(phase=Phase.SWITCHED, current=new, other=Authority() as old):
            return Rotation(phase=Phase.TRUSTING, current=old, other=new)
        case Rotation(phase=Phase.TRUSTING, current=old):
            return Rotation(current=old)
        case _:
            raise RotationRefused("no rotation is under way: there is nothing to take back")


def replaced(rotation: Rotation, new: Authority) -> Rotation:
    """Sign with `new` from now on, an authority below the root that signs already."""
    if new.root != rotation.current.root:
        raise RotationRefused("the authority has another root: rotate to it step by step")
    return replace(rotation, current=new)


_NAMED = 5
"""How many of the proxies that are waited for are named."""
