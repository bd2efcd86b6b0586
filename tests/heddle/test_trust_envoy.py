"""A real Envoy whose trust changes, over ADS, as workloads' does: whom it takes, and whom never."""

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf.message import Message

from ca.authority import Authority, new_intermediate, new_root
from ca.rotation import Rotation, begin, forward
from ca.workload import KeyPair, key_pair
from ca.workload_secrets import trust_secret, workload_secret
from crds.server_tls import ServerTLSmode, ServerTLSSettings
from heddle.serve import utc_now
from mesh.identity import SpiffeId
from mesh.protection import Membership
from tests.certificates import presenting
from tests.conformance.resources import cluster, endpoints, host, listener, routes
from tests.conformance.world import World, world
from tests.security_rows import guards
from translator.mutual_tls import downstream, upstream
from translator.server_tls import server_tls
from xds.types import SDS

pytestmark = pytest.mark.envoy

DOMAIN = "cluster.local"
CLIENT, SERVER = SpiffeId(DOMAIN, "shop", "client"), SpiffeId(DOMAIN, "shop", "server")
DOORS = ("door-0", "door-1")
ROTATIONS = 5
DAY = timedelta(days=1)
REQUEST = b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def authority() -> Authority:
    return new_intermediate(new_root(utc_now(), DOMAIN), utc_now(), DOMAIN)


def pair(signer: Authority, identity: SpiffeId) -> KeyPair:
    return key_pair(signer, identity, utc_now(), lifetime=DAY)


