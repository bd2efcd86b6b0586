"""How often somebody may ask for what costs us something.

Each name may ask some times at once, and then once in an interval. Only a time is kept of each, and
of nobody who has not asked for a while. Sans-I/O: it is told the time.
"""

_ROOM = 1024
"""How many names are kept before those are looked for that need not be."""


class Allowance:
    """Times are of one clock, in seconds."""

    def __init__(self, *, burst: int, interval: float) -> None:
        """`burst` requests at once, and one more every `interval`."""
        self._window = (burst - 1) * interval
        self._interval = interval
        self._paid: dict[str, float] = {}
        """Until when each has used up what it may."""
        self._crowded = _ROOM

    def take(self, name: str, now: float) -> bool:
        """Whether `name` may ask once more now."""
        paid = max(self._paid.get(name, now), now)
        if paid - now > self._window:
            return False
        self._paid[name] = paid + self._interval
        if len(self._paid) > self._crowded:
            self._paid = {each: until for each, until in self._paid.items() if until > now}
            self._crowded = max(2 * len(self._paid), _ROOM)
        return True

    def __len__(self) -> int:
        """How many names are kept."""
        return len(self._paid)
