"""The simulator and the real Envoy choose the same listener and filter chain for a connection.

All listeners of all goldens are in one Envoy. Where a connection was going, which iptables would
tell, a PROXY header tells; instead of its filters each chain says which one it is. Ports are made
each case's own, so that Envoy itself hands connections over to the listener of their destination.
"""

import asyncio
from asyncio import open_unix_connection
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.proxy_protocol.v3.proxy_protocol_pb2 import ProxyProtocol
from envoy.extensions.filters.network.direct_response.v3.config_pb2 import Config as Said

from crds.scalars import Duration
from explain.filter_chain_match import Connection, chosen, is_at, is_heard
from tests.connections import connections, first_bytes
from tests.translations import translations
from tests.translator.envoy import as_json
from tests.translator.running import started
from translator import names, pb
from translator.listeners_outbound import virtual_outbound

pytestmark = pytest.mark.envoy

OUTBOUND = names.VIRTUAL_OUTBOUND
FIRST_PORT = 20_000
AT_ONCE = 64
LONG_ENOUGH = 60.0
SHORT = Duration(50_000_000)
NOTHING_WITHIN = 0.3
"""Seconds after which a connection is believed not to be carried on: longer than `SHORT`."""
TRIES = 4
"""So often is asked: a busy machine may let `SHORT` pass before it looks at the first bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A listener that connections get to by the socket `entry`."""

    entry: Path
    listener: Listener


@pytest.fixture(scope="module")
def ways(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Way]]:
    """Every listener of every golden, by case and name, in an Envoy that runs."""
    folder = tmp_path_factory.mktemp("chains")
    outbound = Way(entry=folder / "outbound", listener=virtual_outbound())
    found = {OUTBOUND: outbound, **dict(_ways(folder, outbound.entry))}
    served = [as_json(_served(name, way)) for name, way in found.items()]
    with started(envoy_binary, folder, {"static_resources": {"listeners": served}}):
        yield found


def _ways(folder: Path, outbound: Path) -> Iterator[tuple[str, Way]]:
    ports: dict[tuple[str, int], int] = {}
    for case, translation in translations().items():
        for given in translation.config().listeners:
            if given.name == names.VIRTUAL_OUTBOUND or not _takes_connections(given):
                continue
            own = Listener()
            own.CopyFrom(given)
            if own.listener_filters_timeout != pb.seconds(0):
                own.listener_filters_timeout.CopyFrom(pb.duration(SHORT))
            number = own.address.socket_address.port_value
            number = ports.setdefault((case, number), FIRST_PORT + len(ports))
            entry = folder / f"{number}-{own.address.socket_address.address}"
            if _is_handed_over(own):
                entry = outbound
                for address in (own.address, *(each.address for each in own.additional_addresses)):
                    address.socket_address.port_value = number
            yield f"{case} {given.name}", Way(entry=entry, listener=own)


def _takes_connections(listener: Listener) -> bool:
    """Over TCP: neither a pipe nor DNS."""
    address = listener.address
    return (
        address.HasField("socket_address") and address.socket_address.protocol == SocketAddress.TCP
    )


def _is_handed_over(listener: Listener) -> bool:
    return listener.HasField("bind_to_port") and not listener.bind_to_port.value


def _served(name: str, way: Way) -> Listener:
    """The listener as the test runs it."""
    own = Listener()
    own.CopyFrom(way.listener)
    own.name = name
    for label, chain in _chains(own):
        chain.ClearField("transport_socket")
        del chain.filters[:]
        chain.filters.append(_says(f"{name}: {label}"))
    if not _is_handed_over(own):
        del own.listener_filters[:]
        own.listener_filters.append(_header())
        own.listener_filters.extend(
            each for each in way.listener.listener_filters if "original_dst" not in each.name
        )
        own.address.CopyFrom(Address(pipe=Pipe(path=str(way.entry))))
        own.ClearField("additional_addresses")
    return own


