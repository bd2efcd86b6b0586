"""What is in the way of something that goes on and on: said once, and once when it is over."""

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Trouble:
    """Of one thing. `event` is said with the reason; `over`, if it has words, when it is gone."""

    def __init__(
        self, event: str, over: str = "", *, say: Callable[..., object] | None = None, **of: str
    ) -> None:
        """`of` are said every time. `say` is how serious it is: an error, if nothing is given."""
        self.reason = ""
        """What is in the way now; empty if nothing is."""
        self._event = event
        self._over = over
        self._say = say
        self._of = of

    def now(self, reason: str, **also: str) -> None:
        """Nothing is in the way if `reason` is empty; the same one again is no news."""
        before, self.reason = self.reason, reason
        if reason and reason != before:
            (self._say or log.error)(self._event, **self._of, **also, reason=reason)
        elif before and not reason and self._over:
            log.info(self._over, **self._of)
