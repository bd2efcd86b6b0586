"""Questions to the server's owner on ADS: who may ask, and that resources stay what they are."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.any_pb2 import Any

from tests.xds.serving import PATIENCE, SOTW, Owner, RawCall, ended, read_sotw, serving
from xds.auth import Identity
from xds.errors import Forbidden
from xds.publisher import Publisher
from xds.questions import NO_SOTW
from xds.server import ServerSettings
from xds.types import CDS

ABOUT = "of.the.owner/clients"

Request = discovery_pb2.DiscoveryRequest
Response = discovery_pb2.DiscoveryResponse


async def answer(names: Sequence[str], identity: Identity) -> Response:
    if "hidden" in names:
        raise Forbidden(f"not for {identity.name}")
    said = f"{','.join(names)} for {identity.name}"
    return Response(resources=[Any(type_url="text", value=said.encode())])


@asynccontextmanager
async def asking(
    publisher: Publisher, *, token: str = "good", seconds: float = PATIENCE
) -> AsyncIterator[RawCall]:
    """A stream to a server that serves no state of the world."""
    settings = ServerSettings(plaintext=True, drain=0.1, questions_timeout=seconds)
    async with (
        serving(publisher, Owner(), settings, answers={ABOUT: answer}) as (_, port),
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        multi: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(SOTW)
        call = multi(metadata=grpc.aio.Metadata(("authorization", f"Bearer {token}")))
        yield call
        call.cancel()


async def ask(call: RawCall, *names: str, type_url: str = ABOUT, nonce: str = "") -> None:
    request = Request(type_url=type_url, resource_names=names, response_nonce=nonce)
    request.node.id = "n"
    await call.write(request.SerializeToString())


async def test_the_owner_answers_each_question(publisher: Publisher) -> None:
    async with asking(publisher) as call:
        await ask(call, "a", "b", nonce="whatever a tool has here")
        first = await read_sotw(call)
        await ask(call, nonce=first.nonce)  # it has got it: nothing to say
        await ask(call, "c")
        second = await read_sotw(call)
    assert [each.value for each in first.resources] == [b"a,b for spiffe://x"]
    assert [each.value for each in second.resources] == [b"c for spiffe://x"]
    assert first.type_url == second.type_url == ABOUT
    assert "" != first.nonce != second.nonce


async def test_nobody_asks_without_credentials(publisher: Publisher) -> None:
    async with asking(publisher, token="bad") as call:
        assert await ended(call) == ("UNAUTHENTICATED", "credentials refused")


async def test_the_owner_may_refuse_an_answer(publisher: Publisher) -> None:
    async with asking(publisher) as call:
        await ask(call, "hidden")
        assert await ended(call) == ("PERMISSION_DENIED", "not for spiffe://x")


async def test_a_question_opens_no_way_to_resources(publisher: Publisher) -> None:
    async with asking(publisher) as call:
        await ask(call)
        await read_sotw(call)
        await ask(call, type_url=CDS)
        assert (await ended(call))[0] == "INVALID_ARGUMENT"


async def test_other_types_are_still_not_served_in_state_of_the_world(
    publisher: Publisher,
) -> None:
    async with asking(publisher) as call:
        await ask(call, type_url=CDS)
        assert await ended(call) == ("UNIMPLEMENTED", NO_SOTW)


async def test_who_asks_does_not_stay(publisher: Publisher) -> None:
    async with asking(publisher, seconds=0.01) as call:
        await ask(call)
        assert (await ended(call))[0] == "UNAVAILABLE"
