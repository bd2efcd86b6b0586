"""A client that does what the lines on its standard input say, and answers each with a line.

A line is a JSON object: `id`, which is in the answer, `do`, and what that needs. Commands run side
by side. Where `HTTP_PROXY` is set, requests go through it, and what is not HTTP, or encrypted, in
tunnels; `http` and `tcp` may go `through` another one, or `direct`.

- `http`: `url`, `method`, `headers`, `body`, `times` requests in a row, each on a connection of its
  own -> a list of `status`, `headers`, `body`, or of `error`; an `https` URL needs `tls`, its
  `sni`, and without `roots` believes anybody; with `version` 2, HTTP/2 with prior knowledge, GET
  only and without headers in the answer
- `tcp`: `host`, `port`, `send`, `greeted` (the server speaks first) -> the lines that came back,
  empty if the connection was closed
- `websocket`: `url`, `headers`, `texts` -> `status`, and what came back: a text before and one
  after each of `texts`
- `grpc`: `target`, `method`, `headers`, `body` -> `code`, `body`
- `load`: requests to `url` at `rate` a second, until `stop`; both name the `load` -> the versions
  that answered, and what went wrong
- `await`: requests to `url` until the answer is `text`
- `ask`: `names`, each with a kind of question, of the pod's resolver -> for each a code and values
- `many`: the answers to `commands`, which are done some at a time
"""

import asyncio
import json
import os
import sys
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from e2e.programs import http2, questions, websocket
from e2e.programs.connections import connected
from heddle.demo.http_client import FAILURES, Client
from heddle.demo.http_message import head, read_message

TIMEOUT = 20.0
WORKERS = 6
AT_ONCE = 12

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
        proxy = str(command.get("through", "")) or self._proxy
        match command["do"]:
            case "http":
                times = range(int(str(command.get("times", 1))))
                own = None if command.get("direct") else proxy
                return [await self._http(command, own) for _ in times]
            case "await":
                await self._await(command)
                return None
            case "many":
                return await self._many(command["commands"])
            case "tcp":
                return await _tcp(command, None if command.get("direct") else proxy)
            case "websocket":
                return await _websocket(command, self._proxy)
            case "grpc":
                return await _grpc(command, self._proxy)
            case "ask":
                return await _ask(command["names"])
            case "load":
                load = self._loads[command["load"]] = _Load(command, self._proxy)
                load.start()
                return None
            case "stop":
                return await self._loads.pop(command["load"]).stop()
            case unknown:
                raise ValueError(f"no such command: {unknown}")

    async def _many(self, commands: object) -> list[object]:
        assert isinstance(commands, list)
        room = asyncio.Semaphore(AT_ONCE)

        async def one(command: Command) -> object:
            async with room:
                return await self._do(command)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(command)) for command in commands]
        return [task.result() for task in tasks]

    async def _await(self, command: Command) -> None:
        while True:
            answer = await self._http(command, self._proxy)
            if isinstance(answer, dict) and answer.get("body") == command["text"]:
                return
            await asyncio.sleep(0.1)

    async def _http(self, command: Command, proxy: str | None) -> object:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await _request(command, proxy)
        except FAILURES as error:
            return {"error": f"{type(error).__name__}: {error}"}


async def _ask(names: object) -> object:
    assert isinstance(names, list)
    async with asyncio.timeout(TIMEOUT):
        return await questions.ask([(str(name), int(kind)) for name, kind in names])


async def _request(command: Command, proxy: str | None) -> object:
    parts = urlsplit(str(command["url"]))
    if parts.scheme == "https":
        tls, port = _strings(command["tls"]), parts.port or 443
        async with connected(str(parts.hostname), port, proxy=proxy, tls=tls) as (reader, writer):
            return await _exchanged(command, reader, writer, absolute=False)
    to = urlsplit(proxy) if proxy else parts
    async with connected(str(to.hostname), to.port or 80) as (reader, writer):
        return await _exchanged(command, reader, writer, absolute=proxy is not None)


async def _exchanged(
    command: Command, reader: StreamReader, writer: StreamWriter, *, absolute: bool
) -> object:
    """`absolute`: proxies are asked for the whole URL."""
    parts = urlsplit(str(command["url"]))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = _strings(command.get("headers"))
    if command.get("version") == 2:
        status, content = await http2.get(reader, writer, parts.netloc, path, given)
        return {"status": status, "headers": {}, "body": content.decode()}
    method, body = str(command.get("method", "GET")), str(command.get("body", "")).encode()
    headers = {"host": parts.netloc, "connection": "close", **given}
    if body:
        headers["content-length"] = str(len(body))
    target = f"http://{parts.netloc}{path}" if absolute else path
    writer.write(head(f"{method} {target} HTTP/1.1", headers) + body)
    await writer.drain()
    answer = await read_message(reader, empty_body=method == "HEAD")
    if answer is None:
        raise ConnectionResetError("the connection was closed without an answer")
    return {
        "status": int(answer.first_line[1]),
        "headers": dict(answer.headers),
        "body": answer.body.decode(errors="replace"),
    }


async def _tcp(command: Command, proxy: str | None) -> list[str]:
    host, port = str(command["host"]), int(str(command["port"]))
    lines: list[str] = []
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            connected(host, port, proxy=proxy) as (reader, writer),
        ):
            if command.get("greeted"):
                lines.append(await _line(reader))
            writer.write(f"{command['send']}\n".encode())
            lines.append(await _line(reader))
    except ConnectionError:
        lines.append("")
    return lines


async def _line(reader: StreamReader) -> str:
    return (await reader.readline()).decode().rstrip("\n")


async def _websocket(command: Command, proxy: str | None) -> object:
    parts, texts = urlsplit(str(command["url"])), command["texts"]
    assert isinstance(texts, list)
    to = urlsplit(proxy) if proxy else parts
    target = command["url"] if proxy else parts.path or "/"
    headers = {"host": parts.netloc, **_strings(command.get("headers"))}
    async with (
        asyncio.timeout(TIMEOUT),
        connected(str(to.hostname), to.port or 80) as (reader, writer),
    ):
        status, heard = await websocket.talk(reader, writer, str(target), headers, texts)
        return {"status": status, "heard": heard}


async def _grpc(command: Command, proxy: str | None) -> object:
    """A proxy is asked as if it were the server: gRPC itself would open a tunnel."""
    import grpc

    target = str(command["target"])
    options = [("grpc.enable_http_proxy", 0), ("grpc.default_authority", target)]
    to = urlsplit(proxy).netloc if proxy else target
    async with grpc.aio.insecure_channel(to, options=options) as channel:
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
