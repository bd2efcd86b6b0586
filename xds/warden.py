"""What both kinds of streams need to contain rejections: how often to try, and who is told."""

from typing import Protocol

from xds.containment import Containment
from xds.limits import Limits
from xds.observer import Observer
from xds.publisher import Publisher
from xds.quarantine import Record
from xds.resource import Resource


class Allowance:
    """So many at once, and one more in each interval of time."""

    def __init__(self, burst: int, interval: float) -> None:
        self._burst = burst
        self._interval = interval
        self._spent_until = float("-inf")
        """When all that was taken will have been given back."""

    def allowed_at(self, now: float) -> float:
        """When the next one may be taken: not later than `now` if it may be at once."""
        return self._spent_until - (self._burst - 1) * self._interval

    def take(self, now: float) -> None:
        """Take one."""
        self._spent_until = max(self._spent_until, now) + self._interval


class Tally:
    """Tells an observer of what is kept from a client, and no longer is."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._told: dict[str, int] = {}

    def count(self, type_url: str, contained: Containment) -> None:
        """Note how the containment of a type stands now."""
        fresh = contained.take_fresh()
        told = self._told.pop(type_url, 0) + len(fresh)
        for each in fresh:
            self._observer.quarantined(each)
        if count := len(contained.quarantined):
            self._told[type_url] = count
        if told > count:
            self._observer.lifted(type_url, told - count)

    def close(self) -> None:
        """Nothing is kept any more. May be called twice."""
        for type_url, count in self._told.items():
            self._observer.lifted(type_url, count)
        self._told.clear()


class Asked(Protocol):
    """A type that a client has asked for."""

    @property
    def type_url(self) -> str:
        """Which one."""

    def current(self, name: str) -> Resource | None:
        """What the client is to hold now under a name."""


class Warden:
    """What one stream does about rejections; what differs between protocols is in subclasses."""

    def __init__(
        self, record: Record, publisher: Publisher, observer: Observer, limits: Limits
    ) -> None:
        self._record = record
        self._publisher = publisher
        self._tally = Tally(observer)
        self._allowance = Allowance(limits.trials, limits.trial_interval)

    def close(self) -> None:
        """The stream ended. May be called twice."""
        self._tally.close()
        self._record.close()

    def _containment(self, exchange: Asked, now: float) -> Containment:
        return Containment(
            exchange.type_url,
            record=self._record,
            past=self._publisher.past,
            current=exchange.current,
            began=now,
        )
