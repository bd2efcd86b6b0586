"""Contains what a state-of-the-world client rejects, as far as that protocol permits.

Each response is all that the client is to have. So what is kept from the client, or looked into, is
left out of later responses, or stands in them with the content that the client accepted last.
"""

from xds.containment import Containment, Rejection
from xds.resource import Resource
from xds.sotw_exchange import SotwExchange, SotwInFlight
from xds.sotw_state import State, state
from xds.standing import Nack
from xds.warden import Warden


class SotwWard(Warden):
    """What a state-of-the-world stream does about rejections."""

    def accept(self, exchange: SotwExchange, response: SotwInFlight) -> None:
        """The client accepted a response."""
        before = exchange.accepted.versions.items() if exchange.accepted is not None else ()
        exchange.accepted = response.state
        contained = exchange.contained
        if contained is not None and response.trial:
            contained.accepted()
            self._conclude(exchange, contained)
        awaited = self._record.awaited(exchange.type_url)
        if awaited:
            for content in response.state.versions.items() - before:
                if content in awaited:
                    self._record.accept(exchange.type_url, content)

    def reject(self, exchange: SotwExchange, response: SotwInFlight, nack: Nack, text: str) -> None:
        """The client rejected a response, and said `text`."""
        exchange.nack = nack
        contained = exchange.contained
        new = _differing(response.state, exchange.accepted)
        rejection = Rejection(
            resources=new, removed=(), base=response.base, text=text, message=nack.message
        )
        if contained is not None and response.trial:
            contained.rejected(rejection)
        elif new:
            contained = contained or self._containment(exchange, nack.at)
            contained.reject(rejection, nack.at)
        else:  # there is nothing in it that could be left out
            exchange.rejected_at = max(exchange.rejected_at, nack.generation)
            return
        if not exchange.in_flight:
            exchange.held = exchange.accepted
        self._conclude(exchange, contained)

    def resumes_at(self, exchange: SotwExchange, now: float) -> float:
        """When the search for a culprit may go on: not later than `now` if it may at once."""
        contained = exchange.contained
        if contained is None or not contained.searching:
            return now
        return self._allowance.allowed_at(now)

    def refresh(self, exchange: SotwExchange) -> None:
        """Let go of what has changed, so that it is sent."""
        contained = exchange.contained
        if contained is not None:
            contained.refresh()
            self._conclude(exchange, contained)

    def target(self, exchange: SotwExchange, wanted: State, now: float) -> tuple[State, bool]:
        """What to send instead of `wanted`, and whether that is to find something out."""
        contained = exchange.contained
        trial = contained is not None and contained.searching
        if contained is not None and trial:
            self._allowance.take(now)
            contained.next()
        sifted = self.sifted(exchange, wanted, now)
        if contained is not None and trial:
            contained.join((e.name, e.version) for e in _differing(sifted, exchange.accepted))
        return sifted, trial

    def sifted(self, exchange: SotwExchange, wanted: State, now: float) -> State:
        """`wanted`, with what the client accepted last in the place of what is kept from it."""
        if exchange.contained is None and not self._record.concerned:
            return wanted
        contained = exchange.contained or self._containment(exchange, now)
        entries = {entry.name: entry for entry in wanted.resources}
        tried = contained.suspects() - contained.waiting()
        held = contained.hold_back(entries, (), exchange.acked)
        accepted = exchange.accepted.resources if exchange.accepted is not None else ()
        last = {entry.name: entry for entry in accepted}
        out: list[Resource] = []
        for entry in wanted.resources:
            if entry.name not in held or (entry.name, entry.version) in tried:
                out.append(entry)
            elif entry.name in last:
                out.append(last[entry.name])
        self._conclude(exchange, contained)
        return wanted if tuple(out) == wanted.resources else state(out)

    def _conclude(self, exchange: SotwExchange, contained: Containment) -> None:
        contained.take_removed()  # what is not in a response is removed by it
        exchange.asked = bool(contained.take_again()) or exchange.asked
        exchange.contained = contained if contained else None
        self._tally.count(exchange.type_url, contained)


def _differing(sent: State, accepted: State | None) -> tuple[Resource, ...]:
    before = accepted.versions if accepted is not None else {}
    return tuple(e for e in sent.resources if before.get(e.name) != e.version)
