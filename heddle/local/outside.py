"""Sockets of the machine itself, for what runs in the private one (sandbox.py).

A socket belongs to the network in which it was made. So a thread of its own goes out for a moment,
through the handle that the supervisor has left, makes the socket, and ends.
"""

import os
import socket
from concurrent.futures import ThreadPoolExecutor

from heddle.local import kernel
from heddle.local.kernel import Namespace
from heddle.local.sandbox import OUTSIDE, sandboxed


def outside_socket(host: str, port: int) -> socket.socket:
    """A listening TCP socket that programs of this machine reach. Raises `OSError` if the port is
    taken.
    """
    if not sandboxed():
        return _listening(host, port)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_listening_outside, host, port).result()


def _listening_outside(host: str, port: int) -> socket.socket:
    kernel.enter(f"/proc/self/fd/{os.environ[OUTSIDE]}", Namespace.NETWORK)
    return _listening(host, port)  # the thread ends, so it need not go back


def _listening(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made
