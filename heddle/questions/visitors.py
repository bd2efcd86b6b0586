"""Users who come to the port of the proxies, where Istio's tools ask how these are.

What they show is a token for the audience `istio-ca`, of the service account that istioctl takes
(`default`, in the control plane's namespace). It is no pod's, so it opens nothing that pods have.
Whose it is and what that account may see says the API server, as for the HTTP addresses: to ask
here takes `get` on `pods/proxy` in all namespaces.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ca.errors import Unauthenticated as BadToken
from ca.secret import Token
from ca.token_review import unverified
from ca.tokens import bearer
from heddle.debug.guard import WHOLE_MESH, Guard, NobodyToAsk, NotAllowed, Refused
from xds.auth import Authenticator, Identity
from xds.errors import Forbidden, NotReady, Unauthenticated

AUDIENCE: Final = "istio-ca"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """An identity that may look at all of the mesh, and be served nothing."""

    name: str
    expires_at: float | None


class VisitorAuthenticator:
    """Lets pods in as another authenticator does, and besides whom a guard lets see the mesh."""

    def __init__(self, pods: Authenticator, guard: Guard, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._pods = pods
        self._guard = guard
        self._clock = clock

    async def __call__(self, metadata: Mapping[str, str], peer: str) -> Identity:
        """See `Authenticator`."""
        try:
            return await self._pods(metadata, peer)
        except Unauthenticated as refused:
            try:
                token = bearer([metadata["authorization"]] if "authorization" in metadata else [])
                expires = unverified(token, AUDIENCE, self._clock())
            except BadToken:
                raise refused from None  # it was no visitor
        return await self._visitor(Token(token.encode()), expires)

    async def _visitor(self, token: Token, expires: float) -> Visitor:
        try:
            caller = await self._guard(token, WHOLE_MESH)
        except NobodyToAsk as error:
            raise NotReady("credentials cannot be checked now") from error
        except NotAllowed as error:
            raise Forbidden(str(error)) from error
        except Refused as error:
            raise Unauthenticated(str(error)) from error
        return Visitor(name=caller.name, expires_at=expires)
