"""Who may see what: a bearer token, and what it is asked for.

On this machine the token is that of the run file, which only its user can read, and it opens all
of the mesh. In a cluster the API server says whose a token is (TokenReview) and whether that user
may do to the pod what he would do with kubectl to see the same: `get` on `pods/proxy`, which the
roles `edit` and `admin` of a namespace have, and `view` has not (SubjectAccessReview).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ca.secret import Token
from ca.tokens import MAX_HEADER_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a request is about: one pod, a namespace, or (`""`) all of the mesh."""

    namespace: str = ""
    pod: str = ""

    def __str__(self) -> str:
        if self.pod:
            return f"pod {self.pod}.{self.namespace}"
        return f"namespace {self.namespace}" if self.namespace else "all namespaces"


WHOLE_MESH = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who was let in. `token` is what he has shown, to ask the API server with his own rights;
    `is_ours`: he is who runs this control plane, and has shown its own token.
    """

    name: str
    token: Token
    is_ours: bool = False

    @property
    def authorization(self) -> str | None:
        """What to show the API server in his name; nothing if he needs nobody's leave."""
        return None if self.is_ours else f"Bearer {self.token.reveal().decode()}"


class Refused(Exception):
    """An HTTP error for a caller; the text is for him."""

    status = 500


class NotAuthenticated(Refused):
    """Nobody knows who he is."""

    status = 401


class NotAllowed(Refused):
    """He may not see this."""

    status = 403


class NobodyToAsk(Refused):
    """The API server does not answer, so nobody is let in."""

    status = 503


class Guard(Protocol):
    """Decides."""

    async def __call__(self, token: Token, scope: Scope) -> Caller:
        """Who the caller is, if he may see this. Raises `Refused`."""
        ...


class RunGuard:
    """Lets in whoever has the token of this run."""

    def __init__(self, token: Token) -> None:
        self._token = token

    async def __call__(self, token: Token, scope: Scope) -> Caller:
        """See `Guard`: all or nothing."""
        del scope
        if token != self._token:
            raise NotAuthenticated("not the token of this run: it is in its run file")
        return Caller(name="the user of this machine", token=token, is_ours=True)


class EitherGuard:
    """Lets in whom one of several lets in; the last one says why not."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        if not guards:
            raise ValueError("without a guard nobody could come in")
        self._guards = tuple(guards)

    async def __call__(self, token: Token, scope: Scope) -> Caller:
        """See `Guard`."""
        *first, last = self._guards
        for guard in first:
            try:
                return await guard(token, scope)
            except NotAuthenticated:
                continue
        return await last(token, scope)


def bearer(headers: Mapping[str, str]) -> Token | None:
    """The token of the `Authorization` header; nothing if there is none. Raises `Refused`."""
    said = headers.get("Authorization")
    if said is None:
        return None
    scheme, _, token = said.partition(" ")
    fits = len(said) <= MAX_HEADER_BYTES and token.isascii() and token.isprintable()
    if scheme.lower() != "bearer" or not token or not fits:
        raise NotAuthenticated("the Authorization header is not a bearer token")
    return Token(token.encode())
