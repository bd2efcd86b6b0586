"""All that `heddle serve` opens, seen from outside by somebody who has nothing to show."""

import asyncio
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import envoy.service
import grpc
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from ca import istio_ca
from heddle.debug.run_file import running
from heddle.injection import SERVER_NAME
from tests.features.plane import Plane
from tests.features.served import Served, serving
from tests.features.stream import PATIENCE, secure_channel
from tests.security_rows import guards

LISTENING = "0A"
AUTHENTICATED = {
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
    "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus",
    "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus",
    f"/{istio_ca.SERVICE}/{istio_ca.METHOD}",
}
"""What `heddle serve` answers, and whom it answers it to: nobody without a token."""
USUAL = (
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.channelz.v1.Channelz/GetServers",
    "/istio.v1.auth.IstioCertificateService/Other",
    "/",
    "/debug",
)
"""What servers often have beside."""


def envoys_methods() -> Iterator[str]:
    """Every method of every service that an Envoy knows."""
    for module in pkgutil.walk_packages(envoy.service.__path__, "envoy.service."):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(module.name).DESCRIPTOR
            assert isinstance(file, FileDescriptor)
            for service in file.services_by_name.values():
                yield from map(_path, service.methods)


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


async def answer(channel: grpc.aio.Channel, method: str) -> grpc.StatusCode:
    """What an empty message without a token comes to."""
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    call = ask(b"")
    async with asyncio.timeout(PATIENCE):
        return await call.code()


@guards("C6")
async def test_every_method_that_is_served_asks_for_a_token(home: Path, plane: Plane) -> None:
    methods = {*envoys_methods(), *AUTHENTICATED, *USUAL}
    assert len(methods) > 30
    async with (
        serving(home, plane, "--inspector", "shop/web") as served,
        secure_channel(f"127.0.0.1:{served.port}", await served.root(), SERVER_NAME) as channel,
    ):
        found = {method: await answer(channel, method) for method in sorted(methods)}
    assert {each for each, code in found.items() if code is not grpc.StatusCode.UNIMPLEMENTED} == (
        AUTHENTICATED
    )
    assert {found[each] for each in AUTHENTICATED} == {grpc.StatusCode.UNAUTHENTICATED}


def listening(process: int) -> set[tuple[str, int]]:
    """The addresses and ports at which a process takes connections."""
    sockets, found = set(), set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has been closed meanwhile
            sockets.add(link.readlink().name)
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            address, port = local.split(":")
            if state == LISTENING and f"socket:[{inode}]" in sockets:
                found.add((address, int(port, 16)))
    return found


LOOPBACK = "0000000000000000FFFF00000100007F"
"""127.0.0.1, as gRPC listens there."""


IPV4_LOOPBACK = "0100007F"


@guards("C6")
async def test_no_other_port_is_open(home: Path, plane: Plane) -> None:
    """But one of loopback, where this machine's user looks, unless he wants none."""
    async with serving(home, plane, "--debug", "off") as served:
        assert listening(served.process.pid) == {(LOOPBACK, served.port)}
    async with serving(home, plane) as served:
        found = {address for address, _ in listening(served.process.pid)}
        assert found == {LOOPBACK, IPV4_LOOPBACK}


@guards("C6")
async def test_what_is_shown_asks_for_a_token(home: Path, plane: Plane) -> None:
    """Each page but our version and whether we are ready; the run file's token opens it."""
    async with serving(home, plane) as served, aiohttp.ClientSession() as session:
        (run,) = [run for run in running() if run.source == str(home / "yaml")]
        for path in ("/debug/proxies", "/login/invitation"):
            async with session.get(f"http://{run.address}{path}") as answer:
                assert answer.status == 401
            shown = {"Authorization": f"Bearer {run.token.reveal().decode()}"}
            async with session.get(f"http://{run.address}{path}", headers=shown) as answer:
                assert answer.status == 200
        async with session.get(f"http://{run.address}/version") as answer:
            assert answer.status == 200
        assert served.port


@guards("C6")
async def test_metrics_are_served_where_they_were_asked_for_alone(home: Path, plane: Plane) -> None:
    async with serving(home, plane, "--metrics", "127.0.0.1:0", "--debug", "off") as served:
        (port,) = {port for _, port in listening(served.process.pid)} - {served.port}
        assert served.metrics == f"http://127.0.0.1:{port}/metrics"


async def said(served: Served, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        writer.write(text)
        await writer.drain()
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@guards("C6")
async def test_nothing_is_said_in_the_clear(home: Path, plane: Plane) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
    async with serving(home, plane) as served:
        for text in (b"GET /debug/config_dump HTTP/1.1\r\nhost: x\r\n\r\n", preface):
            answered = await said(served, text)
            assert answered == b"" or answered[0] == 0x15, answered  # an alert of TLS
