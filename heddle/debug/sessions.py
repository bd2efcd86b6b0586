"""How a browser logs in: by an address that works once, and then by a cookie.

`heddle dashboard` shows its token, gets such an address, and opens it. The cookie is for this site
alone (SameSite=Strict) and out of the reach of scripts; behind it is the token that was shown, so
each request is judged as if it had shown it again.
"""

from collections.abc import Callable
from typing import Final

from ca.secret import Token
from heddle.debug.addresses import LOGIN

COOKIE: Final = "heddle-session"
ONCE_SECONDS = 60.0
"""How long the address may be opened."""
SESSION_SECONDS = 8 * 3600.0
ROOM = 64
"""Sessions, and addresses that nobody has opened: the oldest makes room."""


class Sessions:
    """The logins. `clock` gives seconds and never goes back; `secret` a text that nobody can
    guess.
    """

    def __init__(self, *, clock: Callable[[], float], secret: Callable[[], str]) -> None:
        self._clock = clock
        self._secret = secret
        self._once: dict[str, tuple[float, Token]] = {}
        self._sessions: dict[str, tuple[float, Token]] = {}

    def invite(self, token: Token, seconds: float = ONCE_SECONDS) -> str:
        """What opens a session once, for who has shown this token, within so many seconds."""
        return self._kept(self._once, seconds, token)

    def waits(self, once: str) -> bool:
        """Whether this still opens a session."""
        until, _ = self._once.get(once, (0.0, None))
        return self._clock() < until

    def redeem(self, once: str) -> str | None:
        """The value of the cookie; nothing if this opens no session (any longer)."""
        until, token = self._once.pop(once, (0.0, None))
        if token is None or self._clock() >= until:
            return None
        return self._kept(self._sessions, SESSION_SECONDS, token)

    def token(self, cookie: str) -> Token | None:
        """What was shown when the session began; nothing if there is none."""
        until, token = self._sessions.get(cookie, (0.0, None))
        if token is None or self._clock() >= until:
            self._sessions.pop(cookie, None)
            return None
        return token

    def _kept(self, where: dict[str, tuple[float, Token]], seconds: float, token: Token) -> str:
        name = self._secret()
        where[name] = (self._clock() + seconds, token)
        if len(where) > ROOM:
            del where[next(iter(where))]
        return name


class Invitation:
    """An address for a terminal that shows it all the time: good for one login, and then another
    one. Only for who can read all of this run's anyhow.
    """

    def __init__(self, sessions: Sessions, token: Token) -> None:
        self._sessions = sessions
        self._token = token
        self._once = ""

    def path(self) -> str:
        """The one that is good now."""
        if not self._sessions.waits(self._once):
            self._once = self._sessions.invite(self._token, SESSION_SECONDS)
        return f"{LOGIN}?once={self._once}"
