"""A second real client: gRPC's own xDS client, which speaks state of the world.

It runs in a process of its own, as it reads its bootstrap from the environment once. The resources
are those of the library's example.
"""

import asyncio
import json
import os
import runpy
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from envoy.config.core.v3 import base_pb2

from tests.xds.rules import rules
from xds.auth import Identity, Selection, accept_anybody
from xds.errors import Forbidden
from xds.publisher import Publisher
from xds.resource import Resource
from xds.server import Server, ServerSettings
from xds.types import CDS, EDS, LDS, RDS

PATIENCE = 60.0

_CLIENT = """
import sys
import grpc

with grpc.insecure_channel("xds:///greeter") as channel:
    say = channel.unary_unary("/Greeter/Say")
    for _ in sys.stdin:
        try:
            print(say(b"", timeout=60, wait_for_ready=True).decode(), flush=True)
        except grpc.RpcError as error:
            print(error.code().name, error.details(), flush=True)
"""

Resources = Mapping[str, Iterable[Resource]]


class Client:
    """The process with the client; one call at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(self) -> str:
        """The answer to one call, or its status."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE):
            return (await stdout.readline()).decode().strip()

    async def calls_until(self, wanted: str) -> set[str]:
        """Call until the answer is the wanted one; the answers before it."""
        seen: set[str] = set()
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.call()) != wanted:
                seen.add(answer)
        return seen


class Running:
    """A server, a client of it, and two backends that say `one` and `two`."""

    def __init__(
        self,
        publisher: Publisher,
        server: Server,
        client: Client,
        resources: Callable[[str], Resources],
    ) -> None:
        self.publisher = publisher
        self.server = server
        self.client = client
        self.resources = resources

    async def publish(self, full: Resources) -> None:
        """Publish, and wait until the client has accepted it."""
        generation = self.publisher.replace("p", full)
        async with asyncio.timeout(PATIENCE):
            await self.server.clients.settled(generation)

    def pushed(self) -> dict[str, int]:
        """How far the only client was brought, by type."""
        (status,) = self.server.clients.snapshot()
        return {type_url: each.sent for type_url, each in status.types.items()}


@pytest.fixture
async def running(repo_root: Path, tmp_path: Path) -> AsyncIterator[Running]:
    read = runpy.run_path(str(repo_root / "examples/xds/serve.py"))["read"]
    example = (repo_root / "examples/xds/grpc.yaml").read_text()
    async with AsyncExitStack() as stack:
        ports = {name: await stack.enter_async_context(_backend(name)) for name in ("one", "two")}

        def resources(text: str) -> Resources:
            """Those of the example, whose port leads to a backend."""
            for name, port in ports.items():
                text = text.replace(f"port_value: {name}", f"port_value: {port}")
            file = tmp_path / "resources.yaml"
            file.write_text(text)
            found: Resources = read(file)
            return found

        publisher = Publisher()
        publisher.replace("p", resources(_to(example, "one")))
        server = await stack.enter_async_context(_served(publisher))
        client = await stack.enter_async_context(_client(server[1]))
        assert await client.call() == "one"
        yield Running(publisher, server[0], client, resources)


def _to(example: str, backend: str) -> str:
    return example.replace("port_value: 50051", f"port_value: {backend}")


@asynccontextmanager
async def _backend(answer: str) -> AsyncIterator[int]:
    async def say(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        del request, context
        return answer.encode()

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(say)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("Greeter", {"Say": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


@asynccontextmanager
async def _served(publisher: Publisher) -> AsyncIterator[tuple[Server, int]]:
    server = Server(
        publisher,
        authenticate=accept_anybody,
        resolve=_refuse,
        resolve_sotw=_select,
        wall=lambda: 0.0,
        settings=ServerSettings(plaintext=True, drain=0.1),
    )
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop()


async def _refuse(node: base_pb2.Node, identity: Identity) -> Selection:
    raise Forbidden(f"{node.id} does not speak delta, {identity.name}")


async def _select(node: base_pb2.Node, identity: Identity) -> Selection:
    del node, identity
    return Selection(parts=("p",))


@asynccontextmanager
async def _client(port: int) -> AsyncIterator[Client]:
    bootstrap = {
        "xds_servers": [
            {
                "server_uri": f"127.0.0.1:{port}",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {"id": "grpc-1"},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CLIENT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": json.dumps(bootstrap)},
    )
    try:
        yield Client(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()


@rules("X-01", "X-42")
async def test_it_resolves_a_service_and_calls_it(running: Running) -> None:
    (status,) = running.server.clients.snapshot()
    assert status.node == "grpc-1"
    assert set(status.types) == {LDS, RDS, CDS, EDS}
    assert not any(each.nack for each in status.types.values())


@rules("X-22+X-108")
async def test_equal_resources_are_not_sent_again(running: Running, repo_root: Path) -> None:
    before = running.pushed()
    example = (repo_root / "examples/xds/grpc.yaml").read_text()
    await running.publish(running.resources(_to(example, "one")))
    assert await running.client.call() == "one"
    assert running.pushed() == before


@rules("X-50")
async def test_new_endpoints_are_called(running: Running, repo_root: Path) -> None:
    example = (repo_root / "examples/xds/grpc.yaml").read_text()
    await running.publish(running.resources(_to(example, "two")))
    assert await running.client.calls_until("two") <= {"one"}


@rules("X-81")
async def test_a_service_moves_to_another_cluster_without_an_error(
    running: Running, repo_root: Path
) -> None:
    example = (repo_root / "examples/xds/grpc.yaml").read_text()
    moved = _to(example, "two").replace("greeter-1", "greeter-2")
    await running.publish(running.resources(moved))
    assert await running.client.calls_until("two") <= {"one"}
    assert {each.name for each in moved_clusters(running)} == {"greeter-2"}


def moved_clusters(running: Running) -> Iterable[Resource]:
    """The clusters that are published."""
    return running.publisher.resources("p", CDS).values()


@rules("X-21")
async def test_what_it_rejects_is_shown_and_mended(running: Running, repo_root: Path) -> None:
    example = (repo_root / "examples/xds/grpc.yaml").read_text()
    bad = running.resources(_to(example, "one").replace("type: EDS", "type: STATIC"))
    running.publisher.replace("p", bad)
    clients = running.server.clients
    async with asyncio.timeout(PATIENCE):
        while not (rejected := clients.snapshot()[0].types[CDS].nack):
            await clients.changed(clients.revision)
    assert "greeter-1" in rejected.message
    await running.publish(running.resources(_to(example, "two")))
    assert await running.client.calls_until("two") <= {"one"}
