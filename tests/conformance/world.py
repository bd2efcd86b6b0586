"""A server, a tap and an Envoy, and the small mesh that they begin with."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from envoy.config.core.v3 import base_pb2
from envoy.config.listener.v3.listener_pb2 import Listener
from google.protobuf.message import Message

from tests.conformance.conversation import Conversation, accepted
from tests.conformance.envoy import Answer, Envoy, bootstrap, running
from tests.conformance.resources import change, cluster, endpoints, host, listener, routes
from tests.conformance.tap import Tap, tapping
from xds.auth import Identity, Selection, accept_anybody
from xds.limits import Limits
from xds.publisher import Publisher
from xds.server import Server, ServerSettings

NOW = 1e9
UPSTREAMS = ("one", "two")
GRACE = 60.0
"""Longer than any test: an order that holds does so because of ACKs, not because time passed."""


@dataclass(frozen=True)
class World:
    """All three. What `Envoy` listens at are sockets in its folder."""

    publisher: Publisher
    server: Server
    tap: Tap
    envoy: Envoy

    @property
    def stream(self) -> Conversation:
        """The newest stream."""
        return self.tap.stream

    def publish(self, *messages: Message, removed: Iterable[Message] = ()) -> None:
        """Change what there is to serve. `taken` then waits for what comes because of it."""
        self.tap.mark()
        self.publisher.publish({"p": change(*messages, removed=removed)})

    def upstream(self, name: str) -> Path:
        """The socket of an upstream that answers with its name."""
        return self.envoy.folder / name

    def endpoints(self, name: str, upstream: str = "one") -> Message:
        """The endpoints of a cluster: that upstream."""
        return endpoints(name, self.upstream(upstream))

    def listener(self, name: str, routes_name: str) -> Listener:
        """A listener at the socket `name`."""
        return listener(self.envoy.folder / name, routes_name)

    def first(self) -> list[Message]:
        """What a world begins with: `a.test` goes to upstream one, all else is 404."""
        return [
            cluster("a"),
            self.endpoints("a"),
            self.listener("front", "r"),
            routes("r"),
            host("r", "a.test", "a"),
            host("r", "*"),
        ]

    async def begin(self) -> None:
        """Serve the first resources, until they answer."""
        self.publish(*self.first())
        await self.answers("a.test", 200, "one")

    async def answers(self, name: str, status: int, body: str = "", *, at: str = "front") -> Answer:
        """Wait until this host answers so."""

        def wanted(found: Answer) -> bool:
            return found.status == status and (not body or found.body == body)

        return await self.envoy.eventually(name, wanted, at)

    async def taken(self, type_url: str, name: str) -> None:
        """Wait until Envoy has accepted the last response that brought or removed `name`."""
        response = await self.stream.sent(type_url, name)
        answer = await self.stream.answered(response.nonce)
        assert accepted(answer), answer.error_detail.message


async def _resolve(node: base_pb2.Node, identity: Identity) -> Selection:
    del node, identity
    return Selection(parts=("p",))


@asynccontextmanager
async def serving(publisher: Publisher, path: Path) -> AsyncIterator[Server]:
    """A server at a socket, for anybody."""
    server = Server(
        publisher,
        authenticate=accept_anybody,
        resolve=_resolve,
        wall=lambda: NOW,
        settings=ServerSettings(
            address=f"unix:{path}", plaintext=True, drain=0.1, limits=Limits(grace=GRACE)
        ),
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def world(binary: Path, folder: Path) -> AsyncIterator[World]:
    """A world in which nothing has been published yet."""
    publisher = Publisher()
    publisher.publish({"p": change()})
    async with (
        serving(publisher, folder / "server") as server,
        tapping(folder / "server", folder / "xds") as tap,
        running(binary, folder, bootstrap(folder, UPSTREAMS)) as envoy,
    ):
        yield World(publisher, server, tap, envoy)
