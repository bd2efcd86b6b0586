"""What external authorization asks: in HTTP on `PORT`, in gRPC (Envoy's ext_authz) on `GRPC_PORT`.

It lets in who says so himself, `x-let: in`; a connection, which says nothing, unless it comes from
the namespace `other`. Whom it lets in is told in `x-user`, and the server behind in what it was
asked: `x-asked`.
"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping

import grpc
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.auth.v3.attribute_context_pb2 import AttributeContext
from envoy.service.auth.v3.external_auth_pb2 import (
    CheckRequest,
    CheckResponse,
    DeniedHttpResponse,
    OkHttpResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus, StatusCode
from google.rpc.status_pb2 import Status

from heddle.demo.http_message import Message, head, read_message

IN, STRANGERS = "in", "/ns/other/"
USER, ASKED, WHY = "x-user", "x-asked", "x-why"
PERMISSION_DENIED = 7
GRACE = 1.0


async def over_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers checks until the client is gone."""
    try:
        while (message := await read_message(reader)) is not None:
            writer.write(_answer(message))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client went away
    finally:
        writer.close()


def _answer(message: Message) -> bytes:
    asked = {"path": message.first_line[1], "headers": dict(message.headers)}
    told = {ASKED: json.dumps({**asked, "body": message.body.decode()}), "content-length": "0"}
    if message.headers.get("x-let") == IN:
        return head("HTTP/1.1 200 OK", {**told, USER: "ann", "set-cookie": "seen=1"})
    refused = {"content-length": "2", WHY: "nobody", "x-hidden": "1"}
    return head("HTTP/1.1 401 Unauthorized", refused) + b"no"


async def check(raw: bytes, _: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    """Answers one check over gRPC."""
    asked = CheckRequest.FromString(raw).attributes
    return _judged(asked).SerializeToString()


def _judged(asked: AttributeContext) -> CheckResponse:
    if not asked.request.HasField("http"):
        denied = STRANGERS in asked.source.principal
        return CheckResponse(status=Status(code=PERMISSION_DENIED if denied else 0))
    http = asked.request.http
    if http.headers.get("x-let") == IN:
        told = {"path": http.path, "principal": asked.source.principal, "body": http.body}
        added = (_header(USER, "bob"), _header(ASKED, json.dumps(told)))
        return CheckResponse(status=Status(), ok_response=OkHttpResponse(headers=added))
    return CheckResponse(
        status=Status(code=PERMISSION_DENIED),
        denied_response=DeniedHttpResponse(
            status=HttpStatus(code=StatusCode.Unauthorized),
            headers=(_header(WHY, "nobody"),),
            body="no",
        ),
    )


def _header(name: str, value: str) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=value))


class _Checks(grpc.GenericRpcHandler):
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        if handler_call_details.method == "/envoy.service.auth.v3.Authorization/Check":
            return grpc.unary_unary_rpc_method_handler(check)
        return None


async def serve(environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = environment.get("POD_IP") or "0.0.0.0"
    checks = grpc.aio.server()
    checks.add_generic_rpc_handlers((_Checks(),))
    checks.add_insecure_port(f"{host}:{environment['GRPC_PORT']}")
    await checks.start()
    await asyncio.start_server(over_http, host, int(environment["PORT"]))
    await stop.wait()
    await checks.stop(GRACE)


if __name__ == "__main__":
    asyncio.run(serve(os.environ))
