"""The shop program, run for real."""

import asyncio
import contextlib
import json
import signal

from heddle.demo.http_client import Client
from heddle.demo.http_message import Message
from heddle.demo.http_server import Answer, Server
from heddle.demo.shop import forwarded, settings
from tests.demo.programs import WAIT, shop


async def test_answers_with_who_it_is_and_what_its_upstreams_said() -> None:
    async with (
        shop(NAME="reviews", VERSION="v2") as (_, reviews),
        shop(NAME="storefront", UPSTREAMS=f" {reviews}x?y=1 ,") as (_, storefront),
    ):
        client = Client()
        response = await client.get(f"{storefront}page", {"x-tester": "true"}, within=WAIT)
        await client.close()
    answer = json.loads(response.body)
    assert response.status == 200
    assert (answer["service"], answer["version"], answer["path"]) == ("storefront", "v1", "/page")
    (upstream,) = answer["upstreams"]
    assert (upstream["service"], upstream["version"]) == ("reviews", "v2")
    assert upstream["path"] == "/x?y=1"
    assert upstream["headers"]["x-tester"] == "true"


async def test_answers_502_when_an_upstream_is_down_or_fails() -> None:
    async with (
        shop(NAME="broken", UPSTREAMS="http://127.0.0.1:1/") as (_, broken),
        shop(NAME="storefront", UPSTREAMS=broken) as (_, storefront),
    ):
        client = Client()
        response = await client.get(storefront, {}, within=WAIT)
        await client.close()
    answer = json.loads(response.body)
    assert response.status == 502
    assert answer["upstreams"][0]["status"] == 502
    assert "ConnectionRefusedError" in answer["upstreams"][0]["error"]


async def test_is_healthy_without_its_upstreams() -> None:
    async with shop(UPSTREAMS="http://127.0.0.1:1/") as (_, url):
        client = Client()
        assert (await client.get(f"{url}healthz", {}, within=WAIT)).status == 200
        await client.close()


async def test_asks_upstreams_through_the_proxy_in_absolute_form() -> None:
    asked: list[tuple[str, str]] = []

    async def answer(request: Message) -> Answer:
        asked.append((request.first_line[1], request.headers["host"]))
        return Answer(status=200, body=b'{"service": "catalog", "version": "v1"}')

    proxy = Server(answer)
    port = await proxy.start("127.0.0.1", 0)
    try:
        async with shop(
            UPSTREAMS="http://catalog:9080/items", HTTP_PROXY=f"http://127.0.0.1:{port}"
        ) as (_, url):
            client = Client()
            assert (await client.get(url, {}, within=WAIT)).status == 200
            await client.close()
    finally:
        await proxy.stop(grace=WAIT)
    assert asked == [("http://catalog:9080/items", "catalog:9080")]


async def test_finishes_the_request_in_flight_when_told_to_stop() -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def slow(request: Message) -> Answer:
        asked.set()
        await release.wait()
        return Answer(status=200, body=b"{}")

    upstream = Server(slow)
    port = await upstream.start("127.0.0.1", 0)
    async with shop(UPSTREAMS=f"http://127.0.0.1:{port}/") as (process, url):
        client = Client()
        async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
            response = group.create_task(client.get(url, {}, within=WAIT))
            await asked.wait()
            process.send_signal(signal.SIGTERM)
            release.set()
        assert response.result().status == 200
        async with asyncio.timeout(WAIT):
            assert await process.wait() == 0
        await client.close()
    await upstream.stop(grace=WAIT)


async def test_keeps_a_connection_for_the_next_request() -> None:
    async with shop() as (process, url):
        client = Client()
        first = await client.get(url, {}, within=WAIT)
        second = await client.get(url, {}, within=WAIT)
        assert first.successful
        assert second.successful
        assert client.reconnects == 0
        process.kill()
        await process.wait()
        await client.close()


async def test_client_sends_again_when_a_kept_connection_turns_out_to_be_closed() -> None:
    """The peer reads the second request and closes: it goes out once more, and is counted."""
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        served += 1
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        await writer.drain()
        with contextlib.suppress(asyncio.IncompleteReadError):  # the last one only closes
            await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        ended.release()

    ended = asyncio.Semaphore(0)
    server = await asyncio.start_server(once, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    client = Client()
    bodies = [(await client.get(url, {}, within=WAIT)).body for _ in range(2)]
    await client.close()
    for _ in range(2):
        await ended.acquire()
    server.close()
    await server.wait_closed()
    assert (bodies, served, client.reconnects) == ([b"ok", b"ok"], 2, 1)


def test_hands_on_tester_and_trace_headers_but_none_of_the_proxys_own() -> None:
    headers = {"x-tester": "true", "traceparent": "00-1", "x-envoy-attempt-count": "1"}
    assert forwarded(headers | {"host": "a"}) == {"x-tester": "true", "traceparent": "00-1"}


def test_binds_the_pods_address_and_otherwise_every_address() -> None:
    assert settings({"POD_IP": "127.0.0.7", "PORT": "80"}).host == "127.0.0.7"
    assert settings({}).host == "0.0.0.0"
