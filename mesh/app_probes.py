"""Probes of applications that the kubelet sends to the sidecar, for it has no certificate that a
STRICT port would ask for: the injector finds them, the bootstrap answers them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck:
    """A GET, whose status is the answer. Of `tls` nothing is verified, as the kubelet does."""

    path: str
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpCheck:
    """Whether somebody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcCheck:
    """What `grpc.health.v1.Health` says of a service, or of the whole server."""

    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppProbe:
    """One probe: where the kubelet asks (`path`), and what of the application is asked then.
    `period` and `timeout` are the author's, in seconds.
    """

    path: str
    port: int
    check: HttpCheck | TcpCheck | GrpcCheck
    period: int
    timeout: int
