"""A client that does what the lines on its standard input say, and answers each with a line.

A line is a JSON object: `id`, which is in the answer, `do`, and what that needs. Commands run side
by side. Where `HTTP_PROXY` is set, HTTP goes through it.

- `http`: `url`, `method`, `headers`, `body`, `times` requests in a row, each on a connection of its
  own -> a list of `status`, `headers`, `body`, or of `error`
- `tcp`: `host`, `port`, `send` -> the line that came back, empty if the connection was closed
- `grpc`: `target`, `method`, `headers`, `body` -> `code`, `body`
- `load`: requests to `url` at `rate` a second, until `stop`; both name the `load` -> the versions
  that answered, and what went wrong
- `await`: requests to `url` until the answer is `text`
"""

import asyncio
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from heddle.demo.http_client import FAILURES, Client
from heddle.demo.http_message import head, read_message

TIMEOUT = 20.0
WORKERS = 6

Command = Mapping[str, object]


class Commands:
    """What is under way."""

    def __init__(self, proxy: str | None) -> None:
        self._proxy = proxy
        self._loads: dict[object, _Load] = {}

    async def obey(self, line: str) -> None:
        """Does what a line says, and prints the answer."""
        command: Command = json.loads(line)
        try:
            async with asyncio.timeout(TIMEOUT * 3):
                answer = {"result": await self._do(command)}
        except Exception as error:
            # A program's edge: whatever went wrong is the answer, for the test to judge.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": command["id"], **answer}), flush=True)

    async def _do(self, command: Command) -> object:
        match command["do"]:
            case "http":
                times = range(int(str(command.get("times", 1))))
                return [await self._http(command) for _ in times]
            case "await":
                await self._await(command)
                return None
            case "tcp":
                return await _tcp(command)
            case "grpc":
                return await _grpc(command)
            case "load":
                load = self._loads[command["load"]] = _Load(command, self._proxy)
                load.start()
                return None
            case "stop":
                return await self._loads.pop(command["load"]).stop()
            case unknown:
                raise ValueError(f"no such command: {unknown}")

    async def _await(self, command: Command) -> None:
        while True:
            answer = await self._http(command)
            if isinstance(answer, dict) and answer.get("body") == command["text"]:
                return
            await asyncio.sleep(0.1)

    async def _http(self, command: Command) -> object:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await _request(command, self._proxy)
        except FAILURES as error:
            return {"error": f"{type(error).__name__}: {error}"}


async def _request(command: Command, proxy: str | None) -> object:
    parts = urlsplit(str(command["url"]))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    method, body = str(command.get("method", "GET")), str(command.get("body", "")).encode()
    headers = {"host": parts.netloc, "connection": "close", **_strings(command.get("headers"))}
    if body:
        headers["content-length"] = str(len(body))
    to = urlsplit(proxy) if proxy else parts
    target = f"http://{parts.netloc}{path}" if proxy else path
    reader, writer = await asyncio.open_connection(to.hostname, to.port or 80)
    try:
        writer.write(head(f"{method} {target} HTTP/1.1", headers) + body)
        await writer.drain()
        answer = await read_message(reader, empty_body=method == "HEAD")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if answer is None:
        raise ConnectionResetError("the connection was closed without an answer")
    return {
        "status": int(answer.first_line[1]),
        "headers": dict(answer.headers),
        "body": answer.body.decode(errors="replace"),
    }


async def _tcp(command: Command) -> str:
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection(
            str(command["host"]), int(str(command["port"]))
        )
        try:
            writer.write(f"{command['send']}\n".encode())
            return (await reader.readline()).decode().rstrip("\n")
        except ConnectionError:
            return ""
        finally:
            writer.close()


async def _grpc(command: Command) -> object:
    import grpc

    async with grpc.aio.insecure_channel(str(command["target"])) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = channel.unary_unary(str(command["method"]))
        metadata = tuple(_strings(command.get("headers")).items())
        try:
            body = await call(str(command.get("body", "")).encode(), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return {"code": error.code().name, "body": error.details()}
        return {"code": "OK", "body": body.decode()}


class _Load:
    """Requests at a steady pace over kept connections, and what became of them."""

    def __init__(self, command: Command, proxy: str | None) -> None:
        self._url = str(command["url"])
        self._headers = _strings(command.get("headers"))
        self._pause = WORKERS / float(str(command.get("rate", 100)))
        self._client = Client(proxy=proxy)
        self._outcomes: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self._stop = asyncio.Event()
        self._began = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        starts = [self._began + self._pause * each / WORKERS for each in range(WORKERS)]
        self._tasks = [loop.create_task(self._work(start)) for start in starts]

    async def stop(self) -> object:
        """Ends; what became of all requests."""
        self._stop.set()
        for task in self._tasks:
            await task
        await self._client.close()
        seconds = asyncio.get_running_loop().time() - self._began
        return {"outcomes": self._outcomes, "versions": self._versions, "seconds": seconds}

    async def _work(self, due: float) -> None:
        """A request each time that one is due; those that are late are made up for."""
        while not self._stop.is_set():
            await self._once()
            due += self._pause
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._stop.wait()

    async def _once(self) -> None:
        try:
            answer = await self._client.get(self._url, self._headers, within=TIMEOUT)
        except FAILURES as error:
            self._outcomes[f"{type(error).__name__}: {error}"] += 1
            return
        text = answer.body.decode(errors="replace")
        self._outcomes["200" if answer.status == 200 else f"{answer.status}: {text[:200]}"] += 1
        with suppress(ValueError):
            self._versions[json.loads(text)["version"]] += 1


def _strings(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


async def serve() -> None:
    """Obeys until standard input ends or the process is told to stop."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lines.put_nowait, None)

    # A thread, because standard input can be a file or /dev/null, which epoll refuses.
    threading.Thread(target=read, daemon=True).start()
    commands = Commands(os.environ.get("HTTP_PROXY") or None)
    print(json.dumps({"id": "ready"}), flush=True)
    async with asyncio.TaskGroup() as group:
        while (line := await lines.get()) is not None:
            group.create_task(commands.obey(line))


if __name__ == "__main__":
    asyncio.run(serve())
