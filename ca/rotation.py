"""From one root to the next without a connection refused: three steps, each of which waits.

    stable      the old one signs, only it is trusted
    trusting    the old one signs, both are trusted         begin, forward
    switched    the new one signs, both are trusted         forward: everybody trusts the new one
    stable      the new one signs, only it is trusted       forward: nobody shows an old certificate

A step is taken when every proxy has acknowledged the one before it, and not sooner; until the old
root is dropped, each step can be taken back. Values in, values out: `storage` keeps the state
across restarts, and who counts acknowledgements is elsewhere.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ca.authority import Authority
from ca.errors import NotYet, RotationRefused


class Phase(StrEnum):
    """How far a rotation is."""

    STABLE = "stable"
    TRUSTING = "trusting"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """`current` is what signs; `other` is the one that comes (trusting) or goes (switched). `more`
    are roots that are trusted beside theirs: those of a mesh that is joined, say. `returning`: the
    one that comes has signed before, so that somebody may show a certificate of it. `since` is when
    the phase began, if it is known.
    """

    phase: Phase = Phase.STABLE
    current: Authority
    other: Authority | None = None
    more: tuple[x509.Certificate, ...] = ()
    returning: bool = False
    since: datetime | None = None

    @property
    def signer(self) -> Authority:
        """What signs workloads' certificates now."""
        return self.current

    @property
    def server(self) -> Authority:
        """What signs the control plane's own certificate: the old one for as long as there is one.
        Nobody acknowledges that the new root has come into the file that his bootstrap names.
        """
        if self.phase is Phase.SWITCHED and self.other is not None:
            return self.other
        return self.current

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """What is trusted now, in an order that says nothing of who signs: a step that changes
        only that sends nobody his trust anew.
        """
        other = (self.other.root,) if self.other else ()
        return _in_order({self.current.root, *other, *self.more})

    @property
    def name(self) -> str:
        """Short, and another one for each step and whenever anything that a proxy holds changes."""
        held = (self.signer.certificate, *self.roots)
        step = f"{self.phase} {self.returning}".encode()
        text = step + b"".join(map(_fingerprint, held))
        return blake2b(text, digest_size=8).hexdigest()


def _in_order(certificates: Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    return tuple(sorted(certificates, key=_fingerprint))


def _fingerprint(certificate: x509.Certificate) -> bytes:
    return certificate.fingerprint(hashes.SHA256())


def begin(rotation: Rotation, new: Authority, now: datetime) -> Rotation:
    """Trust `new` beside what is there.

    A new intermediate of the same root needs no rotation: `replaced` takes it at once.
    """
    if rotation.phase is not Phase.STABLE:
        raise RotationRefused(f"a rotation is under way ({rotation.phase}): finish it or roll back")
    if new.root in rotation.roots:
        raise RotationRefused("the new authority has a root that is trusted already")
    return replace(rotation, phase=Phase.TRUSTING, other=new, since=now)


def forward(rotation: Rotation, waiting: Collection[str], now: datetime) -> Rotation:
    """The next step. `waiting` names the proxies that do not have the present one yet: while there
    are any, `NotYet` says which.
    """
    _none(waiting)
    match rotation:
        case Rotation(phase=Phase.TRUSTING, current=old, other=Authority() as new):
            return replace(rotation, phase=Phase.SWITCHED, current=new, other=old, since=now)
        case Rotation(phase=Phase.SWITCHED, current=new):
            return Rotation(current=new, more=rotation.more, since=now)
        case _:
            raise RotationRefused("no rotation is under way: there is no next step")


def back(rotation: Rotation, waiting: Collection[str], now: datetime) -> Rotation:
    """The step before: from `switched` to `trusting`, from `trusting` to where it began.

    That last one waits as `forward` does if the new authority has signed meanwhile: somebody may
    still show a certificate that nobody would trust.
    """
    match rotation:
        case Rotation(phase=Phase.SWITCHED, current=new, other=Authority() as old):
            back_to = replace(rotation, phase=Phase.TRUSTING, current=old, other=new)
            return replace(back_to, returning=True, since=now)
        case Rotation(phase=Phase.TRUSTING, current=old):
            _none(waiting if rotation.returning else ())
            return Rotation(current=old, more=rotation.more, since=now)
        case _:
            raise RotationRefused("no rotation is under way: there is nothing to take back")


def _none(waiting: Collection[str]) -> None:
    if waiting:
        named = ", ".join(sorted(waiting)[:_NAMED])
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        are = "proxy does" if len(waiting) == 1 else "proxies do"
        raise NotYet(f"{len(waiting)} {are} not have this step yet: {named}{more}")


def replaced(rotation: Rotation, new: Authority) -> Rotation:
    """Sign with `new` from now on, an authority below the root that signs already. The root's key
    stays if it comes without.
    """
    if new.root != rotation.current.root:
        raise RotationRefused("the authority has another root: rotate to it step by step")
    if new == rotation.current:
        raise RotationRefused("this is the authority that signs already")
    kept = new.root_signer or rotation.current.root_signer
    return replace(rotation, current=replace(new, root_signer=kept))


def followed(
    served: Rotation, found: Rotation, *, own: bool, taken: Callable[[], bool]
) -> Rotation:
    """What a replica serves next on the way to what it has `found`. `own`: it was `heddle ca` that
    took the step, and asked all replicas before. `taken` as for `approached`, where it counts.
    """
    together = found.current.root in served.roots and served.current.root in found.roots
    return found if own and together else approached(served, found, taken=taken())


def approached(served: Rotation, found: Rotation, *, taken: bool) -> Rotation:
    """What to serve next on the way from what is `served` to what was `found`, which somebody else
    has put there: trust comes first, then the signer, and what is not trusted any longer goes last.
    `taken`: every proxy has all that is served, without which nothing goes on but trust. Nobody
    waits for a new intermediate, or for roots that only come.

    Raises `RotationRefused` for a leap from one root to another that has nothing in common with it.
    """
    if found.current.root not in served.roots and served.current.root not in found.roots:
        raise RotationRefused(
            "another root is there instead of the one that proxies trust: it is not taken. Put the "
            "old and the new root into root-cert.pem first, with the old one signing; then let the "
            "new one sign; then take the old root out"
        )
    trusted = _in_order({*served.roots, *found.roots})
    if not set(found.roots) <= set(served.roots):
        signer = found.current if found.current.root == served.current.root else served.current
        return Rotation(current=signer, more=trusted)
    if found.current.root != served.current.root:
        return Rotation(current=found.current, more=trusted) if taken else served
    if set(found.roots) < set(served.roots) and not taken:
        return Rotation(current=found.current, more=trusted)
    return found


_NAMED = 5
"""How many of the proxies that are waited for are named."""
