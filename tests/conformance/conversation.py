"""What was said on one delta stream, and how to wait for what will be."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from envoy.service.discovery.v3 import discovery_pb2

from xds.types import short_name

Request = discovery_pb2.DeltaDiscoveryRequest
Response = discovery_pb2.DeltaDiscoveryResponse
T = TypeVar("T")

PATIENCE = 60.0
"""Seconds until a condition that never comes true fails its test."""


class Conversation:
    """One stream between an Envoy and a server, as both saw it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        """What Envoy was sent, injected responses included."""
        self.mark = 0
        """`sent` looks at the responses from here on."""
        self._news = asyncio.Event()

    def note(self, message: Request | Response) -> None:
        """Something was said."""
        if isinstance(message, Request):
            self.requests.append(message)
        else:
            self.responses.append(message)
        self._news.set()

    async def until(self, look: Callable[[], T | None], what: str = "") -> T:
        """Wait until `look` finds something in what was said."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := look()) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{what or 'nothing'} never came; said: {self.told()}") from None
        return found

    async def asked(self, type_url: str, name: str = "") -> Request:
        """The first request of a type, or the first that subscribes to `name`."""

        def look() -> Request | None:
            return next(iter(self.subscriptions(type_url, name)), None)

        return await self.until(look, f"a request of {short_name(type_url)} {name}")

    def subscriptions(self, type_url: str, name: str = "") -> list[Request]:
        """The requests of a type that are not only answers; with `name`: that subscribe to it."""
        found = [r for r in self.requests if r.type_url == type_url]
        if name:
            return [r for r in found if name in r.resource_names_subscribe]
        return [r for r in found if not r.response_nonce or r.resource_names_subscribe]

    def answer(self, nonce: str) -> Request | None:
        """Envoy's answer to a response, if there is one yet."""
        return next((r for r in self.requests if r.response_nonce == nonce), None)

    async def answered(self, nonce: str) -> Request:
        """Envoy's answer to a response."""
        return await self.until(lambda: self.answer(nonce), f"an answer to {nonce}")

    async def sent(self, type_url: str, name: str) -> Response:
        """The last response since the mark of a type that brings or removes `name`."""

        def look() -> Response | None:
            found = (r for r in reversed(self.responses[self.mark :]) if r.type_url == type_url)
            return next((r for r in found if name in carried(r)), None)

        return await self.until(look, f"a response of {short_name(type_url)} {name}")

    def order(self) -> list[str]:
        """The types in the order in which they were first asked for."""
        return list(dict.fromkeys(short_name(r.type_url) for r in self.requests))

    def told(self) -> str:
        """For a failure's message."""
        asked = [f"{short_name(r.type_url)}:{r.response_nonce or '?'}" for r in self.requests]
        given = [f"{short_name(r.type_url)}:{carried(r)}" for r in self.responses]
        return f"asked {asked}, given {given}"


def carried(response: Response) -> list[str]:
    """The names that a response brings or removes."""
    return [*(entry.name for entry in response.resources), *response.removed_resources]


def accepted(request: Request) -> bool:
    """Whether an answer is an ACK."""
    return not request.HasField("error_detail")
