"""The steps of a rotation as `heddle ca` takes them: on the folder of the authority, by what the
replicas say that follow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ca.authority import Authority, new_intermediate, new_root, trust_domain
from ca.errors import AuthorityError, NotYet
from ca.reports import Said, Waiting, reports, waiting
from ca.rotation import Phase, Rotation, back, begin, forward, replaced
from ca.storage import create, edit, is_own, load
from heddle.certificates import TRUST_DOMAIN

PAUSE = timedelta(minutes=2)
"""How long the kubelet takes, at most, to bring a changed ConfigMap into every pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a rotation is: its state, what the replicas say, and who is waited for. `own`: the
    folder is one that `heddle ca` changes.
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


def made(folder: Path, now: datetime, domain: str, given: Path | None) -> Rotation:
    """Puts a new authority into a folder that has none: our own, or the one in the folder `given`.

    Raises `AuthorityError`, or `OSError` for a folder that cannot be written to.
    """
    rotation = Rotation(current=_new(now, domain, given), since=now)
    create(folder, rotation, now)
    return rotation


def _new(now: datetime, domain: str, given: Path | None) -> Authority:
    if given is None:
        return new_intermediate(new_root(now, domain), now, domain)
    found = load(given, now, root_keys=True)
    if found is None:
        raise AuthorityError(f"{given}: there is no authority")
    return found.current


def progress(folder: Path, now: datetime) -> Progress:
    """How it stands. Raises `AuthorityError`."""
    rotation = load(folder, now)
    if rotation is None:
        raise AuthorityError(f"{folder}: there is no authority: `heddle ca init` makes one")
    said = reports(folder)
    return Progress(
        rotation=rotation, said=said, late=waiting(said, rotation.name), own=is_own(folder)
    )


def step(folder: Path, now: datetime, care: Care, given: Path | None = None) -> Rotation:
    """Begins a rotation, to the authority in the folder `given` or else to a new one, or takes the
    next step of the one that is under way. An authority of the same root signs at once.

    Raises `NotYet` while somebody is waited for, `RotationRefused` for what never may be,
    `AuthorityError` for a folder that cannot be used.
    """

    def change(rotation: Rotation) -> Rotation:
        if rotation.phase is Phase.STABLE:
            domain = trust_domain(rotation.current.certificate) or TRUST_DOMAIN
            return begun(rotation, _new(now, domain, given), now)
        return forwarded(rotation, reports(folder), care, now)

    return edit(folder, now, change)


def begun(rotation: Rotation, new: Authority, now: datetime) -> Rotation:
    """The first step. It only adds trust, so nobody is waited for."""
    same = new.root == rotation.current.root
    return replaced(rotation, new) if same else begin(rotation, new, now)


def forwarded(rotation: Rotation, said: Said, care: Care, now: datetime) -> Rotation:
    """The next step, by what the replicas say."""
    late = _late(rotation, said, care)
    if rotation.phase is Phase.SWITCHED and rotation.since is not None:
        _check_pause(now - rotation.since, care.pause)
    return forward(rotation, late, now)


def taken_back(rotation: Rotation, said: Said, care: Care, now: datetime) -> Rotation:
    """The step before, by what the replicas say."""
    awaited = rotation.phase is Phase.TRUSTING and rotation.returning
    return back(rotation, _late(rotation, said, care) if awaited else (), now)


def step_back(folder: Path, now: datetime, care: Care) -> Rotation:
    """Takes back the last step; raises what `step` does."""

    return edit(folder, now, lambda rotation: taken_back(rotation, reports(folder), care, now))


def _late(rotation: Rotation, said: Said, care: Care) -> Sequence[str]:
    """The pods that are waited for. A replica is always: what it does not serve, it would leap
    over."""
    late = waiting(said, rotation.name)
    if not said.living and not care.force:
        raise NotYet(
            "no control plane follows this folder, so nobody knows what the proxies have: start "
            "`heddle serve --ca-folder`, or use --force if there are no proxies"
        )
    if late.replicas:
        named = "; ".join(f"{name}: {why}" for name, why in sorted(late.replicas.items()))
        raise NotYet(f"{len(late.replicas)} replicas do not serve this step yet: {named}")
    if care.force:
        return ()
    return tuple(f"{pod} ({why})" for pod, why in late.pods.items())


def _check_pause(passed: timedelta, pause: timedelta) -> None:
    if passed < pause:
        left = (pause - passed).total_seconds()
        raise NotYet(
            f"{left:.0f} seconds are left for the new root to reach the files of all pods (--pause)"
        )