def _chains(listener: Listener) -> Iterator[tuple[str, FilterChain]]:
    for index, chain in enumerate(listener.filter_chains):
        yield str(index), chain
    if listener.HasField("default_filter_chain"):
        yield "default", listener.default_filter_chain


def _says(text: str) -> Filter:
    said = Said()
    said.response.inline_string = text
    return Filter(name="envoy.filters.network.direct_response", typed_config=pb.any_of(said))


def _header() -> ListenerFilter:
    return ListenerFilter(
        name="envoy.filters.listener.proxy_protocol", typed_config=pb.any_of(ProxyProtocol())
    )


def _simulated(ways: Mapping[str, Way], name: str, connection: Connection) -> str:
    way = ways[name]
    if _is_handed_over(way.listener) and not is_at(way.listener, connection.address):
        return _simulated(ways, OUTBOUND, connection)
    if not is_heard(way.listener, connection):
        return ""
    taken = chosen(way.listener, connection)
    found = (label for label, chain in _chains(way.listener) if chain == taken)
    return f"{name}: {next(found, '')}" if taken != FilterChain() else ""


async def _real(way: Way, connection: Connection, patience: float) -> str:
    """What the chain says that was chosen; nothing if none was."""
    reader, writer = await open_unix_connection(way.entry)
    family = "TCP6" if ":" in connection.address else "TCP4"
    source = "2001:db8::1" if family == "TCP6" else "198.51.100.1"
    there = f"PROXY {family} {source} {connection.address} 1234 {connection.port}\r\n"
    writer.write(there.encode() + first_bytes(connection))
    heard = b""
    try:
        async with asyncio.timeout(patience):
            while data := await reader.read(1000):
                heard += data
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return heard.decode()


async def _disagreements(ways: Mapping[str, Way]) -> list[str]:
    """Connections of which the simulator says something else than what happens."""
    found: list[str] = []
    slots = asyncio.Semaphore(AT_ONCE)

    async def compare(name: str, connection: Connection) -> None:
        simulated = _simulated(ways, name, connection)
        patience = LONG_ENOUGH if simulated else NOTHING_WITHIN
        for _ in range(TRIES):
            async with slots:
                real = await _real(ways[name], connection, patience)
            if real == simulated:
                return
        found.append(f"{connection}\n  simulated {simulated!r}\n  real {real!r}")

    async with asyncio.TaskGroup() as group:
        for name, way in ways.items():
            for connection in connections(way.listener):
                group.create_task(compare(name, connection))
    return found


@pytest.mark.timeout(300)
async def test_the_simulator_and_envoy_agree(ways: Mapping[str, Way]) -> None:
    found = await _disagreements(ways)
    assert not found, "\n".join([f"{len(found)} disagree:", *found[:5]])


async def test_this_check_would_notice_another_choice(ways: Mapping[str, Way]) -> None:
    """A listener that is simulated with one rule less."""
    name = "tls_routes/sni 10.0.0.9_443"
    less = Listener()
    less.CopyFrom(ways[name].listener)
    del less.filter_chains[0]
    assert await _disagreements({name: replace(ways[name], listener=less)})


def test_every_chain_is_chosen(ways: Mapping[str, Way]) -> None:
    """Guards the first test: connections that reach nothing would agree on nothing. Where no port
    takes mTLS, nothing looks for TLS, and chains for it are idle."""
    every = {
        f"{name}: {label}"
        for name, way in ways.items()
        for label, chain in _chains(way.listener)
        if chain.filter_chain_match.transport_protocol != "tls" or _looks_for_tls(way.listener)
    }
    reached = {
        _simulated(ways, name, connection)
        for name, way in ways.items()
        for connection in connections(way.listener)
    }
    assert every - reached == set()


def _looks_for_tls(listener: Listener) -> bool:
    return any("tls_inspector" in each.name for each in listener.listener_filters)
