"""A call as authorization sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`peer` is the SPIFFE id in the caller's certificate, or nothing; `claims` are of a token that
    was verified. `http` is false for a TCP connection, which has no request.
    """

    http: bool = True
    peer: str = ""
    peer_address: str = "10.0.0.9"
    remote_address: str = "10.0.0.9"
    address: str = "10.0.0.1"
    port: int = 8080
    sni: str = ""
    method: str = "GET"
    host: str = "reviews"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, object] = field(default_factory=dict)
