"""The TLS side of the webhook, whose certificate may change while it listens."""

import os
import ssl
from collections.abc import Callable
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


class Shown(Protocol):
    """A certificate chain, leaf first, and its key, both PEM."""

    @property
    def chain(self) -> bytes:
        """The certificates."""
        ...

    @property
    def key(self) -> bytes:
        """The private key; never shown."""
        ...


def server_context(current: Callable[[], Shown]) -> ssl.SSLContext:
    """A context that asks for the current certificate at every handshake. One that cannot be used
    leaves the last in force. Raises `ssl.SSLError` or `OSError` if the first one cannot be used.

    Clients show no certificate: only the API server can reach the port, which is what
    NetworkPolicies are for, and what it learns here is no secret.
    """
    used = current()
    inner = _context(used)

    def choose(handshake: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: object) -> None:
        nonlocal used, inner
        newest = current()
        if newest is not used:
            used = newest  # tried once, not at every handshake
            try:
                inner = _context(newest)
            except (ssl.SSLError, OSError) as failure:
                log.error("webhook certificate refused", reason=type(failure).__name__)
        handshake.context = inner

    outer = _context(used)
    # OpenSSL calls it for a client that names no server, too.
    outer.sni_callback = choose
    return outer


def usable(certificate: Shown) -> None:
    """Raises `ssl.SSLError` if nobody can serve with it."""
    _context(certificate)


def _context(certificate: Shown) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # The module reads files only. This one is nowhere but in memory.
    file = os.memfd_create("certificate")
    try:
        os.write(file, certificate.chain + b"\n" + certificate.key)
        made.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
    return made
