"""The program in the example's pods: a service that answers in JSON with who it is and what its
upstreams said.

Run as `python -m heddle.demo.shop`, configured by the environment as a container is: `NAME`,
`VERSION`, `PORT`, `UPSTREAMS` (URLs, separated by commas, all asked for each request), `POD_IP`
(the address to bind, else all) and `HTTP_PROXY` (set where nothing intercepts the traffic: requests
then go through the sidecar's proxy port). It imports little, so that it starts at once.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from heddle.demo.http_client import FAILURES, Client
from heddle.demo.http_message import Message
from heddle.demo.http_server import Answer, Server

UPSTREAM_TIMEOUT = 10.0
"""Seconds that an upstream may take. Longer than any timeout in the mesh, so that the mesh's own is
what one sees."""

GRACE = 5.0
"""Seconds for the requests in flight once the pod is told to stop."""

_FORWARDED = frozenset({"traceparent", "tracestate", "baggage", "b3", "end-user", "authorization"})
_NOT_FORWARDED = ("x-envoy-", "x-forwarded-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says."""

    name: str
    version: str
    host: str
    port: int
    upstreams: tuple[str, ...]
    proxy: str | None


def settings(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment gives; the defaults suit a service that stands alone."""
    upstreams = environment.get("UPSTREAMS", "").split(",")
    return Settings(
        name=environment.get("NAME", "shop"),
        version=environment.get("VERSION", "v1"),
        host=environment.get("POD_IP") or "0.0.0.0",
        port=int(environment.get("PORT", "9080")),
        upstreams=tuple(url.strip() for url in upstreams if url.strip()),
        proxy=environment.get("HTTP_PROXY") or None,
    )


def forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a service hands on, so that traces connect and a tester stays one: `x-...`
    and the W3C's."""
    return {
        name: value
        for name, value in headers.items()
        if name in _FORWARDED or (name.startswith("x-") and not name.startswith(_NOT_FORWARDED))
    }


class Shop:
    """Answers the requests of one pod."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = Client(proxy=settings.proxy)

    async def answer(self, request: Message) -> Answer:
        """200 with the upstreams' answers, or 502 if one of them failed."""
        method, target, _ = request.first_line
        if target.split("?")[0] == "/healthz":
            return Answer(status=200, body=b'{"healthy": true}')
        headers = forwarded(request.headers)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask(url, headers)) for url in self._settings.upstreams]
        upstreams = [task.result() for task in asked]
        body = {
            "service": self._settings.name,
            "version": self._settings.version,
            "method": method,
            "path": target,
            "headers": dict(request.headers),
            "upstreams": upstreams,
        }
        failed = any("error" in upstream for upstream in upstreams)
        return Answer(status=502 if failed else 200, body=json.dumps(body).encode())

    async def close(self) -> None:
        """Close the connections to the upstreams."""
        await self._client.close()

    async def _ask(self, url: str, headers: Mapping[str, str]) -> dict[str, object]:
        try:
            response = await self._client.get(url, headers, within=UPSTREAM_TIMEOUT)
        except FAILURES as error:
            return {"url": url, "error": f"{type(error).__name__}: {error}"}
        if not response.successful:
            text = response.body[:200].decode(errors="replace")
            return {"url": url, "status": response.status, "error": text or str(response.status)}
        try:
            answer = json.loads(response.body)
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else {"url": url, "status": response.status}


async def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    shop = Shop(settings)
    server = Server(shop.answer)
    port = await server.start(settings.host, settings.port)
    print(f"{settings.name} {settings.version} listens on {settings.host}:{port}", flush=True)
    await stop.wait()
    await server.stop(grace=GRACE)
    await shop.close()


def main() -> int:
    """The program."""
    asyncio.run(serve(settings(os.environ)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
