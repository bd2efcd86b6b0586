"""One gRPC stream on one HTTP/2 connection, from the client's side, without I/O.

A gRPC library would cost the simulated proxies as much CPU per message as the server spends, and
the benchmark would measure them instead. This speaks just enough: it never decodes headers, offers
the largest windows there are so that it never has to open them again, and keeps to the server's.
"""

from enum import IntEnum
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_STREAM: Final = 1
_LARGEST_WINDOW: Final = 2**31 - 1
_DEFAULT_WINDOW: Final = 65_535
_FRAME_BYTES: Final = 16_384
_FRAME_HEADER: Final = 9
_MESSAGE_HEADER: Final = 5
_PREFIX_FULL: Final = 0x7F
_CONTINUES: Final = 0x80

_ACK: Final = 0x1
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_PADDED: Final = 0x8

_ENABLE_PUSH: Final = 2
_INITIAL_WINDOW: Final = 4


class Frame(IntEnum):
    """The kinds of frame that are written or read (RFC 9113, section 6)."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8


class StreamOver(Exception):
    """The server ended the stream or the connection."""


class GrpcStream:
    """Bytes from the socket go into `feed`, which gives messages; `take` has bytes to write."""

    def __init__(self, *, path: str, authority: str, scheme: str, token: str = "") -> None:
        """`token` goes into the `authorization` header, if there is one."""
        self._received = bytearray()
        self._body = bytearray()
        self._unsent = bytearray()
        self._windows = {0: _DEFAULT_WINDOW, _STREAM: _DEFAULT_WINDOW}
        self._initial_window = _DEFAULT_WINDOW
        settings = _setting(_ENABLE_PUSH, 0) + _setting(_INITIAL_WINDOW, _LARGEST_WINDOW)
        more = (_LARGEST_WINDOW - _DEFAULT_WINDOW).to_bytes(4, "big")
        self._out = bytearray(
            PREFACE
            + frame(Frame.SETTINGS, settings)
            + frame(Frame.WINDOW_UPDATE, more)
            + frame(
                Frame.HEADERS,
                _headers(path, authority, scheme, token),
                _END_HEADERS,
                stream=_STREAM,
            )
        )

    def send(self, message: bytes) -> None:
        """Queues one gRPC message."""
        self._unsent += b"\0" + len(message).to_bytes(4, "big") + message
        self._flush()

    def take(self) -> bytes:
        """What is to be written to the socket now."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def feed(self, data: bytes) -> list[bytes]:
        """Takes what the socket gave; the gRPC messages that are complete now."""
        received = self._received
        received += data
        position, available = 0, len(received)
        while available - position >= _FRAME_HEADER:
            payload = position + _FRAME_HEADER
            end = payload + int.from_bytes(received[position : position + 3], "big")
            if end > available:
                break
            kind, flags = received[position + 3], received[position + 4]
            if kind == Frame.DATA:
                self._data(received[payload:end], flags)
            else:
                stream = int.from_bytes(received[position + 5 : payload], "big")
                self._control(kind, flags, stream, bytes(received[payload:end]))
            position = end
        del received[:position]
        return self._messages()

    def _messages(self) -> list[bytes]:
        body, position = self._body, 0
        found: list[bytes] = []
        while len(body) - position >= _MESSAGE_HEADER:
            start = position + _MESSAGE_HEADER
            end = start + int.from_bytes(body[position + 1 : start], "big")
            if end > len(body):
                break
            found.append(bytes(body[start:end]))
            position = end
        del body[:position]
        return found

    def _data(self, payload: bytearray, flags: int) -> None:
        self._body += payload[1 : len(payload) - payload[0]] if flags & _PADDED else payload
        if flags & _END_STREAM:
            raise StreamOver("the server ended the stream")

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case Frame.HEADERS if flags & _END_STREAM:  # the status in them is compressed: not read
                raise StreamOver("the server ended the stream with a status")
            case Frame.RST_STREAM:
                raise StreamOver("the server reset the stream")
            case Frame.GOAWAY:
                raise StreamOver(f"the server goes away: {payload[8:].decode(errors='replace')}")
            case Frame.SETTINGS if not flags & _ACK:
                self._settings(payload)
            case Frame.PING if not flags & _ACK:
                self._out += frame(Frame.PING, payload, _ACK)
            case Frame.WINDOW_UPDATE:
                self._windows[stream] += int.from_bytes(payload, "big")
                self._flush()

    def _settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            if int.from_bytes(payload[at : at + 2], "big") == _INITIAL_WINDOW:
                size = int.from_bytes(payload[at + 2 : at + 6], "big")
                self._windows[_STREAM] += size - self._initial_window
                self._initial_window = size
        self._out += frame(Frame.SETTINGS, b"", _ACK)
        self._flush()

    def _flush(self) -> None:
        while self._unsent:
            size = min(len(self._unsent), _FRAME_BYTES, *self._windows.values())
            if size <= 0:
                return
            self._out += frame(Frame.DATA, bytes(self._unsent[:size]), stream=_STREAM)
            del self._unsent[:size]
            for stream in self._windows:
                self._windows[stream] -= size


def frame(kind: Frame, payload: bytes, flags: int = 0, *, stream: int = 0) -> bytes:
    """One HTTP/2 frame."""
    header = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return header + payload


def _setting(number: int, value: int) -> bytes:
    return number.to_bytes(2, "big") + value.to_bytes(4, "big")


def _headers(path: str, authority: str, scheme: str, token: str) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": scheme,
        ":path": path,
        ":authority": authority,
        "content-type": "application/grpc",
        "te": "trailers",
    }
    if token:
        fields["authorization"] = f"Bearer {token}"
    return b"".join(_header(name.encode(), value.encode()) for name, value in fields.items())


def _header(name: bytes, value: bytes) -> bytes:
    """A literal field without indexing, not compressed (RFC 7541, section 6.2.2)."""
    return b"\0" + _length(len(name)) + name + _length(len(value)) + value


def _length(number: int) -> bytes:
    """An integer with a prefix of seven bits (RFC 7541, section 5.1)."""
    if number < _PREFIX_FULL:
        return bytes((number,))
    made, rest = bytearray((_PREFIX_FULL,)), number - _PREFIX_FULL
    while rest >= _CONTINUES:
        made.append(rest % _CONTINUES + _CONTINUES)
        rest //= _CONTINUES
    return bytes((*made, rest))
