"""Connections of the client program: to a host itself or through an HTTP proxy, with TLS or
without."""

import ssl
from asyncio import StreamReader, StreamWriter, open_connection
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from heddle.demo.http_message import head, read_message


@asynccontextmanager
async def connected(
    host: str, port: int, *, proxy: str | None = None, tls: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A connection; through `proxy`, a URL, by CONNECT. `tls`: the server's name (`sni`) and who
    certifies it (`roots`, a file; else anybody is believed); what the client shows, if it does
    (`certificate` and `key`)."""
    to = urlsplit(proxy) if proxy else None
    reader, writer = await open_connection(
        to.hostname if to else host, (to.port or 80) if to else port
    )
    try:
        if to:
            await _tunnel(reader, writer, f"{host}:{port}")
        if tls:
            await writer.start_tls(_context(tls), server_hostname=tls["sni"])
    except BaseException:
        # Nobody tells a stream whose handshake has failed that it is closed: do not wait for it.
        writer.transport.abort()
        raise
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _context(tls: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.get("roots"))
    if "roots" not in tls:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if "certificate" in tls:
        context.load_cert_chain(tls["certificate"], tls["key"])
    return context


async def _tunnel(reader: StreamReader, writer: StreamWriter, target: str) -> None:
    writer.write(head(f"CONNECT {target} HTTP/1.1", {"host": target}))
    await writer.drain()
    answer = await read_message(reader, empty_body=True)
    if answer is None or answer.first_line[1] != "200":
        said = " ".join(answer.first_line[1:]) if answer else "nothing"
        raise ConnectionResetError(f"no tunnel to {target}: the proxy said {said}")
