"""The HTTPS server, asked over a real connection."""

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.certificates import pair
from tests.webhook.pods import pod, settings
from tests.webhook.reviews import asked, question, said
from webhook import server as module
from webhook.admit import admit_pod
from webhook.errors import NotReady
from webhook.metrics import Metrics
from webhook.review import Answer, Review, answer
from webhook.server import WebhookServer, parameters
from webhook.tls import server_context
from xds.tls import Certificate

JSON_TYPE = {"Content-Type": "application/json"}
Judge = Callable[[Review, str], Answer]


def shown(number: int = 0) -> Certificate:
    chain, key = pair(number)
    return Certificate(chain=chain, key=key)


def injecting(question: Review, _: str) -> Answer:
    return admit_pod(question, settings())


class Client:
    """The API server's side."""

    def __init__(self, session: aiohttp.ClientSession, port: int, metrics: Metrics) -> None:
        self.session = session
        self.port = port
        self._metrics = metrics

    async def post(
        self, body: bytes, path: str = "/inject", headers: dict[str, str] = JSON_TYPE
    ) -> tuple[int, bytes]:
        url = f"https://127.0.0.1:{self.port}{path}"
        async with self.session.post(
            url, data=io.BytesIO(body), headers=headers, ssl=trusting()
        ) as found:
            return found.status, await found.read()

    def counted(self, name: str, **labels: str) -> float:
        return self._metrics.registry.get_sample_value(f"heddle_webhook_{name}", labels) or 0.0


