"""Gateway: what a proxy at the edge of the mesh listens on, and for which hosts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds import checks
from crds.fields import EMPTY, UInt32
from crds.meta import Meta
from crds.names import UNIX, host_fault, is_dns_label, is_ip
from crds.path import did_you_mean
from crds.problem import Problem, error, warning
from crds.server_tls import ServerTLSSettings, check_server_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """`protocol` is a name such as HTTP, HTTPS, TLS, TCP. `target_port` has no meaning here."""

    number: UInt32 = 0
    protocol: str = ""
    name: str = ""
    target_port: UInt32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One port, and the hosts that are served there, each as `host` or `namespace/host`."""

    port: Port = Port()
    bind: str = ""
    hosts: tuple[str, ...] = ()
    tls: ServerTLSSettings | None = None
    default_endpoint: str = ""
    name: str = ""

    @property
    def protocol(self) -> str:
        """Of its port, in upper case."""
        return self.port.protocol.upper()

    @property
    def is_plain_http(self) -> bool:
        """Whether requests arrive without TLS."""
        return self.protocol in HTTP

    @property
    def terminates_tls(self) -> bool:
        """Whether the gateway itself speaks TLS with the client."""
        return not self.is_plain_http and self.tls is not None and self.tls.mode.terminates

    @property
    def is_https(self) -> bool:
        """Whether requests arrive within TLS that ends at the gateway."""
        return self.protocol == "HTTPS" and self.terminates_tls

    @property
    def passes_tls(self) -> bool:
        """Whether TLS is passed on, chosen by server name."""
        return not self.is_plain_http and self.tls is not None and not self.tls.mode.terminates

    @property
    def redirects(self) -> bool:
        """Whether plain requests are sent to HTTPS."""
        return self.is_plain_http and self.tls is not None and self.tls.https_redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Holds for the gateway pods of any namespace that carry all labels of `selector`."""

    meta: Meta
    servers: tuple[Server, ...] = ()
    selector: Mapping[str, str] = EMPTY


HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "GRPC_WEB", "HTTP_PROXY"})
TLS = frozenset({"HTTPS", "TLS"})
TCP = frozenset({"TCP", "MONGO", "MYSQL", "REDIS"})
PROTOCOLS = HTTP | TLS | TCP
"""In upper case; any case is understood."""


def check(gateway: Gateway) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from checks.dns_label("metadata.name", gateway.meta.name)
    if not gateway.servers:
        yield error("no-servers", "spec.servers", "has no servers: write at least one")
    if not gateway.selector:
        message = "is empty, so that this holds for every gateway pod: select by a label"
        yield warning("no-selector", "spec.selector", message)
    yield from checks.labels("spec.selector", gateway.selector)
    for index, server in enumerate(gateway.servers):
        path = f"spec.servers[{index}]"
        yield from _check_port(path, server)
        yield from _check_bind(f"{path}.bind", server.bind)
        yield from _check_hosts(f"{path}.hosts", server.hosts)
        yield from _check_tls(f"{path}.tls", server)
    names = [server.port.name for server in gateway.servers]
    yield from checks.duplicates("spec.servers", names, ".port.name")


def _check_port(path: str, server: Server) -> Iterator[Problem]:
    port = server.port
    if server.bind.startswith(UNIX):
        if port.number:
            message = "must be 0 where bind is a unix socket"
            yield error("bad-port", f"{path}.port.number", message, port.number)
    else:
        yield from checks.port(f"{path}.port.number", port.number)
    if server.protocol not in PROTOCOLS:
        message = "is no protocol of a gateway" + did_you_mean(server.protocol, PROTOCOLS)
        yield error("bad-protocol", f"{path}.port.protocol", message, port.protocol)
    yield from checks.dns_label(f"{path}.port.name", port.name)
    if port.target_port:
        message = "has no meaning at a gateway: the gateway's Service has the target port"
        yield error("bad-port", f"{path}.port.targetPort", message, port.target_port)


def _check_bind(path: str, bind: str) -> Iterator[Problem]:
    is_socket = bind.startswith(UNIX) and len(bind) > len(UNIX) and bind[len(UNIX)] in "/@"
    if bind and not is_socket and not is_ip(bind):
        yield error("bad-address", path, "must be an IP address or unix:///path", bind)


def _check_hosts(path: str, hosts: tuple[str, ...]) -> Iterator[Problem]:
    if not hosts:
        yield error("no-hosts", path, "names no host: write `*` for all")
    for index, host in enumerate(hosts):
        here = f"{path}[{index}]"
        namespace, _, name = host.rpartition("/")
        if namespace not in ("", ".", "*") and not is_dns_label(namespace):
            message = "must be `host` or `namespace/host`, where `.` and `*` are namespaces, too"
            yield error("bad-host", here, message, host)
        fault = None if is_ip(name) else host_fault(name)
        if fault is None and name != "*" and "." not in name and ":" not in name:
            fault = "is a short name: write the whole host, such as shop.example.com"
        if fault:
            yield error("bad-host", here, fault, host)


def _check_tls(path: str, server: Server) -> Iterator[Problem]:
    tls = server.tls
    if server.protocol in TLS and tls is None:
        message = f"is missing: protocol {server.protocol} needs it"
        yield error("no-tls", path, message)
    if tls is None:
        return
    if not server.is_plain_http:
        yield from check_server_tls(path, tls)
        if tls.https_redirect:
            message = "has no effect here: it sends plain HTTP requests to HTTPS"
            yield warning("no-effect", f"{path}.httpsRedirect", message)
    elif tls != ServerTLSSettings(https_redirect=tls.https_redirect):
        message = f"protocol {server.protocol} takes only httpsRedirect here: use HTTPS for TLS"
        yield error("no-tls", path, message)
