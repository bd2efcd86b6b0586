"""What a real sidecar sends to its own application again, and what it does not."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from crds.connection_pool import ConnectionPoolSettings, TCPSettings
from crds.peer_authentication import Mode
from crds.scalars import Duration
from mesh.authentication import Modes
from mesh.inbound import InboundPort
from mesh.protection import Protection
from mesh.routing import Target
from mesh.services import Protocol
from tests.probed import running
from tests.semantics import covers
from tests.translator.envoy import as_json
from tests.translator.running import UnixConnection, listener_at, pipe, pipe_cluster, started
from translator import clusters, names, routes
from translator.listeners_inbound import Inbound, inbound_listener
from translator.shares import cluster_of

pytestmark = pytest.mark.envoy

PORT = 8080
PATIENCE, TRIES = 60.0, 6000
ATTEMPT = Duration(900_000_000)
"""A connection is waited for. The kernel would ask for it again only after a second (tcp(7))."""
UNANSWERED = b"read, and not answered"
CALLED = Target(host="reviews", port=80)


class Application(ThreadingHTTPServer):
    """Listens from the start and accepts while it is `running`; until then one connection waits,
    and the kernel lets others not even come about.
    """

    request_queue_size = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Application)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(body)
        if body == UNANSWERED:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Sidecar:
    """An application's sidecar, and one of a caller that calls it, in one Envoy."""

    folder: Path

    def post(self, body: bytes, *, caller: bool = False) -> int:
        """The status that is answered: to the `caller`'s application, or to its sidecar."""
        return self._ask("caller" if caller else "server", "POST", "/", body)[0]

    def counted(self, cluster: str, what: str) -> int:
        """Envoy's counter of a cluster."""
        shown = self._ask("admin", "GET", "/stats?format=json")[1]
        found = {each.get("name"): each.get("value") for each in json.loads(shown)["stats"]}
        return int(found[f"cluster.{cluster}.{what}"])

    def _ask(self, at: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        client = UnixConnection(self.folder / at)
        try:
            client.request(method, path, body, {"Host": "reviews"})
            response = client.getresponse()
            return response.status, response.read()
        finally:
            client.close()


@contextmanager
def sidecar(
    envoy: Path, folder: Path, application: int, protocol: Protocol = Protocol.HTTP
) -> Iterator[Sidecar]:
    """In front of an application at this port of the loopback."""
    open_to_all = Inbound(protection=Protection(modes=Modes(default=Mode.DISABLE)))
    port = InboundPort(number=PORT, protocol=protocol)
    server = inbound_listener("127.0.0.1", PORT, port, open_to_all)
    server.address.CopyFrom(pipe(folder / "server"))
    pool = ConnectionPoolSettings(tcp=TCPSettings(connect_timeout=ATTEMPT))
    own = clusters.inbound_cluster(
        PORT, protocol, address="127.0.0.1", target=application, pool=pool
    )
    host = routes.virtual_host("80", "reviews:80", ("*",), routes.default_rules(CALLED))
    calls = routes.route_configuration("80", vhds=False, virtual_hosts=(host,))
    config = {
        "admin": {"address": {"pipe": {"path": str(folder / "admin")}}},
        "static_resources": {
            "listeners": [as_json(server), as_json(listener_at(folder / "caller", calls))],
            "clusters": [
                as_json(own),
                as_json(pipe_cluster(cluster_of(CALLED), folder / "server")),
            ],
        },
    }
    with started(envoy, folder, config):
        yield Sidecar(folder)


@contextmanager
def refusing() -> Iterator[int]:
    """A port of nobody who listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def until_waiting(port: int) -> None:
    """Until the kernel has asked for a connection to a port, and was not answered: proc(5),
    /proc/net/tcp.
    """
    wanted = [f"0100007F:{port:04X}", "02"]
    for _ in range(TRIES):
        lines = Path("/proc/net/tcp").read_text().splitlines()
        if any(line.split()[2:4] == wanted for line in lines):
            return
        threading.Event().wait(PATIENCE / TRIES)
    raise AssertionError("nobody calls the application")


@covers("S-69")
def test_what_did_not_get_through_to_the_application_is_sent_again(
    envoy_binary: Path, tmp_path: Path
) -> None:
    """Its queue of connections is full, and empty a moment later: the one that was asked for at the
    wrong moment never comes about.
    """
    application = Application()
    with (
        sidecar(envoy_binary, tmp_path, application.server_port) as server,
        socket.create_connection(("127.0.0.1", application.server_port)),
        ThreadPoolExecutor() as caller,
    ):
        answered = caller.submit(server.post, b"once")
        until_waiting(application.server_port)
        with running(application):
            assert answered.result() == 200
    assert application.received == [b"once"]


@covers("S-69")
@pytest.mark.parametrize(("protocol", "tries"), [(Protocol.HTTP, 3), (Protocol.GRPC, 1)])
def test_an_application_that_refuses_is_asked_three_times_and_for_grpc_once(
    envoy_binary: Path, tmp_path: Path, protocol: Protocol, tries: int
) -> None:
    with refusing() as port, sidecar(envoy_binary, tmp_path, port, protocol) as server:
        assert server.post(b"never") == 503
        assert server.counted(names.inbound_cluster(PORT), "upstream_cx_connect_fail") == tries


@covers("S-69")
def test_a_caller_s_retries_do_not_multiply_those_of_the_server(
    envoy_binary: Path, tmp_path: Path
) -> None:
    """By default: it takes the 503 for the server's answer."""
    with refusing() as port, sidecar(envoy_binary, tmp_path, port) as server:
        assert server.post(b"never", caller=True) == 503
        assert server.counted(cluster_of(CALLED), "upstream_rq_total") == 1
        assert server.counted(names.inbound_cluster(PORT), "upstream_cx_connect_fail") == 3


@covers("S-69")
def test_what_the_application_may_have_read_is_never_sent_again(
    envoy_binary: Path, tmp_path: Path
) -> None:
    """It closes a connection that it has answered on before, as it would an idle one."""
    application = Application()
    with running(application) as port, sidecar(envoy_binary, tmp_path, port) as server:
        answers = [server.post(body) for body in (b"before", UNANSWERED, b"after")]
        connections = server.counted(names.inbound_cluster(PORT), "upstream_cx_total")
    assert connections == 2
    assert answers == [200, 503, 200]
    assert application.received == [b"before", UNANSWERED, b"after"]
