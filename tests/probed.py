"""Applications that say how they are, over HTTP and gRPC, for whoever probes them."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc

from tests.certificates import pair


class Application(ThreadingHTTPServer):
    """Keeps what it was asked, and answers with `status`."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.status = 200
        self.asked: list[tuple[str, str, dict[str, str]]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Application)
        self.server.asked.append((self.client_address[0], self.path, dict(self.headers.items())))
        self.send_response(self.server.status)
        self.send_header("location", "/login")
        self.send_header("x-secret", "password")
        self.end_headers()
        self.wfile.write(b"the password is secret")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def secured(application: Application, folder: Path) -> Application:
    """The same over TLS 1.3, with a certificate that nobody can verify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    for name, content in zip(("chain", "key"), pair(1), strict=True):
        (folder / name).write_bytes(content)
    context.load_cert_chain(folder / "chain", folder / "key")
    application.socket = context.wrap_socket(application.socket, server_side=True)
    return application


SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


@contextmanager
def health(answers: Mapping[bytes, bytes], address: str = "127.0.0.1") -> Iterator[int]:
    """A server of grpc.health.v1.Health: `answers` by request; others are not served."""

    def check(request: bytes, context: grpc.ServicerContext) -> bytes:
        if request not in answers:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return answers[request]

    class Handler(grpc.GenericRpcHandler):
        def service(
            self, details: grpc.HandlerCallDetails
        ) -> "grpc.RpcMethodHandler[bytes, bytes]":
            return grpc.unary_unary_rpc_method_handler(check)

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
    port = server.add_insecure_port(f"{address}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