def client_tls(signer: Authority, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A workload that does not care whom it calls."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version is not None:
        made.maximum_version = version
    shown = pair(signer, CLIENT)
    return presenting(made, shown.certificate.chain_pem, shown.key.reveal())


def workload_tls(signer: Authority) -> ssl.SSLContext:
    """A workload that takes anybody, and lets him come back to his session."""
    shown = pair(signer, SERVER)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return presenting(made, shown.certificate.chain_pem, shown.key.reveal())


@dataclass(frozen=True)
class Called:
    """What became of a call: the first line that was answered, and the session."""

    answer: bytes
    session: ssl.SSLSession | None
    reused: bool


def call(path: Path, tls: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Called:
    """Calls a door; of a refusal nothing is heard. TLS 1.3 refuses after the client is content."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(path))
        with (
            suppress(ConnectionError, ssl.SSLError),
            tls.wrap_socket(raw, session=session) as secured,
        ):
            secured.sendall(REQUEST)
            answer = secured.recv(100).partition(b"\r\n")[0]
            return Called(answer, secured.session, bool(secured.session_reused))
    return Called(b"", None, reused=False)


async def is_taken(path: Path, tls: ssl.SSLContext) -> bool:
    return bool((await asyncio.to_thread(call, path, tls)).answer)


@asynccontextmanager
async def workload(path: Path, tls: ssl.SSLContext) -> AsyncIterator[None]:
    """A server that is no Envoy."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, str(path), ssl=tls)
    try:
        yield
    finally:
        server.close()


def secrets(rotation: Rotation) -> tuple[Message, Message]:
    """What our Envoy is given of a rotation."""
    return workload_secret(pair(rotation.signer, SERVER)), trust_secret(rotation.roots)


def credential(rotation: Rotation) -> Iterator[Message]:
    """The same, by the names of a gateway's Secret."""
    for each, name in zip(secrets(rotation), ("shop", "shop-cacert"), strict=True):
        renamed = Secret.FromString(each.SerializeToString())
        renamed.name = f"kubernetes://{name}"
        yield renamed


SIDECAR = downstream(Membership(domains=(DOMAIN,)), http=True)
GATEWAY = server_tls(ServerTLSSettings(mode=ServerTLSmode.MUTUAL, credential_name="shop"))


def door(at: World, name: str, tls: TransportSocket = SIDECAR) -> Listener:
    """A port with mutual TLS."""
    made = listener(at.envoy.folder / name, "inside")
    made.filter_chains[0].transport_socket.CopyFrom(tls)
    return made


def called(at: World, name: str, path: Path) -> list[Message]:
    """`<name>.test` leads over mutual TLS to a socket."""
    made = cluster(name)
    made.transport_socket.CopyFrom(upstream("sni", (str(SERVER),), http=True, http2=False))
    return [made, endpoints(name, path), host("r", f"{name}.test", name)]


async def begin_with(at: World, rotation: Rotation, *more: Message) -> None:
    """Two doors, and what `more` says, with the secrets of a rotation."""
    front = [at.listener("front", "r"), routes("r"), host("r", "*")]
    inside = [routes("inside"), host("inside", "*")]
    doors = [door(at, name) for name in DOORS]
    at.publish(*front, *inside, *doors, *more, *secrets(rotation))
    await at.answers("nobody.test", 404)


async def rotated(at: World, rotation: Rotation) -> None:
    """Once Envoy has acknowledged the secrets of a step: all that changed come together."""
    at.publish(*secrets(rotation))
    await at.taken(SDS, "default")


@pytest.fixture
async def fresh(envoy_binary: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with world(envoy_binary, tmp_path) as made:
        yield made


@guards("C16")
async def test_c16_while_roots_change_a_foreigner_is_never_taken(fresh: World) -> None:
    """CVE-2020-8664: two listeners and three clusters share one validation context. A peer of the
    right name whose root nobody trusts tries all of them, all the time.
    """
    foreign, folder = authority(), fresh.envoy.folder
    rotation = Rotation(current=authority())
    tries = taken = 0

    async def intrude(name: str) -> None:
        nonlocal tries, taken
        while True:
            if name in DOORS:
                taken += await is_taken(folder / name, client_tls(foreign))
            else:
                taken += (await fresh.envoy.ask(name)).status != 503
            tries += 1

    clusters = (
        *called(fresh, "in-0", folder / "door-0"),
        *called(fresh, "in-1", folder / "door-1"),
        *called(fresh, "out", folder / "foreign"),
    )
    async with workload(folder / "foreign", workload_tls(foreign)), asyncio.TaskGroup() as group:
        await begin_with(fresh, rotation, *clusters)
        for name in ("in-0.test", "in-1.test"):
            await fresh.answers(name, 404)  # taken, and answered by the door behind
        await fresh.answers("out.test", 503)
        intruders = [group.create_task(intrude(name)) for name in (*DOORS, "out.test")]
        for _ in range(ROTATIONS):
            trusting = begin(rotation, authority(), utc_now())
            switched = forward(trusting, (), utc_now())
            rotation = forward(switched, (), utc_now())
            for step in (trusting, switched, rotation):
                await rotated(fresh, step)
                for name in ("in-0.test", "in-1.test"):
                    await fresh.answers(name, 404)
                for name in DOORS:
                    assert await is_taken(folder / name, client_tls(step.signer))
        for task in intruders:
            task.cancel()
    assert tries > 3 * ROTATIONS
    assert taken == 0


@guards("C17")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_c17_a_session_of_a_root_that_is_gone_is_not_taken(
    fresh: World, version: ssl.TLSVersion
) -> None:
    """CVE-2022-21654. No session is resumed at all, so none can outlive a change."""
    old, new = authority(), authority()
    await begin_with(fresh, Rotation(current=old))
    path, tls = fresh.envoy.folder / "door-0", client_tls(old, version)
    first = await asyncio.to_thread(call, path, tls)
    again = await asyncio.to_thread(call, path, tls, first.session)
    assert first.answer
    assert again.answer
    assert not again.reused
    await rotated(fresh, Rotation(current=new))
    after = await asyncio.to_thread(call, path, tls, again.session)
    assert after.answer == b""
    assert await is_taken(path, client_tls(new, version))


@guards("C17")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_c17_a_gateway_resumes_no_session_of_authorities_that_are_gone(
    fresh: World, version: ssl.TLSVersion
) -> None:
    """It does resume those of the authorities that it has: a handshake less for its clients."""
    old, new = Rotation(current=authority()), Rotation(current=authority())
    await begin_with(fresh, old, door(fresh, "gateway", GATEWAY), *credential(old))
    path, tls = fresh.envoy.folder / "gateway", client_tls(old.signer, version)
    first = await asyncio.to_thread(call, path, tls)
    again = await asyncio.to_thread(call, path, tls, first.session)
    assert (bool(again.answer), again.reused) == (True, True)
    fresh.publish(*credential(new))
    await fresh.taken(SDS, "kubernetes://shop")
    after = await asyncio.to_thread(call, path, tls, again.session)
    assert after.answer == b""
    assert await is_taken(path, client_tls(new.signer, version))


@guards("C17")
async def test_c17_a_client_does_not_resume_a_session_with_a_server_that_it_trusts_no_longer(
    fresh: World,
) -> None:
    """A resumed session shows no certificate: what was verified once would count for ever."""
    old, path = authority(), fresh.envoy.folder / "workload"
    tls = workload_tls(old)
    async with workload(path, tls):
        await begin_with(fresh, Rotation(current=old), *called(fresh, "out", path))
        await fresh.answers("out.test", 200)
        assert (await fresh.envoy.ask("out.test")).status == 200
        await rotated(fresh, Rotation(current=authority()))
        resumed = tls.session_stats()["hits"]
        assert resumed > 0  # as long as it trusts it
        await fresh.answers("out.test", 503)
        assert tls.session_stats()["hits"] == resumed
