"""A server with many doors: `HTTP_PORTS`, `TCP_PORTS` and `GRPC_PORTS`, each separated by commas.

All answer with what they were told: HTTP with the path, TCP with the line, gRPC with the message.
"""

import asyncio
import os
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping

import grpc

from heddle.demo.http_message import Message
from heddle.demo.http_server import Answer, Server


async def request(message: Message) -> Answer:
    """Over HTTP."""
    return Answer(status=200, body=message.first_line[1].encode())


async def line(reader: StreamReader, writer: StreamWriter) -> None:
    """Over TCP."""
    try:
        writer.write(await reader.readline())
        await writer.drain()
    except OSError:
        pass  # the peer went away
    finally:
        writer.close()


class Calls(grpc.GenericRpcHandler):
    """Over gRPC."""

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Any method."""

        async def echo(message: bytes, context: object) -> bytes:
            return message

        return grpc.unary_unary_rpc_method_handler(echo)


def ports(environment: Mapping[str, str], name: str) -> list[int]:
    """Those in a variable."""
    return [int(port) for port in environment[name].split(",")]


async def serve(environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for port in ports(environment, "TCP_PORTS"):
        await asyncio.start_server(line, "0.0.0.0", port)
    calls = grpc.aio.server(handlers=[Calls()])
    for port in ports(environment, "GRPC_PORTS"):
        calls.add_insecure_port(f"0.0.0.0:{port}")
    await calls.start()
    for port in ports(environment, "HTTP_PORTS"):
        await Server(request).start("0.0.0.0", port)
    await stop.wait()
    await calls.stop(0)


if __name__ == "__main__":
    asyncio.run(serve(os.environ))
