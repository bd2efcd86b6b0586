"""The few fields of delta discovery that a simulated proxy reads and writes, without protobuf.

Parsing every response would make the proxies the bottleneck of the benchmark. Their cost must not
depend on what the resources hold, so only the top level of a message is walked.
"""

from dataclasses import dataclass

_LENGTH_DELIMITED = 2
_RESOURCES, _TYPE_URL, _NONCE, _REMOVED = 2, 4, 5, 6
_REQUEST_TYPE_URL, _REQUEST_NONCE = b"\x12", b"\x32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a response says at its top level. `nonce_at` is where the nonce's field begins and ends:
    all else is equal for equal proxies.
    """

    type_url: str
    nonce: bytes
    resources: int
    removed: int
    nonce_at: tuple[int, int]


class Garbled(Exception):
    """The bytes are no delta discovery response."""


def envelope(body: bytes) -> Envelope:
    """Walks the top level of a DeltaDiscoveryResponse."""
    type_url, nonce, nonce_at = b"", b"", (0, 0)
    counts = {_RESOURCES: 0, _REMOVED: 0}
    position, end = 0, len(body)
    while position < end:
        start, tag = position, body[position]
        if tag & 7 != _LENGTH_DELIMITED or tag > 0x7F:
            raise Garbled(f"unexpected tag {tag} at byte {position}")
        length, position = _varint(body, position + 1)
        number = tag >> 3
        if number in counts:
            counts[number] += 1
        elif number == _TYPE_URL:
            type_url = body[position : position + length]
        elif number == _NONCE:
            nonce, nonce_at = body[position : position + length], (start, position + length)
        position += length
    if position != end or not type_url:
        raise Garbled("the response is cut short")
    return Envelope(
        type_url=type_url.decode(),
        nonce=nonce,
        resources=counts[_RESOURCES],
        removed=counts[_REMOVED],
        nonce_at=nonce_at,
    )


def acknowledgement(type_url: str, nonce: bytes) -> bytes:
    """A DeltaDiscoveryRequest that accepts a response."""
    kind = type_url.encode()
    return _field(_REQUEST_TYPE_URL, kind) + _field(_REQUEST_NONCE, nonce)


def _field(tag: bytes, value: bytes) -> bytes:
    if len(value) > 0x7F:
        raise ValueError("only short fields are written by hand")
    return tag + bytes((len(value),)) + value


def _varint(body: bytes, position: int) -> tuple[int, int]:
    byte = body[position]
    position += 1
    if byte < 0x80:
        return byte, position
    number, shift = byte & 0x7F, 7
    while True:
        byte = body[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
