"""The simulated proxies' HTTP/2: messages whole however they are cut, and the windows obeyed."""

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from hypothesis import given
from hypothesis import strategies as st

from bench.http2 import PREFACE, Frame, GrpcStream, StreamOver, frame

DEFAULT_WINDOW = 65_535
END = 0x1
PADDED = 0x8


def opened() -> GrpcStream:
    stream = GrpcStream(path="/service/method", authority="server", scheme="http")
    stream.take()
    return stream


def message(body: bytes) -> bytes:
    return b"\0" + len(body).to_bytes(4, "big") + body


def sent(stream: GrpcStream) -> bytes:
    """The payloads of the DATA frames that are to be written."""
    out, data, position = stream.take(), b"", 0
    while position < len(out):
        end = position + 9 + int.from_bytes(out[position : position + 3], "big")
        if out[position + 3] == Frame.DATA:
            data += out[position + 9 : end]
        position = end
    return data


def test_a_connection_opens_with_the_preface() -> None:
    stream = GrpcStream(path="/service/method", authority="server", scheme="http")
    assert stream.take().startswith(PREFACE)


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 40), st.integers(1, 40))
def test_messages_are_whole_however_they_are_cut(
    bodies: list[bytes], frame_size: int, read_size: int
) -> None:
    stream = opened()
    data = b"".join(map(message, bodies))
    cut = (data[at : at + frame_size] for at in range(0, len(data), frame_size))
    wire = b"".join(frame(Frame.DATA, each, stream=1) for each in cut)
    found = []
    for at in range(0, len(wire), read_size):
        found += stream.feed(wire[at : at + read_size])
    assert found == bodies


def test_padding_is_no_part_of_a_message() -> None:
    padded = b"\x03" + message(b"hello") + b"\0\0\0"
    assert opened().feed(frame(Frame.DATA, padded, PADDED, stream=1)) == [b"hello"]


def test_a_message_larger_than_the_window_waits_for_more() -> None:
    stream = opened()
    body = bytes(DEFAULT_WINDOW)
    stream.send(body)
    first = sent(stream)
    assert len(first) == DEFAULT_WINDOW
    stream.feed(frame(Frame.WINDOW_UPDATE, (100).to_bytes(4, "big"), stream=1))
    assert sent(stream) == b""
    stream.feed(frame(Frame.WINDOW_UPDATE, (100).to_bytes(4, "big")))
    assert first + sent(stream) == message(body)


def test_settings_change_the_window_of_a_stream_that_is_open() -> None:
    stream = opened()
    stream.feed(frame(Frame.SETTINGS, b"\x00\x04" + (10).to_bytes(4, "big")))
    stream.send(bytes(100))
    assert len(sent(stream)) == 10


def test_a_ping_is_answered() -> None:
    stream = opened()
    stream.feed(frame(Frame.PING, b"12345678"))
    assert stream.take() == frame(Frame.PING, b"12345678", 0x1)


@pytest.mark.parametrize(
    "last",
    [
        frame(Frame.DATA, b"", END, stream=1),
        frame(Frame.HEADERS, b"", END, stream=1),
        frame(Frame.RST_STREAM, bytes(4), stream=1),
        frame(Frame.GOAWAY, bytes(8)),
    ],
    ids=["end of data", "trailers", "reset", "goaway"],
)
def test_the_end_of_the_stream_is_noticed(last: bytes) -> None:
    with pytest.raises(StreamOver):
        opened().feed(last)


@pytest.mark.parametrize("size", [1, 119, 120, 121, 248, 900, 8000])
def test_a_token_of_any_length_can_be_read_by_a_real_server(size: int) -> None:
    """The lengths at which HPACK's integers need one more byte."""
    token = "t" * size
    stream = GrpcStream(path="/a", authority="server", scheme="http", token=token)
    server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    server.initiate_connection()
    requests = [e for e in server.receive_data(stream.take()) if isinstance(e, RequestReceived)]
    assert dict(requests[0].headers)[b"authorization"] == f"Bearer {token}".encode()