def trusting() -> ssl.SSLContext:
    """The certificates here are compared by their bytes, where that matters."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@asynccontextmanager
async def serving(
    judge: Judge = injecting, current: Callable[[], Certificate] | None = None
) -> AsyncIterator[Client]:
    first, metrics = shown(), Metrics()
    server = WebhookServer(
        {"/inject": judge}, context=server_context(current or (lambda: first)), metrics=metrics
    )
    port = await server.start("127.0.0.1", 0)
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Client(session, port, metrics)
    finally:
        await server.stop()


def body(**more: object) -> bytes:
    return json.dumps(question(new=pod(), **more)).encode()  # type: ignore[arg-type]


async def test_a_pod_is_injected_over_https() -> None:
    async with serving() as client:
        status, found = await client.post(body())
        assert status == 200
        assert said(found)["patch"] == admit_pod(asked(new=pod()), settings()).patch
        assert client.counted("reviews_total", path="/inject", outcome="injected") == 1
        assert client.counted("seconds_count", path="/inject") == 1


async def test_a_dry_run_has_the_same_answer_and_counts_for_nothing() -> None:
    async with serving() as client:
        status, found = await client.post(body(dryRun=True))
        assert (status, "patch" in said(found)) == (200, True)
        assert client.counted("reviews_total", path="/inject", outcome="injected") == 0


async def test_a_refusal_is_counted_by_its_reason() -> None:
    given = question(new=pod(annotations={"sidecar.istio.io/logLevel": "loud"}))
    async with serving() as client:
        status, found = await client.post(json.dumps(given).encode())
        assert (status, said(found)["allowed"]) == (200, False)
        assert client.counted("refusals_total", path="/inject", code="bad-annotation") == 1


async def test_a_path_carries_parameters() -> None:
    heard = []

    def judge(_: Review, rest: str) -> Answer:
        heard.append(parameters(rest))
        return answer("skipped", ())

    async with serving(judge) as client:
        await client.post(body(), "/inject/cluster/east/net/a--slash--b/lone")
        await client.post(body(), "/inject/")
    assert heard == [{"cluster": "east", "net": "a/b"}, {}]


@pytest.mark.parametrize(
    ("path", "data", "headers", "status", "reason"),
    [
        ("/inject", b"{}", JSON_TYPE, 400, "bad-review"),
        ("/inject", b"[" * 50_000, JSON_TYPE, 400, "bad-review"),
        ("/inject", body(), {"Content-Type": "text/plain"}, 415, "media-type"),
        ("/inject", b"\x1f\x8b", {**JSON_TYPE, "Content-Encoding": "gzip"}, 415, "media-type"),
        ("/injected", body(), JSON_TYPE, 404, "path"),
        ("/inject", b" " * (module.MAX_BODY_BYTES + 1), JSON_TYPE, 413, "too-large"),
    ],
)
async def test_what_is_no_review_gets_an_http_error_and_the_next_one_is_served(
    path: str, data: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    async with serving() as client:
        assert (await client.post(data, path, headers))[0] == status
        assert client.counted("failures_total", reason=reason) == 1
        assert (await client.post(body()))[0] == 200


async def test_a_get_is_not_answered() -> None:
    async with serving() as client:
        url = f"https://127.0.0.1:{client.port}/inject"
        async with client.session.get(url, ssl=trusting()) as found:
            assert found.status == 405


async def test_a_bug_is_one_failed_request() -> None:
    def broken(asked: Review, _: str) -> Answer:
        raise KeyError(asked.uid)

    async with serving(broken) as client:
        status, text = await client.post(body())
        assert status == 500
        assert asked().uid.encode() not in text
        assert client.counted("failures_total", reason="bug") == 1


async def test_who_is_not_ready_leaves_it_to_another_replica() -> None:
    def starting(asked: Review, _: str) -> Answer:
        raise NotReady(f"nothing is known of {asked.namespace}")

    async with serving(starting) as client:
        assert (await client.post(body()))[0] == 503
        assert client.counted("failures_total", reason="not-ready") == 1


async def test_a_body_that_stops_coming_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    async with serving() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port, ssl=trusting())
        head = "POST /inject HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b" 503 " in await reader.readline()
        assert client.counted("failures_total", reason="timeout") == 1
        writer.close()


async def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_REQUEST_SECONDS", 0.05)
    async with serving() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port, ssl=trusting())
        writer.write(b"POST /inject HTTP/1.1\r\n")
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_there_is_an_end_to_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 0)
    async with serving() as client:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await client.post(body())
        assert client.counted("failures_total", reason="connections") >= 1


async def test_there_is_an_end_to_what_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 10)
    async with serving() as client:
        assert (await client.post(body()))[0] == 503
        assert client.counted("failures_total", reason="overloaded") == 1
        monkeypatch.setattr(module, "MAX_HELD_BYTES", len(body()))
        assert (await client.post(body()))[0] == 200


async def test_a_large_pod_is_injected_too() -> None:
    large = pod(annotations={"note": "x" * 200_000})
    async with serving() as client:
        status, found = await client.post(json.dumps(question(new=large)).encode())
        assert (status, said(found)["allowed"]) == (200, True)


async def _leaf(port: int) -> bytes:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    leaf = found.getpeercert(binary_form=True)
    writer.close()
    assert leaf is not None
    return leaf


async def test_a_new_certificate_is_shown_from_the_next_handshake_on() -> None:
    used = [shown()]
    async with serving(current=lambda: used[-1]) as client:
        assert await _leaf(client.port) == ssl.PEM_cert_to_DER_cert(shown().chain.decode())
        used.append(shown(1))
        assert await _leaf(client.port) == ssl.PEM_cert_to_DER_cert(shown(1).chain.decode())


async def test_a_certificate_that_is_none_leaves_the_last_in_force() -> None:
    used = [shown()]
    async with serving(current=lambda: used[-1]) as client:
        used.append(Certificate(chain=b"no", key=b"no"))
        assert await _leaf(client.port) == ssl.PEM_cert_to_DER_cert(shown().chain.decode())


async def test_old_versions_of_tls_are_refused() -> None:
    old = trusting()
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving() as client:
        _, writer = await asyncio.open_connection("127.0.0.1", client.port, ssl=old)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        writer.close()
    assert server_context(shown).minimum_version is ssl.TLSVersion.TLSv1_2
