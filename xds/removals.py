"""Removals of clusters that wait until nothing of the client's refers to them (X-81).

A removal may go once the routes and listeners of its generation are acknowledged, and goes anyway
after a grace period: a client that never acknowledges keeps no cluster for ever.
"""

_LIMIT = 8


class Withheld:
    """The generations whose removals wait, each with its deadline. Bounded: late ones merge."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, float]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def newest(self) -> int:
        """The newest generation that waits, or -1."""
        return self._waiting[-1][0] if self._waiting else -1

    @property
    def deadline(self) -> float | None:
        """When the oldest may go in any case."""
        return self._waiting[0][1] if self._waiting else None

    def add(self, generation: int, deadline: float) -> None:
        """Let the removals of `generation`, newer than all that wait, wait too."""
        if len(self._waiting) >= _LIMIT:
            self._waiting.pop()
        self._waiting.append((generation, deadline))

    def release(self, confirmed: int, now: float) -> int:
        """The newest generation whose removals may go now, which then waits no more; -1: none."""
        released = -1
        while self._waiting:
            generation, deadline = self._waiting[0]
            if generation > confirmed and deadline > now:
                break
            released = generation
            del self._waiting[0]
        return released
