"""Which server of which Gateway takes a call that has come to a port of a gateway, and what it does
with TLS.
"""

from collections.abc import Iterable, Sequence

from envoy.config.listener.v3.listener_components_pb2 import FilterChain

from crds.server_tls import ServerTLSSettings
from explain.request import Asked, Tls
from explain.simulate import manager_of, without_port
from explain.step import Step
from mesh import hosts
from mesh.gateway_servers import GatewayServer
from mesh.source import Source
from translator.provenance import provenance
from translator.server_tls import certificate_names, roots_name


def server_step(
    servers: Sequence[GatewayServer], chain: FilterChain, asked: Asked, own: str
) -> Step:
    """The server, of those at the port, that has the chain; plain requests may have several. `own`
    is the gateway's SPIFFE id.
    """
    is_http = manager_of(chain) is not None
    if chain.HasField("transport_socket") or (asked.tls and not is_http):
        return _within_tls(_of_chain(servers, chain, asked.sni), chain, asked.tls[0], own)
    if asked.tls:
        says = "takes requests without TLS only: what comes within TLS is not understood"
        return _step(servers, says, ok=False)
    if not is_http:
        return _step(servers, "takes connections")
    host = without_port(asked.request.authority.lower())
    found = [each for each in servers if _rank(each, host)]
    return _step(found, "takes its requests") if found else _step(servers, f"none has {host}")


def source(server: GatewayServer) -> Source:
    """Where a server is written."""
    return Source(object=server.gateway, path=server.path)


def _of_chain(servers: Sequence[GatewayServer], chain: FilterChain, sni: str) -> GatewayServer:
    """Of the same Gateway and kind, the one with the most specific name. There is one, since the
    chain was made of it.
    """
    gateway = provenance(chain.metadata).object
    ends, is_http = chain.HasField("transport_socket"), manager_of(chain) is not None
    alike = (
        each
        for each in servers
        if each.gateway == gateway
        and each.server.terminates_tls == ends
        and each.server.is_https == is_http
    )
    return max(alike, key=lambda each: _rank(each, sni.lower()))


def _rank(server: GatewayServer, host: str) -> tuple[bool, int] | tuple[()]:
    """How well the names of a server fit; nothing if none does."""
    fitting = ((name == host, len(name)) for name in server.names if hosts.matches(name, host))
    return max(fitting, default=())


def _within_tls(server: GatewayServer, chain: FilterChain, client: Tls, own: str) -> Step:
    tls = server.server.tls
    if tls is None or not chain.HasField("transport_socket"):
        return _step((server,), "passes it on, TLS and all")
    why = _of_the_mesh(tls, client, own) if tls.mode.is_of_the_mesh else _foreign(tls, client)
    if why:
        return _step((server,), f"{why}: the handshake fails", ok=False)
    if tls.mode.is_of_the_mesh:
        return _step((server,), f"mutual TLS of the mesh ends here; it is {client.peer} who calls")
    return _step((server,), _ends(tls))


def _of_the_mesh(tls: ServerTLSSettings, client: Tls, own: str) -> str:
    """Why the two do not agree, where the server shows the mesh's certificate; else nothing."""
    if not client.peer:
        return f"takes workloads of the mesh only ({tls.mode.value})"
    if tls.subject_alt_names and client.peer not in tls.subject_alt_names:
        named = " and ".join(tls.subject_alt_names)
        return f"takes {named} only, and it is {client.peer} who calls"
    if own not in client.answerers:
        named = " and ".join(sorted(client.answerers))
        return f"is {own}, and the client takes an answer from {named} only"
    return ""


def _foreign(tls: ServerTLSSettings, client: Tls) -> str:
    """The same, where it shows another one."""
    if client.peer:
        shown = " and ".join(certificate_names(tls))
        return f"shows {shown}, and the client takes the mesh's certificates only"
    if tls.mode.demands and not client.shows:
        return "asks for a certificate, and the client shows none"
    return ""


def _ends(tls: ServerTLSSettings) -> str:
    says = f"TLS ends here with {' and '.join(certificate_names(tls))}"
    if tls.mode.demands:
        return f"{says}; the client has to show a certificate signed by {roots_name(tls)}"
    return says


def _step(servers: Iterable[GatewayServer], says: str, *, ok: bool = True) -> Step:
    listed = tuple(servers)
    named = ", ".join(dict.fromkeys(each.gateway_name for each in listed))
    return Step(at="server", name=named, says=says, ok=ok, causes=tuple(map(source, listed)))
