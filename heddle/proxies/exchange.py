"""One HTTP request over a socket that is connected already, whatever it leads through: a pod's
network namespace, a port-forward of the API server, this machine's loopback.
"""

import asyncio
import socket
from asyncio import IncompleteReadError
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from heddle.demo.http_message import MessageError, head, read_message

ANSWER_SECONDS = 20.0
"""For a whole exchange: a large proxy takes a second to write its configuration."""
MOST_BYTES = 128 << 20
"""Of an answer: 10,000 clusters are some 60 MB of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes
    content_type: str = ""

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode(errors="replace")


async def exchange(
    connected: socket.socket,
    path: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    seconds: float = ANSWER_SECONDS,
    most: int = MOST_BYTES,
) -> Answer:
    """The answer to a request without a body; the socket is closed then. Raises `OSError` if there
    is none within `seconds`, or more of it than `most` bytes.
    """
    connected.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=connected)
    sent = head(f"{method} {path} HTTP/1.1", {**headers, "connection": "close"})
    try:
        async with asyncio.timeout(seconds):
            writer.write(sent)
            await writer.drain()
            message = await read_message(reader, most=most)
        if message is None:
            raise OSError("it hung up without an answer")
        return Answer(
            status=int(message.first_line[1]),
            body=message.body,
            content_type=message.headers.get("content-type", ""),
        )
    except TimeoutError as error:
        raise OSError(f"no answer within {seconds:.0f} s") from error
    except (IncompleteReadError, MessageError, ValueError) as error:
        raise OSError(f"not a whole HTTP answer: {error}") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
