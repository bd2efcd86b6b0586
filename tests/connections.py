"""Connections that try what a listener says: for each of its filter chains some that it should
take, and some that miss it by one thing. And their first bytes, as clients would send them.
"""

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_network

from envoy.config.listener.v3.listener_components_pb2 import ListenerFilterChainMatchPredicate
from envoy.config.listener.v3.listener_pb2 import Listener

from explain.filter_chain_match import Connection
from translator.listeners_outbound import ANY_ADDRESS

ELSEWHERE = "192.0.2.77"
UNKNOWN_PORT = 9999
OFFERED = ("h2", "http/1.1")


def connections(listener: Listener) -> Iterator[Connection]:
    """To every address, port and name that the listener tells from others, speaking anything."""
    for port in _ports(listener):
        for address in _addresses(listener):
            here = Connection(address, port)
            yield here
            yield replace(here, silent=True)
            yield replace(here, speaks="http/1.1")
            yield replace(here, speaks="h2c")
            for name in _names(listener):
                yield replace(here, speaks="tls", sni=name)
                yield replace(here, speaks="tls", sni=name, alpn=OFFERED)
            for word in _words(listener):
                yield replace(here, speaks="tls", alpn=(word,))


def _ports(listener: Listener) -> list[int]:
    matches = (chain.filter_chain_match for chain in listener.filter_chains)
    told = {match.destination_port.value for match in matches if match.HasField("destination_port")}
    for each in listener.listener_filters:
        told |= set(_disabled(each.filter_disabled))
    return [*sorted(told), UNKNOWN_PORT] if told else [listener.address.socket_address.port_value]


def _disabled(predicate: ListenerFilterChainMatchPredicate) -> Iterator[int]:
    for rule in (predicate, *predicate.or_match.rules):
        yield from range(rule.destination_port_range.start, rule.destination_port_range.end)


def _addresses(listener: Listener) -> list[str]:
    own = listener.address.socket_address.address
    if own != ANY_ADDRESS:
        return [own]
    blocks = {
        ip_network(f"{each.address_prefix}/{each.prefix_len.value}")
        for chain in listener.filter_chains
        for each in chain.filter_chain_match.prefix_ranges
    }
    return [*sorted({str(block[edge]) for block in blocks for edge in (0, -1)}), ELSEWHERE]


def _names(listener: Listener) -> list[str]:
    asked = sorted(
        {name for chain in listener.filter_chains for name in chain.filter_chain_match.server_names}
    )
    return [
        *(name.replace("*", label) for name in asked for label in ("any", "a.deep")),
        *(name.removeprefix("*.").upper() for name in asked),
        "unheard-of.test",
        "",
    ]


def _words(listener: Listener) -> list[str]:
    matches = (chain.filter_chain_match for chain in listener.filter_chains)
    return sorted({word for match in matches for word in match.application_protocols})


def first_bytes(connection: Connection) -> bytes:
    """What the client sends first."""
    if connection.silent:
        return b""
    match connection.speaks:
        case "http/1.1":
            return b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
        case "h2c":
            return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
        case "tls":
            return _client_hello(connection.sni, connection.alpn)
        case _:
            return b"hello, this is no HTTP\r\n"


def _client_hello(name: str, alpn: tuple[str, ...]) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name or None)
    with suppress(ssl.SSLWantReadError):  # it waits for the server's answer
        client.do_handshake()
    return sent.read()
