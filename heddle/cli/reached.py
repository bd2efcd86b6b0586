"""A control plane that a command has reached, and what it can be asked."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from heddle.proxies.exchange import Answer, exchange
from sources.errors import ApiError

_OK: Final = 200


class Unreached(Exception):
    """The control plane cannot be asked, or does not answer the question: the text says why, and
    what to do.
    """


Connect = Callable[[], AbstractAsyncContextManager[socket.socket]]
"""A connection to the control plane, for one request."""
ToPod = Callable[[str, str, int], AbstractAsyncContextManager[socket.socket]]
"""A connection to a port of a pod (namespace and name), with the caller's own rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A control plane. `name` is for people; `address` is where a browser of this machine finds it,
    if it does; `to_pod` leads to pods where that needs nobody but the API server. `replicas` are
    the others of the same control plane, each with proxies of its own.
    """

    name: str
    connect: Connect
    authorization: str = field(repr=False)
    to_pod: ToPod | None = None
    address: str = ""
    replicas: tuple["Reached", ...] = ()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """The answer to a GET. Raises `Unreached` for anything but a good one."""
        return await self._sent("GET", path, query)

    async def json(
        self, path: str, query: Mapping[str, str] | None = None, *, method: str = "GET"
    ) -> object:
        """What the answer says, to a request without a body. Raises `Unreached`."""
        answer = await self._sent(method, path, query)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise Unreached(
                f"{self.name} does not answer with JSON: is it a control plane?"
            ) from error

    async def _sent(self, method: str, path: str, query: Mapping[str, str] | None) -> Answer:
        full = f"{path}?{urlencode(query)}" if query else path
        headers = {"host": "localhost", "authorization": self.authorization}
        try:
            async with self.connect() as connected:
                answer = await exchange(connected, full, headers, method=method)
        except (OSError, ApiError) as error:
            raise Unreached(f"{self.name}: {error}") from error
        if answer.status != _OK:
            said = answer.text.strip()[:500]
            raise Unreached(f"{self.name} answers {answer.status}: {said}")
        return answer
