"""The HTTPS server that the API server asks: the only part of admission that does I/O.

Whoever is in the cluster may connect, so everything is bounded before it is looked at: connections,
the time that a request may take, its bytes, the bytes of all requests together. An answer that
cannot be given is an HTTP error: the `failurePolicy` of the configuration decides then.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import structlog
from aiohttp import web

from webhook.errors import BadReview, NotReady
from webhook.metrics import Metrics
from webhook.review import Answer, Review, response, review

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 3 << 20
"""What the API server itself takes of an object, old and new."""
MAX_HELD_BYTES = 48 << 20
"""Of all bodies that are being read or judged."""
MAX_CONNECTIONS = 256
MAX_AT_ONCE = 4
"""Requests that are judged at the same time."""
REQUEST_SECONDS = 8.0
"""Less than `timeoutSeconds` of the configurations: an answer after that is for nobody."""
FIRST_REQUEST_SECONDS = 10.0
"""How long a connection may stay without a request; kept-alive ones are aiohttp's matter."""
STOP_SECONDS = 5.0
_HANDSHAKE_SECONDS = 5.0

Judge = Callable[[Review, str], Answer]
"""Gives the answer to a review; the text is what follows the path, without its slash."""


@dataclass(slots=True)
class _Unanswered(Exception):
    """A request that gets an HTTP error; `reason` is for the metrics."""

    status: int
    reason: str
    message: str


class WebhookServer:
    """Answers reviews at each path of `judges`, such as `/inject`, and below it."""

    def __init__(
        self, judges: Mapping[str, Judge], *, context: ssl.SSLContext, metrics: Metrics
    ) -> None:
        self._judges = dict(judges)
        self._context = context
        self._metrics = metrics
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)
        self._held = 0
        self._silent: set[web.RequestHandler] = set()
        # Decompression is off: a small body must not become a large one.
        self._http = web.Server(
            self._answered, access_log=None, auto_decompress=False, lingering_time=1.0
        )
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens; which port that is. Raises `OSError` if it cannot."""
        self._server = await asyncio.get_running_loop().create_server(
            self._connection,
            host,
            port,
            ssl=self._context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=_HANDSHAKE_SECONDS,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Takes no more connections, and lets the requests that are there have their answers."""
        if self._server is not None:
            self._server.close()
        transports = [each.transport for each in self._http.connections]
        self._http.pre_shutdown()  # connections that ask nothing now
        await self._http.shutdown(STOP_SECONDS)
        for transport in filter(None, transports):
            # TLS would wait for the client to say farewell, too. Of one that was closed twice
            # nothing is left to abort, for which Python 3.11.2 has no word of its own.
            with contextlib.suppress(AttributeError):
                transport.abort()
        await asyncio.sleep(0)  # aborted sockets are closed in the next turn

    def _connection(self) -> asyncio.Protocol:
        if len(self._http.connections) >= MAX_CONNECTIONS:
            self._metrics.failures.labels("connections").inc()
            return _Refused()
        made = self._http()
        self._silent.add(made)
        asyncio.get_running_loop().call_later(FIRST_REQUEST_SECONDS, self._expire, made)
        return made

    def _expire(self, connection: web.RequestHandler) -> None:
        if connection in self._silent:
            self._silent.discard(connection)
            connection.force_close()

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        self._silent.discard(request.protocol)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await self._judged(request)
        except _Unanswered as failure:
            return self._failed(failure)
        except BadReview as failure:
            return self._failed(_Unanswered(400, "bad-review", str(failure)))
        except NotReady as failure:
            return self._failed(_Unanswered(503, "not-ready", str(failure)))
        except TimeoutError:
            return self._failed(_Unanswered(503, "timeout", "it took too long"))
        except Exception as bug:
            # Without the text: it could quote the object.
            log.error("webhook failed", reason=type(bug).__name__, path=request.path)
            return self._failed(_Unanswered(500, "bug", "the webhook failed; its log says how"))

    def _failed(self, failure: _Unanswered) -> web.Response:
        self._metrics.failures.labels(failure.reason).inc()
        answer = web.Response(status=failure.status, text=f"{failure.message}\n")
        answer.force_close()  # part of the body may not have been read
        return answer

    async def _judged(self, request: web.BaseRequest) -> web.Response:
        path, judge, rest = self._judge(request)
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            raise _Unanswered(415, "media-type", "the body must be plain application/json")
        body = bytearray()
        try:
            await self._read(request, body)
            async with self._turns:
                with self._metrics.seconds.labels(path).time():
                    # On a thread: what is judged among many objects may take its time.
                    sent = await asyncio.to_thread(self._decide, path, judge, bytes(body), rest)
        finally:
            self._held -= len(body)
        return web.Response(body=sent, content_type="application/json")

    def _judge(self, request: web.BaseRequest) -> tuple[str, Judge, str]:
        for path, judge in self._judges.items():
            if request.path == path or request.path.startswith(f"{path}/"):
                if request.method != "POST":
                    raise _Unanswered(405, "method", "use POST")
                return path, judge, request.path.removeprefix(path).strip("/")
        raise _Unanswered(404, "path", f"there are: {', '.join(sorted(self._judges))}")

    async def _read(self, request: web.BaseRequest, body: bytearray) -> None:
        async for chunk in request.content.iter_any():
            body += chunk
            self._held += len(chunk)
            if len(body) > MAX_BODY_BYTES:
                limit = f"the body is larger than {MAX_BODY_BYTES} bytes"
                raise _Unanswered(413, "too-large", limit)
            if self._held > MAX_HELD_BYTES:
                raise _Unanswered(503, "overloaded", "too much is being judged: try again")

    def _decide(self, path: str, judge: Judge, body: bytes, rest: str) -> bytes:
        asked = review(body)
        given = judge(asked, rest)
        self._count(path, asked, given)
        return response(asked, given)

    def _count(self, path: str, asked: Review, given: Answer) -> None:
        if asked.dry_run:
            return
        self._metrics.reviews.labels(path, given.outcome).inc()
        for problem in given.errors:
            self._metrics.refusals.labels(path, problem.code).inc()
            log.warning(
                "refused",
                kind=asked.kind,
                object=f"{asked.namespace}/{asked.name}",
                problem=problem.code,
                path=problem.path,
            )


class _Refused(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def parameters(path: str) -> Mapping[str, str]:
    """Istio's parameters behind `/inject`: `cluster/east/net/one`, with `--slash--` for a slash.
    The last name is left out if it has no value.
    """
    parts = [unquote(part).replace("--slash--", "/") for part in path.split("/")]
    return dict(zip(parts[::2], parts[1::2], strict=False))
