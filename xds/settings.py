"""The bounds of a server, and what they are to gRPC."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from xds.ages import connection_age
from xds.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Bounds of the server; times in seconds, sizes in bytes."""

    address: str = "127.0.0.1:0"
    """`host:port` (port 0: any free one) or `unix:path`."""
    plaintext: bool = False
    """Serve without TLS. Refused for anything but loopback and unix sockets."""
    max_message: int = 4 << 20
    """The largest request. 20,000 resource names with their versions need 2 MiB."""
    max_metadata: int = 16 << 10
    max_streams_per_connection: int = 16
    max_streams: int = 20_000
    """Of all clients; those beyond are refused."""
    max_streams_per_identity: int | None = None
    """For identities that are one client each: a stolen credential takes no more than these."""
    initial_syncs: int = 32
    """Clients that are brought up to date at one time after they connect; the others wait."""
    sync_patience: float = 2.0
    """How long such a client keeps its place from the next one if it does not answer."""
    first_request_timeout: float = 30.0
    """From the stream's start to its first request, authentication included."""
    questions_timeout: float = 30.0
    """For a whole stream of questions to the owner (xds/questions.py)."""
    write_timeout: float = 30.0
    keepalive: float = 30.0
    keepalive_timeout: float = 10.0
    min_ping_interval: float = 10.0
    """Clients that ping more often are cut off."""
    max_connection_age: float = 1800.0
    """Streams end by then, each at its own moment of the last fifth of the time, so that clients do
    not return all at once. From two thirds of the time on, new streams open new connections."""
    max_connection_idle: float = 300.0
    """How long a connection without streams is kept."""
    drain: float = 5.0
    """How long the server may take to stop: half of it to end streams, one after the other."""
    limits: Limits = field(default_factory=Limits)


def is_local(address: str) -> bool:
    """Whether only this machine can reach an address."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def options(settings: ServerSettings) -> Sequence[tuple[str, int]]:
    """The same for gRPC."""
    age, grace = connection_age(settings.max_connection_age, settings.drain)
    return (
        ("grpc.max_receive_message_length", settings.max_message),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", settings.max_metadata),
        ("grpc.absolute_max_metadata_size", settings.max_metadata),
        ("grpc.max_concurrent_streams", settings.max_streams_per_connection),
        ("grpc.keepalive_time_ms", _ms(settings.keepalive)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout)),
        # Of a ping that keeps alive too: the option above alone is not heeded.
        ("grpc.http2.ping_timeout_ms", _ms(settings.keepalive_timeout)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(settings.min_ping_interval)),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_age_ms", _ms(age)),
        ("grpc.max_connection_age_grace_ms", _ms(grace)),
        ("grpc.max_connection_idle_ms", _ms(settings.max_connection_idle)),
        ("grpc.so_reuseport", 0),  # two servers on one port would each get some of the clients
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
