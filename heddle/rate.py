"""How much may be written in a time: a bucket of tokens."""


class Bucket:
    """So many at once, and so many more each second. Its times are of the caller's clock."""

    def __init__(self, *, burst: int, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._tokens = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Takes one, if there is one."""
        self._fill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait(self, now: float) -> float:
        """How many seconds until there is one."""
        self._fill(now)
        return max(0.0, 1.0 - self._tokens) / self._per_second

    def _fill(self, now: float) -> None:
        gained = (now - self._at) * self._per_second
        self._tokens, self._at = min(self._burst, self._tokens + gained), now
