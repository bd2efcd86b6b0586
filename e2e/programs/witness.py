"""A server that answers each request with what it saw of the connection.

Environment: `PORT`; `VERSION`; `TLS`: a folder with `server.pem`, `server-key.pem` and perhaps
`clients.pem`, whose clients alone are served then; `PROXY`: each connection begins with a PROXY
header; `KEEP`: connections are kept for further requests; `DELAY`: seconds before each answer;
`BODY`: a file that is every answer, for those who do not ask what was seen.
HTTP/1.1 and HTTP/2 are told apart by their first bytes. The answer's `body` is a JSON object:
`http`, `sni`, `alpn`, `client` (the common name in its certificate), `proxy` (the source in the
PROXY header, with its version), `connection` (the how many that asked anything) and `pings` on it,
`connections` (how many have asked anything).

`WATCH_PORT`, HTTP/1.1: any request there is answered once the first connection has been closed.
"""

import asyncio
import json
import os
import signal
import ssl
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from e2e.programs import http2
from heddle.demo.http_message import MessageError, head, read_message

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""Of version 2 of the PROXY header."""


class Witness:
    """The server. `asked` keeps the name that each TLS connection asked for."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._version = environment.get("VERSION", "v1")
        self._proxied = "PROXY" in environment
        self._keeps = "KEEP" in environment
        self._delay = float(environment.get("DELAY", "0"))
        self._body = Path(environment["BODY"]) if "BODY" in environment else None
        self._asked: dict[int, str] = {}
        self._connections = 0
        self._first_closed = asyncio.Event()

    def tls(self, folder: Path) -> ssl.SSLContext:
        """Of the certificates in `folder`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.sni_callback = self._ask
        if (clients := folder / "clients.pem").exists():
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        return context

    def _ask(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self._asked[id(connection)] = name or ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        number = 0
        try:
            seen = {**self._secured(writer)}
            if self._proxied:
                seen["proxy"] = await _proxy_header(reader)
            first = await reader.readexactly(len(http2.PREFACE.splitlines()[0]))
            self._connections += 1
            number = self._connections
            seen["connection"] = str(number)
            if http2.PREFACE.startswith(first):
                await reader.readexactly(len(http2.PREFACE) - len(first))
                await http2.answer(reader, writer, self._late({**seen, "http": "2"}))
            else:
                await self._http1(first, reader, writer, {**seen, "http": "1.1"})
        except (OSError, IncompleteReadError, MessageError):
            pass  # health checks, and clients that break off
        finally:
            if number == 1:
                self._first_closed.set()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def watch(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection of those that ask about the others."""
        with suppress(OSError, IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await self._first_closed.wait()
            await self._write(writer, {}, keeps=False)
        writer.close()

    def _secured(self, writer: StreamWriter) -> dict[str, str]:
        connection = writer.get_extra_info("ssl_object")
        if connection is None:
            return {}
        shown = connection.getpeercert() or {}
        names = dict(pair for part in shown.get("subject", ()) for pair in part)
        return {
            "sni": self._asked.pop(id(connection), ""),
            "alpn": connection.selected_alpn_protocol() or "",
            "client": names.get("commonName", ""),
        }

    def _answer(self, seen: Mapping[str, str]) -> bytes:
        if self._body is not None:
            return self._body.read_bytes()
        who = {"service": "witness", "version": self._version}
        request = {"method": "", "path": "", "headers": {}}
        told = {**seen, "connections": str(self._connections)}
        return json.dumps({**who, **request, "body": json.dumps(told)}).encode()

    def _late(self, seen: Mapping[str, str]) -> Callable[[int], Awaitable[bytes]]:
        async def answer(pings: int) -> bytes:
            await asyncio.sleep(self._delay)
            return self._answer({**seen, "pings": str(pings)})

        return answer

    async def _http1(
        self, first: bytes, reader: StreamReader, writer: StreamWriter, seen: Mapping[str, str]
    ) -> None:
        while True:
            whole = StreamReader()
            whole.feed_data(first + await reader.readuntil(b"\r\n\r\n"))
            whole.feed_eof()
            await read_message(whole, empty_body=True)
            await asyncio.sleep(self._delay)
            await self._write(writer, seen, keeps=self._keeps)
            if not self._keeps:
                return
            first = b""

    async def _write(self, writer: StreamWriter, seen: Mapping[str, str], *, keeps: bool) -> None:
        body = self._answer(seen)
        headers = {"content-length": str(len(body)), **({} if keeps else {"connection": "close"})}
        writer.write(head("HTTP/1.1 200 OK", headers) + body)
        await writer.drain()


async def _proxy_header(reader: StreamReader) -> str:
    """The version and the source, such as `1 10.0.0.1`."""
    start = await reader.readexactly(len(SIGNATURE))
    if start != SIGNATURE:
        line = start + await reader.readuntil(b"\r\n")
        return f"1 {line.split()[2].decode()}"
    _, family, size = (
        await reader.readexactly(1),
        await reader.readexactly(1),
        await reader.readexactly(2),
    )
    rest = await reader.readexactly(int.from_bytes(size))
    length = 4 if family[0] >> 4 == 1 else 16
    return f"2 {ip_address(rest[:length])}"


async def serve(environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    witness = Witness(environment)
    folder = environment.get("TLS")
    host = environment.get("POD_IP") or "0.0.0.0"
    if port := int(environment.get("WATCH_PORT", "0")):
        await asyncio.start_server(witness.watch, host, port)
    async with await asyncio.start_server(
        witness.serve,
        host,
        int(environment.get("PORT", "8443")),
        ssl=witness.tls(Path(folder)) if folder else None,
    ):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(os.environ))
