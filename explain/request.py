"""A request, as the application or somebody outside sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEME_PORTS = {"http": 80, "https": 443}
ELSEWHERE = "192.0.2.1"
"""Stands for whatever address DNS gives for a host that the mesh has none for, and for whoever
calls from outside (RFC 5737).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as the application sends it. `address` is where it resolved the host to, `claims`
    are of its token, if that was verified. `connects` is the port, if the authority does not say.
    """

    authority: str
    path: str = "/"
    method: str = "GET"
    scheme: str = "http"
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = "10.0.0.1"
    claims: Mapping[str, object] = field(default_factory=dict)
    connects: int = 0

    @property
    def port(self) -> int:
        """Which port it is sent to."""
        if self.connects:
            return self.connects
        port = self.authority.rpartition("]")[2].partition(":")[2]
        return int(port) if port else SCHEME_PORTS[self.scheme]

    def header(self, name: str) -> str | None:
        """A header or pseudo header, `None` if it is missing."""
        pseudo = {
            ":authority": self.authority,
            ":method": self.method,
            ":path": self.path,
            ":scheme": self.scheme,
        }
        lowered = {key.lower(): value for key, value in self.headers.items()}
        return pseudo.get(name, lowered.get(name.lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What a call comes within: the server's name and the protocols that the client says, and what
    it shows of itself. `peer` is the SPIFFE id in its certificate of the mesh, `shows` whether it
    has another one. `answerers` are the SPIFFE ids that it takes an answer from, if it insists.
    """

    sni: str = ""
    alpn: tuple[str, ...] = ()
    peer: str = ""
    shows: bool = False
    answerers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The call that is asked about. `http`: a request, else a connection. `tls` is what it comes
    within, the outermost first: a client's own may be within that of its sidecar.
    """

    request: Request
    http: bool = True
    tls: tuple[Tls, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether whoever has it now sees a request."""
        return self.http and not self.tls

    @property
    def sni(self) -> str:
        """The server's name that is seen; empty if none is."""
        return self.tls[0].sni if self.tls else ""
