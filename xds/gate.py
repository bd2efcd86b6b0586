"""Where streams wait until they are admitted: `Admission` on an event loop."""

import asyncio

from xds.admission import Admission, Ticket
from xds.errors import Reconnect
from xds.metrics import Metrics


class Gate:
    """Belongs to one event loop."""

    def __init__(self, admission: Admission, metrics: Metrics) -> None:
        self._admission = admission
        self._metrics = metrics
        self._entering: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> Ticket:
        """Wait to be admitted. Whoever got a ticket gives it back with `leave`."""
        loop = asyncio.get_running_loop()
        came = loop.time()
        ticket = self._admission.join()
        entered = self._entering[ticket] = loop.create_future()
        self._advance()
        try:
            await entered
        except BaseException:
            self.leave(ticket)
            raise
        finally:
            del self._entering[ticket]
        self._metrics.admitted(loop.time() - came)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """The client is up to date, or gone. May be called twice."""
        self._admission.leave(ticket)
        self._advance()

    def close(self, why: str) -> None:
        """Send away all who wait."""
        for entered in self._entering.values():
            if not entered.done():
                entered.set_exception(Reconnect(why))

    def _advance(self) -> None:
        loop = asyncio.get_running_loop()
        for ticket in self._admission.admit(loop.time()):
            entered = self._entering.get(ticket)
            if entered is not None and not entered.done():
                entered.set_result(None)
        self._metrics.waiting.set(self._admission.waiting)
        if self._timer is not None:
            self._timer.cancel()
        due = self._admission.next_wakeup()
        self._timer = None if due is None else loop.call_at(due, self._advance)
