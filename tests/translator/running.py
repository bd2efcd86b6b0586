"""A real Envoy that serves routes over Unix sockets: no port can be taken, nothing has to be waited
for but its own word that it listens.

Behind the routes are upstreams inside the same Envoy. Each answers 200 and says in headers what it
was asked, and as which cluster.
"""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import Address, Pipe
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.endpoint.v3.endpoint_components_pb2 import (
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    Route,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.any_pb2 import Any

from crds.scalars import Duration, Percent
from crds.virtual_service import Delay, HTTPFaultInjection
from tests.translator.envoy import as_json
from translator import pb
from translator.clusters import blackhole_cluster
from translator.filters import fault, outbound_filters
from translator.http_manager import http_manager
from translator.routes import route_configuration

LISTENING = "starting main dispatch loop"
SLOW = "/take-a-minute"
"""Upstreams take a minute for what begins with this."""
ECHOED = {
    "seen-path": "%REQ(:PATH)%",
    "seen-host": "%REQ(:AUTHORITY)%",
    "seen-method": "%REQ(:METHOD)%",
    "seen-added": "%REQ(ADDED)%",
    "seen-removed": "%REQ(REMOVED)%",
}


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Running:
    """An Envoy that serves."""

    front: Path

    def ask(
        self,
        host: str,
        path: str = "/",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        client = UnixConnection(self.front)
        try:
            client.request(method, path, headers={"Host": host, **(headers or {})})
            response = client.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, got, response.read().decode(errors="replace"))
        finally:
            client.close()


class UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def serving(
    envoy: Path, folder: Path, hosts: Sequence[VirtualHost], upstreams: Sequence[str]
) -> Iterator[Running]:
    """An Envoy with these virtual hosts, and an upstream for each of these clusters."""
    routes = route_configuration("80", vhds=False, virtual_hosts=hosts)
    with serving_each(envoy, folder, {"front": routes}, upstreams) as running:
        yield running["front"]


@contextmanager
def serving_each(
    envoy: Path, folder: Path, fronts: Mapping[str, RouteConfiguration], upstreams: Sequence[str]
) -> Iterator[Mapping[str, Running]]:
    """An Envoy that serves each of several route configurations at a socket of its own."""
    running = {name: Running(folder / f"front{index}") for index, name in enumerate(fronts)}
    paths = {name: folder / str(index) for index, name in enumerate(upstreams)}
    config = {
        "static_resources": {
            "clusters": [
                as_json(blackhole_cluster()),
                *(as_json(pipe_cluster(name, path)) for name, path in paths.items()),
            ],
            "listeners": [
                *(as_json(listener_at(running[name].front, fronts[name])) for name in fronts),
                *(as_json(listener_at(path, echo(name))) for name, path in paths.items()),
            ],
        }
    }
    with started(envoy, folder, config):
        yield running


@contextmanager
def started(envoy: Path, folder: Path, config: Mapping[str, object]) -> Iterator[None]:
    """An Envoy with this bootstrap, once it listens."""
    (folder / "bootstrap.json").write_text(json.dumps(config))
    arguments = ["--config-path", str(folder / "bootstrap.json"), "--concurrency", "1"]
    process = subprocess.Popen(
        [str(envoy), *arguments, "--disable-hot-restart", "--log-level", "info"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = ""
        while LISTENING not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        yield
    finally:
        process.kill()
        process.communicate()


def pipe_cluster(name: str, path: Path) -> Cluster:
    """A cluster whose one endpoint is a Unix socket."""
    endpoint = LbEndpoint(endpoint=Endpoint(address=pipe(path)))
    return Cluster(
        name=name,
        type=Cluster.STATIC,
        connect_timeout=pb.seconds(1),
        load_assignment=ClusterLoadAssignment(
            cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])]
        ),
    )


def listener_at(path: Path, routes: RouteConfiguration) -> Listener:
    """What serves routes at a Unix socket, as a caller's sidecar does."""
    manager = http_manager(path.name, routes, outbound_filters())
    return Listener(
        name=path.name, address=pipe(path), filter_chains=(FilterChain(filters=(manager,)),)
    )


def echo(name: str) -> RouteConfiguration:
    """Answers that say in headers what was asked, and as which cluster."""
    said = {"seen-cluster": name.replace("%", "%%"), **ECHOED}
    answers = [
        HeaderValueOption(header=HeaderValue(key=key, value=value)) for key, value in said.items()
    ]
    made = [
        Route(
            match=RouteMatch(prefix=prefix),
            direct_response=DirectResponseAction(status=200),
            response_headers_to_add=answers,
            typed_per_filter_config=faults,
        )
        for prefix, faults in ((SLOW, {fault.NAME: _delayed()}), ("/", {}))
    ]
    host = VirtualHost(name="echo", domains=("*",), routes=made)
    return RouteConfiguration(name="echo", virtual_hosts=(host,))


def _delayed() -> Any:
    delay = Delay(fixed_delay=Duration(60_000_000_000), percentage=Percent(value=100))
    made = fault.per_route(HTTPFaultInjection(delay=delay))
    assert made is not None
    return pb.any_of(made)


def pipe(path: Path) -> Address:
    """A Unix socket."""
    return Address(pipe=Pipe(path=str(path)))
