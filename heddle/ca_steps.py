"""The steps of a rotation as `heddle ca` takes them: where the authority is kept, by what the
replicas say that follow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ca.authority import Authority, new_intermediate, new_root, trust_domain
from ca.errors import AuthorityError, NotYet
from ca.reports import Said, Waiting, waiting
from ca.rotation import Phase, Rotation, back, begin, forward, replaced
from ca.storage import load
from heddle.authority_place import AuthorityPlace, present
from heddle.certificates import TRUST_DOMAIN

PAUSE = timedelta(minutes=2)
"""How long the kubelet takes, at most, to bring a changed ConfigMap into every pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a rotation is: its state, what the replicas say, and who is waited for. `own`: the
    authority is one that `heddle ca` changes.
    """

    rotation: Rotation
    said: Said
    late: Waiting
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """`force`: proxies that do not have the present step are left out. `pause` is how long the step
    before the last takes at least, so that files with roots reach all pods.
    """

    force: bool = False
    pause: timedelta = PAUSE


async def made(place: AuthorityPlace, now: datetime, domain: str, given: Path | None) -> Rotation:
    """Puts a new authority where there is none: our own, or the one in the folder `given`.

    Raises `AuthorityError`, or `OSError` for a folder that cannot be written to.
    """
    rotation = Rotation(current=_new(now, domain, given), since=now)
    await place.create(rotation, now)
    return rotation


def _new(now: datetime, domain: str, given: Path | None) -> Authority:
    if given is None:
        return new_intermediate(new_root(now, domain), now, domain)
    found = load(given, now, root_keys=True)
    if found is None:
        raise AuthorityError(f"{given}: there is no authority")
    return found.current


async def progress(place: AuthorityPlace, now: datetime) -> Progress:
    """How it stands. Raises `AuthorityError`."""
    rotation = await present(place, now)
    said = await place.said(now)
    late = waiting(said, rotation.name, now)
    return Progress(rotation=rotation, said=said, late=late, own=place.own)


async def step(
    place: AuthorityPlace, now: datetime, care: Care, given: Path | None = None
) -> Rotation:
    """Begins a rotation, to the authority in the folder `given` or else to a new one, or takes the
    next step of the one that is under way. An authority of the same root signs at once.

    Raises `NotYet` while somebody is waited for, `RotationRefused` for what never may be,
    `AuthorityError` for a place that cannot be used.
    """

    def change(rotation: Rotation, said: Said) -> Rotation:
        if rotation.phase is Phase.STABLE:
            domain = trust_domain(rotation.current.certificate) or TRUST_DOMAIN
            return begun(rotation, _new(now, domain, given), now)
        return forwarded(rotation, said, care, now)

    return await place.edit(now, change)


def begun(rotation: Rotation, new: Authority, now: datetime) -> Rotation:
    """The first step. It only adds trust, so nobody is waited for."""
    same = new.root == rotation.current.root
    return replaced(rotation, new) if same else begin(rotation, new, now)


def forwarded(rotation: Rotation, said: Said, care: Care, now: datetime) -> Rotation:
    """The next step, by what the replicas say."""
    late = _late(rotation, said, care, now)
    if rotation.phase is Phase.SWITCHED and rotation.since is not None:
        _check_pause(now - rotation.since, care.pause)
    return forward(rotation, late, now)


def taken_back(rotation: Rotation, said: Said, care: Care, now: datetime) -> Rotation:
    """The step before, by what the replicas say."""
    awaited = rotation.phase is Phase.TRUSTING and rotation.returning
    return back(rotation, _late(rotation, said, care, now) if awaited else (), now)


async def step_back(place: AuthorityPlace, now: datetime, care: Care) -> Rotation:
    """Takes back the last step; raises what `step` does."""
    return await place.edit(now, lambda rotation, said: taken_back(rotation, said, care, now))


def _late(rotation: Rotation, said: Said, care: Care, now: datetime) -> Sequence[str]:
    """The pods that are waited for. A replica is always: what it does not serve, it would leap
    over."""
    late = waiting(said, rotation.name, now)
    if not said.living and not care.force:
        raise NotYet(
            "no control plane follows this authority, so nobody knows what the proxies have: start "
            "`heddle serve`, or use --force if there are no proxies"
        )
    if late.replicas:
        named = "; ".join(f"{name}: {why}" for name, why in sorted(late.replicas.items()))
        raise NotYet(f"{len(late.replicas)} replicas do not serve this step yet: {named}")
    if late.roots and not care.force:
        raise NotYet(late.roots)
    if care.force:
        return ()
    return tuple(f"{pod} ({why})" for pod, why in late.pods.items())


def _check_pause(passed: timedelta, pause: timedelta) -> None:
    if passed < pause:
        left = (pause - passed).total_seconds()
        raise NotYet(
            f"{left:.0f} seconds are left for the new root to reach the files of all pods (--pause)"
        )
