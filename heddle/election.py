"""Who leads, by a Lease that one replica holds: as client-go's leader election, without its I/O.

Nobody compares clocks. A candidate waits until a lease that it watches has not moved for as long as
the lease lasts, on its own clock; the holder counts from before it asked for its last renewal, and
gives up earlier. So the one has let go before another can take over, as long as clocks do not run
at speeds that differ by half. The times inside a Lease are for people.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from crds.times import micro_time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long things last, in seconds: client-go's defaults."""

    lease: float = 15.0
    """A lease that has not been renewed for so long may be taken."""
    renew: float = 10.0
    """Who could not renew for so long leads no longer."""
    retry: float = 2.0
    """Between two tries of the holder; a candidate waits up to `jitter` times as much more."""
    jitter: float = 1.2


class Election:
    """One candidate's view of a Lease. Times are seconds of a clock that only goes forward."""

    def __init__(self, identity: str, terms: Terms) -> None:
        """`identity` is of this process: no other has it, nor had it before."""
        self._identity = identity
        self._terms = terms
        self._watched: Mapping[str, object] = {}
        self._moved = 0.0
        self._found: Mapping[str, object] | None = None
        self._renewed: float | None = None

    @property
    def deadline(self) -> float:
        """Until when we lead, unless we renew."""
        return -math.inf if self._renewed is None else self._renewed + self._terms.renew

    def leads(self, now: float) -> bool:
        """Whether nobody else can lead now."""
        return now < self.deadline

    def pause(self, now: float, chance: float) -> float:
        """How long to wait until the next try; `chance` is from 0 to 1."""
        if self.leads(now):
            return min(self._terms.retry, self.deadline - now)
        return self._terms.retry * (1.0 + chance * self._terms.jitter)

    @property
    def knows(self) -> bool:
        """Whether the Lease need not be read before it is written: nobody else writes ours."""
        return self._found is not None and self._renewed is not None

    def saw(self, lease: Mapping[str, object] | None, now: float) -> None:
        """The Lease as it was read; None if there is none."""
        self._found = lease
        if lease is None:
            return  # somebody deleted it: its holder may not know yet
        spec = _spec(lease)
        if spec != self._watched:
            self._watched, self._moved = spec, now
        if _holder(spec) != self._identity:
            self._renewed = None

    def claim(self, now: float, wall: float) -> Mapping[str, object] | None:
        """The Lease to write to hold it from now on; None while another holds it. `wall` is in
        seconds since the epoch.
        """
        last = _holder(self._watched)
        if last not in ("", self._identity) and now < self._moved + self._lasts(self._watched):
            return None
        old = _spec(self._found)
        mine = _holder(old) == self._identity
        count = old.get("leaseTransitions")
        transitions = count if isinstance(count, int) else 0
        taken = self._found is not None and not mine
        spec = {
            **old,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._terms.lease),
            "acquireTime": (mine and old.get("acquireTime")) or _time(wall),
            "renewTime": _time(wall),
            "leaseTransitions": transitions + taken,
        }
        return {**(self._found or {}), "spec": spec}

    def held(self, lease: Mapping[str, object], asked: float) -> None:
        """The API server has taken our claim, which we made at `asked`: it came back as `lease`."""
        self._found, self._renewed = lease, asked
        self._watched, self._moved = _spec(lease), asked

    def failed(self) -> None:
        """A request came to nothing, or may have: the Lease has to be read again."""
        self._found = None

    def parting(self, now: float, wall: float) -> Mapping[str, object] | None:
        """The Lease to write to let go of it, if we hold it; we lead no longer."""
        held = self._found if self.leads(now) else None
        self._renewed = None
        if held is None:
            return None
        spec = {key: value for key, value in _spec(held).items() if key != "holderIdentity"}
        return {**held, "spec": {**spec, "leaseDurationSeconds": 1, "renewTime": _time(wall)}}

    def _lasts(self, spec: Mapping[str, object]) -> float:
        lasts = spec.get("leaseDurationSeconds")
        return float(lasts) if isinstance(lasts, int) else self._terms.lease


def _holder(spec: Mapping[str, object]) -> str:
    found = spec.get("holderIdentity")
    return found if isinstance(found, str) else ""


def _spec(lease: Mapping[str, object] | None) -> Mapping[str, object]:
    spec = lease.get("spec") if lease is not None else None
    return spec if isinstance(spec, Mapping) else {}


def _time(wall: float) -> str:
    return micro_time_text(datetime.fromtimestamp(wall, UTC))
