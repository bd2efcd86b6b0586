"""CSDS: what standard xDS tools see of each client, and who may look."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.status.v3 import csds_pb2
from envoy.type.matcher.v3 import node_pb2, string_pb2, struct_pb2

from tests.xds.resources import cluster, endpoints, secret, upsert
from tests.xds.rules import rules
from tests.xds.scripted import Scripted
from tests.xds.sotw_scripted import SotwScripted
from xds.auth import Anybody, Identity, Selection
from xds.csds import client_statuses
from xds.errors import BadRequest, Unauthenticated
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.status import Client, Clients, Stream
from xds.types import short_name

METHODS = "/envoy.service.status.v3.ClientStatusDiscoveryService/"
PATIENCE = 10.0
BEGAN = 1_700_000_000.5
"""When the clock of the streams showed 0."""

Request = csds_pb2.ClientStatusRequest
Response = csds_pb2.ClientStatusResponse


def connected(stream: Stream, *, node: str = "n") -> Clients:
    clients = Clients()
    clients.add(Client(id=1, node=node, identity="i", peer="p", key=None, since=0.0, stream=stream))
    return clients


def wall(at: float) -> float:
    """Unix seconds, by the clock of these tests."""
    return at + BEGAN


def answered(stream: Stream) -> Response:
    """What is told of one client."""
    return client_statuses(Request(), connected(stream).snapshot(), wall)


def shown(stream: Stream) -> dict[str, str]:
    """The status of each type of a client."""
    response = answered(stream)
    (config,) = response.config
    return {
        short_name(each.type_url): csds_pb2.ConfigStatus.Name(each.config_status)
        for each in config.generic_xds_configs
    }


@pytest.mark.parametrize("scripted", [Scripted, SotwScripted])
def test_each_type_has_a_status(
    publisher: Publisher, scripted: type[Scripted] | type[SotwScripted]
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")], eds=[endpoints("a")], sds=[secret("s")])})
    client = scripted(publisher)
    client.sync("cds")
    client.ask("eds", ["a"])
    client.send("lds")
    assert shown(client.stream) == {
        "cds": "SYNCED",
        "eds": "STALE",
        "lds": "NOT_SENT",
        "rds": "NOT_SENT",
        "vhds": "NOT_SENT",
        "sds": "NOT_SENT",
    }


def test_what_waits_to_be_sent_is_stale(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    client.sync("cds")
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    assert shown(client.stream)["cds"] == "STALE"


@rules("X-30")
def test_a_rejection_is_shown_with_the_words_of_the_client(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    (response,) = client.ask("cds")
    client.nack(response, "bad\ncluster")
    (config,) = answered(client.stream).config
    clusters = config.generic_xds_configs[0]
    assert clusters.config_status == csds_pb2.ERROR
    assert clusters.error_state.details == "a: bad cluster"
    assert clusters.error_state.last_update_attempt.ToMilliseconds() == 1000 * wall(client.now)


def test_a_rejection_that_was_mended_is_shown_no_more(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    (response,) = client.ask("cds")
    client.nack(response)
    publisher.publish({"p": upsert(cds=[cluster("a", 2)])})
    client.settle()
    assert shown(client.stream)["cds"] == "SYNCED"


def test_no_resource_is_shown(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(sds=[secret("private")])})
    client = Scripted(publisher)
    client.sync("sds", ["private"])
    response = answered(client.stream)
    assert b"private" not in response.SerializeToString()
    assert shown(client.stream)["sds"] == "SYNCED"


@pytest.mark.parametrize(
    ("matchers", "picked"),
    [
        ([], True),
        ([{"exact": "pod-a.shop"}], True),
        ([{"exact": "pod-a"}], False),
        ([{"exact": "POD-A.shop", "ignore_case": True}], True),
        ([{"prefix": "pod-"}], True),
        ([{"suffix": ".shop"}], True),
        ([{"suffix": ".other"}], False),
        ([{"contains": "a.s"}], True),
        ([{"exact": "x"}, {"contains": "a.s"}], True),
    ],
)
def test_matchers_pick_clients_by_node(
    publisher: Publisher, matchers: Sequence[Mapping[str, str]], picked: bool
) -> None:
    publisher.publish({"p": upsert()})
    clients = connected(Scripted(publisher).stream, node="pod-a.shop")
    request = Request(
        node_matchers=[
            node_pb2.NodeMatcher(node_id=string_pb2.StringMatcher(**fields))  # type: ignore[arg-type]  # table of fields
            for fields in matchers
        ]
    )
    assert len(client_statuses(request, clients.snapshot(), wall).config) == picked


def test_a_matcher_without_a_node_picks_everyone(publisher: Publisher) -> None:
    publisher.publish({"p": upsert()})
    clients = connected(Scripted(publisher).stream)
    request = Request(node_matchers=[node_pb2.NodeMatcher()])
    assert len(client_statuses(request, clients.snapshot(), wall).config) == 1


@pytest.mark.parametrize(
    "matcher",
    [
        node_pb2.NodeMatcher(node_metadatas=[struct_pb2.StructMatcher()]),
        node_pb2.NodeMatcher(node_id=string_pb2.StringMatcher()),
    ],
    ids=["metadata", "no pattern"],
)
def test_what_cannot_be_matched_is_refused(
    publisher: Publisher, matcher: node_pb2.NodeMatcher
) -> None:
    publisher.publish({"p": upsert()})
    clients = connected(Scripted(publisher).stream)
    with pytest.raises(BadRequest):
        client_statuses(Request(node_matchers=[matcher]), clients.snapshot(), wall)


# Over a real port


class Owner:
    """Knows everybody by a token, until told that the tokens have expired."""

    def __init__(self) -> None:
        self.expired = False

    async def authenticate(self, metadata: Mapping[str, str], peer: str) -> Identity:
        del peer
        if self.expired or "authorization" not in metadata:
            raise Unauthenticated("no token")
        return Anybody(name=metadata["authorization"])

    async def resolve(self, node: base_pb2.Node, identity: Identity) -> Selection:
        del node, identity
        return Selection(parts=("p",))


OPERATOR = (("authorization", "operator"),)
POD = (("authorization", "pod"),)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@asynccontextmanager
async def serving(publisher: Publisher, owner: Owner, **more: object) -> AsyncIterator[int]:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    running = Server(
        publisher,
        authenticate=owner.authenticate,
        resolve=owner.resolve,
        wall=lambda: 1e9,
        settings=ServerSettings(plaintext=True, drain=0.1),
        **more,  # type: ignore[arg-type]  # tests pass what the constructor takes
    )
    running.clients.add(
        Client(
            id=9,
            node="n",
            identity="i",
            peer="p",
            key=None,
            since=0.0,
            stream=Scripted(publisher).stream,
        )
    )
    port = await running.start()
    try:
        yield port
    finally:
        await running.stop()


@pytest.fixture
async def port(publisher: Publisher, owner: Owner) -> AsyncIterator[int]:
    """A server on which the operator may look."""

    def may_inspect(identity: Identity) -> bool:
        return identity.name == "operator"

    async with serving(publisher, owner, may_inspect=may_inspect) as bound:
        yield bound


async def fetch(
    port: int, metadata: Sequence[tuple[str, str]], body: bytes = b""
) -> tuple[grpc.StatusCode, Response]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            METHODS + "FetchClientStatus"
        )
        try:
            answered = await method(body, metadata=grpc.aio.Metadata(*metadata), timeout=PATIENCE)
        except grpc.aio.AioRpcError as error:
            return error.code(), Response()
        return grpc.StatusCode.OK, Response.FromString(answered)


async def test_who_may_look_sees_the_clients(port: int) -> None:
    status, response = await fetch(port, OPERATOR)
    assert status == grpc.StatusCode.OK
    assert [config.node.id for config in response.config] == ["n"]


@pytest.mark.parametrize(
    ("metadata", "status"),
    [(POD, grpc.StatusCode.PERMISSION_DENIED), ((), grpc.StatusCode.UNAUTHENTICATED)],
)
async def test_others_are_refused(
    port: int, metadata: Sequence[tuple[str, str]], status: grpc.StatusCode
) -> None:
    assert await fetch(port, metadata) == (status, Response())


async def test_nobody_may_look_unless_the_owner_says_so(publisher: Publisher, owner: Owner) -> None:
    async with serving(publisher, owner) as closed:
        assert (await fetch(closed, OPERATOR))[0] == grpc.StatusCode.PERMISSION_DENIED


async def test_garbage_is_refused(port: int) -> None:
    assert (await fetch(port, OPERATOR, b"\xff\xff"))[0] == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_answers_each_request_until_the_credentials_end(
    port: int, owner: Owner
) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            METHODS + "StreamClientStatus"
        )
        call = method(metadata=grpc.aio.Metadata(*OPERATOR), timeout=PATIENCE)
        for node in ("n", "other"):
            matcher = node_pb2.NodeMatcher(node_id=string_pb2.StringMatcher(exact=node))
            await call.write(Request(node_matchers=[matcher]).SerializeToString())
            body = await call.read()
            assert isinstance(body, bytes)
            assert len(Response.FromString(body).config) == (node == "n")
        owner.expired = True
        await call.write(b"")
        async with asyncio.timeout(PATIENCE):
            assert await call.code() == grpc.StatusCode.UNAUTHENTICATED
