"""What a kubelet asks: whether the process works (/healthz), and whether it can serve (/ready).

Ready is who has read all that there was at the start. It stays so while the API server is away: all
replicas would be taken out at once, and what they know is better than nothing.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)


@asynccontextmanager
async def probes(host: str, port: int, ready: Callable[[], bool]) -> AsyncIterator[int]:
    """Answers over HTTP; the port. Raises `OSError` if the address cannot be had."""

    async def is_alive(request: web.Request) -> web.Response:
        del request
        return web.Response(text="ok\n")

    async def is_ready(request: web.Request) -> web.Response:
        del request
        if ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not all is read yet\n")

    app = web.Application()
    app.router.add_get("/healthz", is_alive)
    app.router.add_get("/ready", is_ready)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        found: int = runner.addresses[0][1]
        log.info("probes", port=found)
        yield found
    finally:
        await runner.cleanup()
