"""What goes over the wires of a local mesh: packets on the pods' links, seen from the node.

The pods' ends are in namespaces of their own; what a sidecar and its application say to each other
never gets here.
"""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TSHARK, DUMPCAP = "tshark", "dumpcap"
"""Both are in the Debian package tshark."""
TLS_RECORD = (b"\x14\x03", b"\x15\x03", b"\x16\x03", b"\x17\x03")
"""How a record begins, of whichever kind."""
_PATIENCE = 20.0
_PAUSE = 0.05
_LENGTH = 600
"""Bytes of each packet that are kept: enough to tell what it is."""
_BUFFER = 16
"""MiB for the packets of each link that are not written yet."""
_ENDS = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.stream")
"""What tells a connection: a later one may have the same ports, and then another number."""
_FIELDS = ("frame.time_epoch", *_ENDS, "tcp.payload")


def obstacle() -> str | None:
    """Why nothing can be captured here."""
    missing = [name for name in (TSHARK, DUMPCAP, "nsenter") if shutil.which(name) is None]
    return f"{', '.join(missing)} not found (Debian: tshark)" if missing else None


@dataclass(frozen=True, slots=True)
class Connection:
    """Who called whom, and the beginnings of the packets that the caller sent."""

    client: str
    server: str
    port: int
    sent: tuple[bytes, ...]

    @property
    def encrypted(self) -> bool:
        """Whether it begins with a record of TLS."""
        return self.sent[0].startswith(TLS_RECORD)

    def shows(self, text: str) -> bool:
        """Whether a text can be read on the wire."""
        return any(text.encode() in packet for packet in self.sent)


class Capture:
    """What is captured into a file, and once that is over the connections, by when they began."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.connections: tuple[Connection, ...] = ()

    def wait_for(self, text: str) -> None:
        """What was sent before this readable text is in the file once the text is: packets are
        handed over some time after they were sent.
        """
        end = time.monotonic() + _PATIENCE
        while text.encode() not in self._file.read_bytes():
            assert time.monotonic() < end, f"{text} was not captured"
            threading.Event().wait(_PAUSE)

    def close(self) -> None:
        """Read the file."""
        self.connections = tuple(_read(self._file))


@contextmanager
def captured(pid: int, folder: Path) -> Iterator[Capture]:
    """All TCP on the links of the pods of the mesh that process `pid` has, while the block runs."""
    inside = ("nsenter", f"--net=/proc/{pid}/ns/net")
    capture = Capture(folder / "wire.pcapng")
    options = ["-q", "-s", str(_LENGTH), "-B", str(_BUFFER)]
    options += [option for link in _links(inside) for option in ("-i", link, "-f", "tcp")]
    dumpcap = subprocess.Popen(
        [*inside, DUMPCAP, *options, "-w", folder / "wire.pcapng"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        _wait_for_file(dumpcap)
        yield capture
    finally:
        dumpcap.send_signal(signal.SIGINT)
        dumpcap.communicate(timeout=_PATIENCE)
    capture.close()


def _links(inside: tuple[str, ...]) -> list[str]:
    """The node's ends of the pods' links (heddle/local/network.py)."""
    shown = subprocess.run(
        [*inside, "ip", "-brief", "link", "show", "type", "veth"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("@")[0] for line in shown.stdout.splitlines()]


def _wait_for_file(dumpcap: "subprocess.Popen[str]") -> None:
    """It names the file once it captures."""
    assert dumpcap.stderr is not None
    said = ""
    while "File: " not in said:
        line = dumpcap.stderr.readline()
        assert line, said
        said += line


def _read(file: Path) -> Iterator[Connection]:
    """Each packet is seen on the links of both of its ends."""
    options = [option for name in _FIELDS for option in ("-e", name)]
    shown = subprocess.run(
        [TSHARK, "-n", "-r", str(file), "-Y", "tcp.len > 0", "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    packets = [line.split("\t") for line in shown.stdout.splitlines()]
    sent: dict[tuple[str, ...], list[bytes]] = {}
    for _, *ends, payload in sorted(packets, key=lambda packet: float(packet[0])):
        sent.setdefault(tuple(ends), []).append(bytes.fromhex(payload))
    for (client, _, server, port, _), parts in sent.items():
        yield Connection(client, server, int(port), tuple(parts))
