"""Which connections the server takes: TLS, and plaintext where nobody can listen."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from tests.security_rows import guards
from tests.xds.certificates import certificate
from tests.xds.serving import (
    GOOD,
    METHOD,
    NOW,
    PATIENCE,
    Owner,
    Stream,
    open_call,
    read,
    request,
    serving,
)
from xds.auth import accept_anybody
from xds.publisher import PartChange, Publisher
from xds.server import Server, ServerSettings


@asynccontextmanager
async def secure(port: int, anchor: bytes) -> AsyncIterator[Stream]:
    trust = grpc.ssl_channel_credentials(anchor)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", trust) as channel:
        call = open_call(channel, GOOD, METHOD)
        yield call
        call.cancel()


@pytest.mark.parametrize(
    ("address", "plaintext"),
    [("0.0.0.0:0", True), ("127.0.0.1:0", False), ("example.org:0", True), ("[::]:0", True)],
)
@guards("C6")
async def test_plaintext_is_for_loopback_and_only_when_asked_for(
    publisher: Publisher, address: str, plaintext: bool
) -> None:
    owner = Owner()
    server = Server(
        publisher,
        authenticate=accept_anybody,
        resolve=owner.resolve,
        wall=lambda: NOW,
        settings=ServerSettings(address=address, plaintext=plaintext),
    )
    with pytest.raises(ValueError, match="plaintext is for loopback"):
        await server.start()


async def test_a_new_certificate_is_used_at_the_next_handshake(
    publisher: Publisher, owner: Owner
) -> None:
    publisher.publish({"p": PartChange()})
    current = certificate("old")
    settings = ServerSettings()
    async with serving(publisher, owner, settings, certificate=lambda: current) as (_, port):
        for _ in range(2):
            async with secure(port, current.chain) as call:
                await call.write(request())
                await read(call)
        current = certificate("new")
        async with secure(port, current.chain) as call:
            await call.write(request())
            await read(call)


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        pytest.param(ssl.TLSVersion.TLSv1_3, True, id="1.3"),
        pytest.param(ssl.TLSVersion.TLSv1_2, True, id="1.2"),
        pytest.param(ssl.TLSVersion.TLSv1_1, False, id="1.1"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_tls_is_1_2_or_newer(
    publisher: Publisher, owner: Owner, version: ssl.TLSVersion, accepted: bool
) -> None:
    current = certificate("x")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=current.chain.decode())
    context.set_alpn_protocols(["h2"])
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    async with serving(publisher, owner, ServerSettings(), certificate=lambda: current) as (_, p):
        try:
            async with asyncio.timeout(PATIENCE):
                _, writer = await asyncio.open_connection("127.0.0.1", p, ssl=context)
            writer.close()
            handshake = True
        except (ssl.SSLError, ConnectionError):
            handshake = False
    assert handshake is accepted


def test_a_key_never_shows() -> None:
    assert "PRIVATE" not in repr(certificate("x"))
