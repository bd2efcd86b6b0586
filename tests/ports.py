"""Ports for programs that have to be told one."""

import itertools
import os
import socket
from collections.abc import Iterator

_FIRST, _LAST = 16_000, 30_000
"""Below those that the system gives away by itself (ip(7), ip_local_port_range)."""


def _numbers() -> Iterator[int]:
    start, size = os.getpid() * 101, _LAST - _FIRST
    return (_FIRST + (start + step) % size for step in itertools.count())


_NEXT = _numbers()


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on, and that nobody else who asks here is given for as long as
    this process lives: other tests may run on this machine at the same time.
    """
    while True:
        port = next(_NEXT)
        keeper = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            keeper.bind(f"\0heddle-tests-port-{port}")  # the name goes with the process (unix(7))
            with socket.socket() as probe:
                probe.bind((address, port))
        except OSError:
            keeper.close()
            continue
        keeper.detach()
        return port
