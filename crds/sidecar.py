"""Sidecar: what a workload's proxy takes in, what it can reach, and what it does with the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from crds import checks
from crds.connection_pool import ConnectionPoolSettings, check_connection_pool
from crds.destination import Destination, check_destination
from crds.fields import UInt32
from crds.meta import Meta
from crds.names import UNIX, is_dns_label, is_ip
from crds.outbound_policy import OutboundTrafficPolicyMode
from crds.problem import Problem, error, warning
from crds.server_tls import ServerTLSmode, ServerTLSSettings, check_server_tls
from crds.service_entry import PROTOCOLS, WorkloadSelector

MAX_SOCKET_PATH = 107
LOCALHOST = frozenset({"127.0.0.1", "::1"})
INSTANCE = frozenset({"0.0.0.0", "::"})  # named, not bound: the pod's own address


class CaptureMode(StrEnum):
    """How traffic gets to a listener; DEFAULT is as the proxy was injected."""

    DEFAULT = "DEFAULT"
    IPTABLES = "IPTABLES"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarPort:
    """A port of a listener; 0 with a Unix domain socket. `target_port` has no meaning in Istio."""

    number: UInt32 = 0
    protocol: str = ""
    name: str = ""
    target_port: UInt32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IstioIngressListener:
    """A port at which the workload takes calls. `default_endpoint` is `127.0.0.1:port`,
    `0.0.0.0:port` (the pod's address) or `unix:///path`; none: the port itself, at the pod. `tls`
    is what callers from outside of the mesh speak, where mutual TLS is disabled.
    """

    port: SidecarPort | None = None
    bind: str = ""
    capture_mode: CaptureMode = CaptureMode.DEFAULT
    default_endpoint: str = ""
    tls: ServerTLSSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IstioEgressListener:
    """The `hosts` (`namespace/dnsName`) that can be called at `port`, or at all ports that no other
    listener names.
    """

    port: SidecarPort | None = None
    bind: str = ""
    capture_mode: CaptureMode = CaptureMode.DEFAULT
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarOutboundTrafficPolicy:
    """What becomes of traffic to hosts that are not imported."""

    mode: OutboundTrafficPolicyMode = OutboundTrafficPolicyMode.REGISTRY_ONLY
    egress_proxy: Destination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """Without a `workload_selector` it is the default of its namespace, in the root namespace that
    of the mesh.
    """

    meta: Meta
    workload_selector: WorkloadSelector | None = None
    ingress: tuple[IstioIngressListener, ...] = ()
    inbound_connection_pool: ConnectionPoolSettings | None = None
    egress: tuple[IstioEgressListener, ...] = ()
    outbound_traffic_policy: SidecarOutboundTrafficPolicy | None = None


def check(sidecar: Sidecar) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    if sidecar == Sidecar(meta=sidecar.meta, workload_selector=sidecar.workload_selector):
        message = "says nothing: write egress, ingress, inboundConnectionPool or a policy"
        yield error("empty", "spec", message)
    if sidecar.workload_selector is not None:
        yield from checks.labels("spec.workloadSelector.labels", sidecar.workload_selector.labels)
    yield from _check_egress(sidecar.egress)
    yield from _check_ingress(sidecar.ingress)
    yield from _check_both(sidecar)
    if sidecar.inbound_connection_pool is not None:
        yield from check_connection_pool(
            "spec.inboundConnectionPool", sidecar.inbound_connection_pool
        )
    if sidecar.outbound_traffic_policy is not None:
        yield from _check_policy(sidecar.outbound_traffic_policy)


def _check_egress(listeners: tuple[IstioEgressListener, ...]) -> Iterator[Problem]:
    seen: set[tuple[int, str]] = set()
    for index, listener in enumerate(listeners):
        path = f"spec.egress[{index}]"
        yield from _check_hosts(path, listener.hosts)
        if listener.port is None:
            yield from _check_catch_all(path, listener, last=index == len(listeners) - 1)
            continue
        yield from _check_port(path, listener.port, listener.bind)
        yield from _check_bind(path, listener.bind, listener.port, listener.capture_mode)
        # Istio keeps routes by port: two listeners on one port could not differ in them.
        place = (listener.port.number, "" if listener.port.number else listener.bind)
        if place in seen:
            yield error(
                "duplicate", f"{path}.port.number", "has a listener already", place[0] or place[1]
            )
        seen.add(place)


def _check_catch_all(path: str, listener: IstioEgressListener, *, last: bool) -> Iterator[Problem]:
    if listener.bind:
        message = "needs a port: only a listener with a port has an address of its own"
        yield error("no-port", f"{path}.bind", message, listener.bind)
    if listener.capture_mode is CaptureMode.NONE:
        message = "needs a port: only a listener with a port can do without interception"
        yield error("no-port", f"{path}.captureMode", message, listener.capture_mode)
    if not last:
        message = "takes all other ports, so it must be the last listener, and the only such"
        yield error("bad-order", path, message)


def _check_hosts(path: str, hosts: tuple[str, ...]) -> Iterator[Problem]:
    if not hosts:
        yield error("no-hosts", f"{path}.hosts", "is empty: write `./*`, `*/*` or `~/*`")
    for index, host in enumerate(hosts):
        here = f"{path}.hosts[{index}]"
        namespace, slash, name = host.partition("/")
        if not slash:
            yield error("bad-host", here, "must be `namespace/dnsName`, such as ./*", host)
            continue
        meant = namespace.removeprefix("~")
        if not (meant in ("", ".", "*") or is_dns_label(meant)) or not namespace:
            message = "the namespace must be a name, `.`, `*`, or `~` for none"
            yield error("bad-namespace", here, message, namespace)
        if "." not in name and "*" not in name:
            yield error("bad-host", here, "must be a full name: short names mean nothing", host)
        else:
            yield from checks.host(here, name)


def _check_port(path: str, port: SidecarPort, bind: str) -> Iterator[Problem]:
    if bind.startswith(UNIX):
        if port.number:
            message = "must be 0: the listener is a Unix domain socket"
            yield error("bad-port", f"{path}.port.number", message, port.number)
    else:
        yield from checks.port(f"{path}.port.number", port.number)
    if port.protocol.upper() not in PROTOCOLS - {""}:
        message = "must be HTTP, HTTP2, GRPC, HTTPS, TLS, TCP, MONGO, MYSQL, REDIS or HTTP_PROXY"
        yield error("bad-protocol", f"{path}.port.protocol", message, port.protocol)
    if port.target_port:
        message = "has no place in a Sidecar: say where to with defaultEndpoint"
        yield error("bad-port", f"{path}.port.targetPort", message, port.target_port)


def _check_bind(path: str, bind: str, port: SidecarPort, capture: CaptureMode) -> Iterator[Problem]:
    if bind.startswith(UNIX):
        yield from _check_socket(f"{path}.bind", bind)
        if capture is CaptureMode.IPTABLES:
            message = "nothing is redirected to a Unix domain socket: write DEFAULT or NONE"
            yield error("bad-capture", f"{path}.captureMode", message, capture)
    elif bind and not is_ip(bind):
        yield error("bad-address", f"{path}.bind", "must be an IP address or unix:///path", bind)
    if port.protocol.upper() == "HTTP_PROXY" and capture is CaptureMode.IPTABLES:
        message = "clients call a proxy themselves: write DEFAULT or NONE"
        yield error("bad-capture", f"{path}.captureMode", message, capture)


def _check_socket(path: str, address: str) -> Iterator[Problem]:
    name = address.removeprefix(UNIX)
    if not name.startswith("/") or name == "/":
        yield error("bad-address", path, "must be an absolute path, as in unix:///run/x", address)
    elif len(name.encode()) > MAX_SOCKET_PATH:
        message = f"the path is longer than {MAX_SOCKET_PATH} bytes, which no system takes"
        yield error("bad-address", path, message, address)


def _check_ingress(listeners: tuple[IstioIngressListener, ...]) -> Iterator[Problem]:
    seen: set[int] = set()
    for index, listener in enumerate(listeners):
        path = f"spec.ingress[{index}]"
        if listener.port is None:
            yield error("no-port", f"{path}.port", "is missing: name the port to listen on")
            continue
        yield from _check_port(path, listener.port, "")
        if listener.port.number in seen:
            message = "has a listener already"
            yield error("duplicate", f"{path}.port.number", message, listener.port.number)
        seen.add(listener.port.number)
        if listener.bind and not is_ip(listener.bind):
            yield error("bad-address", f"{path}.bind", "must be an IP address", listener.bind)
        yield from _check_endpoint(path, listener)
        if listener.tls is not None:
            yield from _check_tls(f"{path}.tls", listener.tls)
        if listener.connection_pool is not None:
            yield from check_connection_pool(f"{path}.connectionPool", listener.connection_pool)


def _check_tls(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    if tls.mode not in (ServerTLSmode.SIMPLE, ServerTLSmode.MUTUAL):
        message = "must be SIMPLE or MUTUAL: PeerAuthentication is for callers of the mesh"
        yield error("bad-mode", f"{path}.mode", message, tls.mode)
        return
    if tls.https_redirect:
        message = "has no effect at a sidecar: nothing is listened at but this port"
        yield warning("no-effect", f"{path}.httpsRedirect", message)
    yield from check_server_tls(path, tls)


def _check_both(sidecar: Sidecar) -> Iterator[Problem]:
    """Only one listener can be at an address."""
    taken = {
        (canonical(each.bind), each.port.number)
        for each in sidecar.ingress
        if each.port and each.bind and each.capture_mode is CaptureMode.NONE
    }
    for index, each in enumerate(sidecar.egress):
        place = (canonical(each.bind or "127.0.0.1"), each.port.number if each.port else 0)
        if place in taken:
            message = "has a listener at this address in ingress already"
            yield error("duplicate", f"spec.egress[{index}].port.number", message, place[1])


def canonical(address: str) -> str:
    """An IP address in its one form, by which two of them are the same; other text as it is."""
    return str(ip_address(address)) if is_ip(address) else address


def _check_endpoint(path: str, listener: IstioIngressListener) -> Iterator[Problem]:
    endpoint, here = listener.default_endpoint, f"{path}.defaultEndpoint"
    if not endpoint:
        if listener.capture_mode is CaptureMode.NONE:
            message = "is missing: without interception the port itself would lead back here"
            yield error("no-endpoint", here, message)
        return
    if endpoint.startswith(UNIX):
        yield from _check_socket(here, endpoint)
        return
    address, number = endpoint_of(endpoint)
    if address not in LOCALHOST | INSTANCE:
        message = "must be 127.0.0.1:port, 0.0.0.0:port (or [::1], [::]) or unix:///path"
        yield error("bad-address", here, message, endpoint)
    else:
        yield from checks.port(here, number)


def endpoint_of(text: str) -> tuple[str, int]:
    """The address and port of `address:port`; an empty address or port 0 if there is none."""
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else 0
    return (str(ip_address(address)) if is_ip(address) else "", number)


def _check_policy(policy: SidecarOutboundTrafficPolicy) -> Iterator[Problem]:
    if policy.egress_proxy is None:
        return
    path = "spec.outboundTrafficPolicy.egressProxy"
    if policy.mode is not OutboundTrafficPolicyMode.ALLOW_ANY:
        message = "needs mode ALLOW_ANY: with REGISTRY_ONLY nothing would go there"
        yield error("bad-egress-proxy", path, message)
    if policy.egress_proxy.port is None:
        yield error("no-port", f"{path}.port", "is missing: name the proxy's port")
    yield from check_destination(path, policy.egress_proxy)
