"""Every resource name that Envoy sees, made and parsed here only.

The formats are Istio's: dashboards, `istioctl proxy-config` and Kiali read them. The one addition
is the name of a virtual host that is a resource of its own: `<route configuration>/<host>:<port>`.
The last `/` splits it, so a route configuration may contain one and a host may not.
"""

from dataclasses import dataclass
from typing import Literal

PASSTHROUGH = "PassthroughCluster"
BLACKHOLE = "BlackHoleCluster"
INBOUND_PASSTHROUGH = "InboundPassthroughCluster"

VIRTUAL_OUTBOUND = "virtualOutbound"
VIRTUAL_INBOUND = "virtualInbound"
DNS = "dns"
"""The listener that answers the application's questions for addresses."""
HTTP_PROXY = "http_proxy"
"""The listener, and the route configuration, of the HTTP proxy port: mode NONE."""

CATCH_ALL = "*"
"""The host of the virtual host that takes what no other takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterName:
    """The parts of `outbound|<port>|<subset>|<host>`; an inbound cluster has neither subset nor
    host.
    """

    direction: Literal["inbound", "outbound"]
    port: int
    subset: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualHostName:
    """The parts of `<route configuration>/<host>:<port>`; `host` is all that follows the last
    `/`.
    """

    route_config: str
    host: str


def outbound_cluster(port: int, subset: str, host: str) -> str:
    """The cluster of a host's port, or of one subset of it; `port` is the Service's port."""
    return f"outbound|{port}|{subset}|{host}"


def inbound_cluster(port: int) -> str:
    """The cluster, and the route configuration, of a port of the workload itself: the port that it
    listens on.
    """
    return f"inbound|{port}||"


def parse_cluster(name: str) -> ClusterName | None:
    """`None` for a name of another form, such as `PassthroughCluster`."""
    match name.split("|"):
        case ["outbound", port, subset, host] if port.isdecimal() and host:
            return ClusterName(direction="outbound", port=int(port), subset=subset, host=host)
        case ["inbound", port, "", ""] if port.isdecimal():
            return ClusterName(direction="inbound", port=int(port))
        case _:
            return None


def file_certificate(chain: str, key: str) -> str:
    """The secret of a certificate and its key in files of the proxy's container."""
    return f"file-cert:{chain}~{key}"


def file_root(bundle: str, revoked: str = "") -> str:
    """The secret of the authorities in a file of the proxy's container; no name: the operating
    system's.
    """
    return f"file-root:{bundle or 'system'}" + (f"~{revoked}" if revoked else "")


def listener(address: str, port: int) -> str:
    """The listener on an address: a service's own, `0.0.0.0`, or the proxy's."""
    return f"{address}_{port}"


def parse_listener(name: str) -> tuple[str, int]:
    """The address and port in the name of a listener."""
    address, _, port = name.rpartition("_")
    return address, int(port)


def chain_port(name: str) -> int:
    """The port of the workload in the name of an inbound filter chain, such as
    `0.0.0.0_8080-mtls`; 0 if there is none.
    """
    number = name.partition("-")[0].rpartition("_")[2]
    return int(number) if number.isdecimal() else 0


def outbound_routes(port: int) -> str:
    """The route configuration that all HTTP services on one port share."""
    return str(port)


def gateway_routes(port: int, bind: str = "") -> str:
    """The route configuration that plain HTTP servers of a gateway on one port share; `port` is the
    one that its pod listens on, `bind` the address if a Gateway names one.
    """
    return f"http.{port}.{bind}" if bind else f"http.{port}"


def gateway_tls_routes(port: int, port_name: str, gateway: str) -> str:
    """The route configuration of one HTTPS server; `port` is the one that clients see, `gateway` is
    namespace/name.
    """
    namespace, _, name = gateway.partition("/")
    return f"https.{port}.{port_name}.{name}.{namespace}"


def jwks_cluster(host: str, port: int, *, tls: bool) -> str:
    """The cluster by which the keys of tokens are fetched from an address of no service."""
    return f"jwks|{port}|{'https' if tls else 'http'}|{host}"


def credential(secret: str) -> str:
    """The SDS resource of a Secret with a certificate and its key."""
    return f"kubernetes://{secret}"


def roots_credential(secret: str) -> str:
    """The SDS resource of the authorities that a credential comes with."""
    return f"kubernetes://{secret}-cacert"


def host_port(host: str, port: int) -> str:
    """Istio's own name of a virtual host."""
    return f"{host}:{port}"


def port_of(name: str) -> int:
    """The port of a `host_port`; 0 if there is none."""
    port = name.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def virtual_host(route_config: str, host: str) -> str:
    """The resource name of a virtual host; `host` is a `host_port` or `CATCH_ALL`."""
    return f"{route_config}/{host}"


def parse_virtual_host(name: str) -> VirtualHostName | None:
    """`None` when there is no route configuration or no host in the name."""
    route_config, slash, host = name.rpartition("/")
    return (
        VirtualHostName(route_config=route_config, host=host)
        if slash and route_config and host
        else None
    )
