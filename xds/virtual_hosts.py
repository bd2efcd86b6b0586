"""Which route configurations a client holds, and so whose virtual hosts it is to have (X-123).

Envoy opens one nameless subscription for the virtual hosts of all its route configurations, and
drops what comes for one that it does not hold yet. So a virtual host follows its route
configuration, and a route configuration that is new to the client is followed by its whole table.
"""

from xds.interest import NO_NAMES, Interner


class RouteTables:
    """The route configurations of one client."""

    def __init__(self, interner: Interner) -> None:
        self._interner = interner
        self.held = NO_NAMES
        """Those that the client was sent on this stream, or said that it holds."""
        self.new = NO_NAMES
        """Those of `held` whose virtual hosts all have to be sent."""
        self._doubted = NO_NAMES

    def keep(self, names: frozenset[str]) -> None:
        """The client held these, with their tables, before the stream began."""
        self.held = self._interner.step(self.held, names)

    def sent(self, names: frozenset[str], asked: frozenset[str]) -> None:
        """These were sent. What the client did not hold, or asked for anew, has no table yet."""
        self.new |= (names - self.held) | (names & asked) | (names & self._doubted)
        self._doubted -= names
        self.held = self._interner.step(self.held, names)

    def doubt(self, names: frozenset[str]) -> None:
        """The client rejected these: perhaps it has none of them, and no place for their tables."""
        self._doubted |= names

    def let_go(self, names: frozenset[str]) -> None:
        """The client gave these up."""
        self.held = self._interner.step(self.held, NO_NAMES, names)
        self.new -= names

    def take_new(self) -> frozenset[str]:
        """The route configurations whose tables are sent with this push."""
        new, self.new = self.new, NO_NAMES
        return new
