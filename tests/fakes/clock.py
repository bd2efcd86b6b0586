"""A clock that moves only when told to."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


class FakeClock:
    """Stands for `time.monotonic` or `time.time` (called) and for `datetime.now` (`now()`)."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start

    def __call__(self) -> float:
        """Seconds since the Unix epoch."""
        return self._now.timestamp()

    def now(self) -> datetime:
        """The same instant as an aware datetime in UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves the clock forward."""
        self._now += timedelta(seconds=seconds)
