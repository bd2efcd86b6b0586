"""Where a local mesh is on the network: its addresses, and those of its control plane."""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface

from heddle.injection import PORT
from heddle.local.addresses import Subnets
from heddle.local.errors import LocalError
from heddle.local.modes import RunMode
from mesh.proxy import Mode

_FIRST, _COUNT = 64, 60
"""Proxy-port runs take 127.64.0.0/16 and the next ones: each run one, so that two do not meet."""
_LOCK_PORT = 15000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`port` 0 lets the system choose."""

    mode: RunMode
    interception: Mode
    gateway: IPv4Interface
    port: int
    subnets: Subnets


@contextlib.contextmanager
def place_for(mode: RunMode) -> Iterator[Place]:
    """A place that no other run on this machine has. Raises `LocalError` if all are taken."""
    if mode is RunMode.NAMESPACES:
        yield Place(
            mode=mode,
            interception=Mode.REDIRECT,
            gateway=IPv4Interface("10.201.0.1/16"),
            port=PORT,
            subnets=Subnets(),
        )
        return
    for step in range(_COUNT):
        network = ipaddress.ip_network(f"127.{_FIRST + (os.getpid() + step) % _COUNT}.0.0/16")
        gateway = IPv4Interface(f"{network[1]}/16")
        lock = _lock(str(gateway.ip))
        if lock is None:
            continue
        with lock:
            yield Place(
                mode=mode,
                interception=Mode.NONE,
                gateway=gateway,
                port=0,
                subnets=Subnets(pods=str(network), services="10.202.0.0/16"),
            )
            return
    raise LocalError(f"{_COUNT} local meshes run already: stop one")


def _lock(address: str) -> socket.socket | None:
    """A port of the address, held for as long as the run lasts; nothing if another run has it."""
    lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        lock.bind((address, _LOCK_PORT))
        lock.listen()
    except OSError:
        lock.close()
        return None
    return lock
