"""Questions to name servers and their answers, as far as the tests need them (RFC 1035, 4)."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

A, TXT, AAAA = 1, 16, 28
NO_ERROR, NO_SUCH_NAME = 0, 3

_INTERNET = 1
_ASKS, _ANSWERS = 0x0100, 0x8180
_HEADER = struct.Struct(">HHHHHH")
_NAME_AGAIN = b"\xc0\x0c"
_TTL = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked for, and the number that the answer must have."""

    number: int
    name: str
    kind: int

    @property
    def data(self) -> bytes:
        """As it is sent."""
        return _HEADER.pack(self.number, _ASKS, 1, 0, 0, 0) + self._asked

    @property
    def _asked(self) -> bytes:
        labels = (label.encode() for label in self.name.split("."))
        name = b"".join(bytes([len(label)]) + label for label in labels)
        return name + struct.pack(">BHH", 0, self.kind, _INTERNET)

    def answer(self, code: int, values: list[str]) -> bytes:
        """The answer with addresses, or with texts."""
        records = b"".join(self._record(value) for value in values)
        header = _HEADER.pack(self.number, _ANSWERS | code, 1, len(values), 0, 0)
        return header + self._asked + records

    def _record(self, value: str) -> bytes:
        text = bytes([len(value)]) + value.encode() if self.kind == TXT else b""
        data = text or ip_address(value).packed
        return _NAME_AGAIN + struct.pack(">HHIH", self.kind, _INTERNET, _TTL, len(data)) + data


def question(data: bytes) -> Question:
    """What somebody asks."""
    labels, place = [], _HEADER.size
    while size := data[place]:
        labels.append(data[place + 1 : place + 1 + size].decode())
        place += 1 + size
    (kind,) = struct.unpack_from(">H", data, place + 1)
    return Question(number=_HEADER.unpack_from(data)[0], name=".".join(labels), kind=kind)


def answered(asked: Question, data: bytes) -> tuple[int, list[str]]:
    """The code of an answer, and its addresses or texts."""
    _, flags, _, count, _, _ = _HEADER.unpack_from(data)
    place, values = len(asked.data), []
    for _ in range(count):
        # A server repeats the name, or refers to it.
        place += 2 if data[place] >= len(_NAME_AGAIN) << 6 else len(asked.data) - _HEADER.size - 4
        (size,) = struct.unpack_from(">H", data, place + 8)
        found = data[place + 10 : place + 10 + size]
        values.append(found[1:].decode() if asked.kind == TXT else str(ip_address(found)))
        place += 10 + size
    return flags & 0xF, values


async def ask(names: list[tuple[str, int]]) -> list[tuple[int, list[str]]]:
    """The answers to questions (names and kinds), sent one after the other to the pod's first
    resolver, from one port.
    """
    loop, resolver = asyncio.get_running_loop(), _resolver()
    family = socket.AF_INET6 if ":" in resolver else socket.AF_INET
    found = []
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect((resolver, 53))
        for number, (name, kind) in enumerate(names, start=1):
            asked = Question(number=number, name=name, kind=kind)
            await loop.sock_sendall(asking, asked.data)
            found.append(answered(asked, await loop.sock_recv(asking, 4096)))
    return found


def _resolver() -> str:
    lines = (line.split() for line in Path("/etc/resolv.conf").read_text().splitlines())
    return next(words[1] for words in lines if words[:1] == ["nameserver"])
