"""Ports of this machine that lead to Services of type LoadBalancer."""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from heddle.doors import LOOPBACK, Doors, Target, Way, ways
from tests.meshes import mesh_of, objects_of

WAY = Way("edge/ingress", 80, "http")
WAIT = 60.0
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: ingress, namespace: edge}
spec:
  type: LoadBalancer
  ports: [{name: https, port: 443, targetPort: 8443}, {name: db, port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: edge}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: i, namespace: edge, labels: {kubernetes.io/service-name: ingress}}
addressType: IPv4
ports: [{name: https, port: 8443}, {name: db, port: 5432}]
endpoints:
- {addresses: [10.1.0.1], conditions: {ready: true}}
- {addresses: [10.1.0.2], conditions: {ready: false}}
"""


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; no port below 10000 is free here."""
    if 0 < port < 10_000:
        raise OSError("taken")
    return socket.create_server((host, port))


@asynccontextmanager
async def echo(name: str) -> AsyncIterator[Target]:
    """A server that says its name and what it heard once the client has ended."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        heard = await reader.read()
        writer.write(f"{name}:".encode() + heard)
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    async with server:
        yield LOOPBACK, server.sockets[0].getsockname()[1]


async def said(url: str, text: str) -> str:
    """What comes back from a URL."""
    host, _, port = url.rpartition("/")[2].partition(":")
    async with asyncio.timeout(WAIT):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(text.encode())
        writer.write_eof()
        try:
            return (await reader.read()).decode()
        except ConnectionError:
            return ""
        finally:
            writer.close()


def test_only_load_balancers_and_only_what_is_ready() -> None:
    found = ways(objects_of(SERVICE).items(), mesh_of(SERVICE))
    assert found == {
        Way("edge/ingress", 443, "https"): (("10.1.0.1", 8443),),
        Way("edge/ingress", 5432, "db"): (("10.1.0.1", 5432),),
    }


@pytest.mark.parametrize(
    ("way", "url"),
    [
        (WAY, "http://127.0.0.1:"),
        (Way("a/b", 443, "https-web"), "https://127.0.0.1:"),
        (Way("a/b", 15432, "db"), "tcp://127.0.0.1:15432"),
    ],
)
async def test_the_port_is_the_services_own_if_it_is_free(way: Way, url: str) -> None:
    doors = Doors(bound)
    await doors.lead({way: ()})
    (found,) = doors.urls()
    assert found.startswith(url)
    assert doors.urls()[found] == way.service
    await doors.close()
    assert doors.urls() == {}


async def test_connections_go_to_the_endpoints_in_turn_and_follow_them() -> None:
    doors = Doors(bound)
    async with echo("one") as one, echo("two") as two:
        await doors.lead({WAY: (one, two)})
        (url,) = doors.urls()
        assert sorted([await said(url, "hi"), await said(url, "hi")]) == ["one:hi", "two:hi"]
        await doors.lead({WAY: (two,)})
        assert {await said(url, "again") for _ in range(3)} == {"two:again"}
        await doors.lead({WAY: ()})
        assert await said(url, "nobody") == ""
        await doors.lead({WAY: (("127.0.0.1", 1),)})
        assert await said(url, "gone") == ""
    await doors.close()


async def test_what_is_no_longer_wanted_is_closed_with_its_connections() -> None:
    doors = Doors(bound)
    async with echo("one") as one:
        await doors.lead({WAY: (one,)})
        (url,) = doors.urls()
        port = int(url.rpartition(":")[2])
        async with asyncio.timeout(WAIT):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"half")
            await writer.drain()
            await said(url, "so that the first one is through")
            await doors.lead({})
            assert await reader.read() in (b"", b"one:half")
            writer.close()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(LOOPBACK, port)
