"""The helpers for protobuf messages: well-known types, `Any`, and the few values that many
resources share.

Numbers are brought into the range of their field here. What is out of range was reported by `crds`
where it was read; Envoy refuses a whole response for one bad field, so nothing out of range may
leave this package.
"""

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.v3.percent_pb2 import FractionalPercent
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value, UInt64Value

from crds.names import UNIX
from crds.scalars import Duration
from crds.virtual_service import StringMatch

UINT32_MAX = 2**32 - 1
PARTS_PER_PERCENT = 10_000

_NANOS_PER_SECOND = 1_000_000_000
_MILLISECOND = 1_000_000
_LINE_ENDS = {ord(character): None for character in "\0\r\n"}
_DAYS_100 = 100 * 24 * 3600 * _NANOS_PER_SECOND


def any_of(message: Message) -> Any:
    """The message packed with its maps in order: equal messages give equal bytes."""
    packed = Any()
    packed.Pack(message, deterministic=True)
    return packed


def duration(value: Duration) -> DurationMessage:
    """As given, but never negative and never above 100 days: Envoy refuses what overflows its
    timers.
    """
    seconds, nanos = divmod(min(max(value.nanos, 0), _DAYS_100), _NANOS_PER_SECOND)
    return DurationMessage(seconds=seconds, nanos=nanos)


def positive_duration(value: Duration) -> DurationMessage:
    """For fields that must be above zero: at least one millisecond."""
    return duration(Duration(nanos=max(value.nanos, _MILLISECOND)))


def seconds(value: int) -> DurationMessage:
    """A whole number of seconds."""
    return DurationMessage(seconds=value)


def uint32(value: int) -> UInt32Value:
    """The value as a wrapper: present, even when it is zero."""
    return UInt32Value(value=clamp_uint32(value))


def uint64(value: int) -> UInt64Value:
    """The value as a wrapper: present, even when it is zero."""
    return UInt64Value(value=max(value, 0))


def clamp_uint32(value: int) -> int:
    """The nearest value that the field can hold."""
    return min(max(value, 0), UINT32_MAX)


def percent(value: float) -> FractionalPercent:
    """0 to 100, in steps of 0.0001."""
    parts = round(min(max(value, 0.0), 100.0) * PARTS_PER_PERCENT)
    return FractionalPercent(numerator=parts, denominator=FractionalPercent.MILLION)


def regex(pattern: str) -> RegexMatcher:
    """RE2, matched against the whole value."""
    return RegexMatcher(regex=pattern)


def string_matcher(match: StringMatch) -> StringMatcher | None:
    """`None` for a match that holds no condition, and for `*` as a regular expression: the value
    only has to be there.
    """
    if match.exact is not None:
        return StringMatcher(exact=match.exact)
    if match.prefix:
        return StringMatcher(prefix=match.prefix)
    if match.regex and match.regex != "*":
        return StringMatcher(safe_regex=regex(match.regex))
    return None


def text(value: str) -> str:
    """`value` without the characters that end a header line: Envoy refuses them in what becomes
    part of one.
    """
    return value.translate(_LINE_ENDS)


def socket_address(address: str, port: int) -> Address:
    """A TCP address; `address` is an IP address, or a host name where Envoy resolves it."""
    return Address(socket_address=SocketAddress(address=address, port_value=port))


def datagram_address(address: str, port: int) -> Address:
    """A UDP address; `address` is an IP address."""
    socket = SocketAddress(protocol=SocketAddress.UDP, address=address, port_value=port)
    return Address(socket_address=socket)


def endpoint_address(address: str, port: int) -> Address:
    """Where to connect to: a TCP address, or a Unix socket (`unix:///path`), which has no port."""
    if address.startswith(UNIX):
        return Address(pipe=Pipe(path=address.removeprefix(UNIX)))
    return socket_address(address, port)


def over_ads() -> ConfigSource:
    """The resource comes on the stream that is already open.

    The initial fetch timeout stays at Envoy's 15 seconds: the control plane answers every
    subscription at once, and if it does not, a proxy that starts with part of its configuration is
    better than one that never starts.
    """
    return ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)


def secret_over_ads(name: str) -> SdsSecretConfig:
    """A secret that comes on the stream that is already open."""
    return SdsSecretConfig(name=name, sds_config=over_ads())
