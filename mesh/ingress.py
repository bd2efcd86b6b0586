"""Where the ingress listeners of a Sidecar take calls, and where they pass them on to."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from crds.names import UNIX
from crds.sidecar import CaptureMode, IstioIngressListener, endpoint_of
from mesh import binds


@dataclass(frozen=True, slots=True)
class Application:
    """Where the workload's own program takes calls. `address` is of the loopback, that of a Unix
    domain socket (`unix://` and its path), or empty for the workload's own.
    """

    address: str
    port: int


def application(listener: IstioIngressListener) -> Application | None:
    """What its `defaultEndpoint` stands for; nothing: the port that was called."""
    text = listener.default_endpoint
    if not text:
        return None
    if text.startswith(UNIX):
        return Application(text, 0)
    address, port = endpoint_of(text)
    return Application("" if ip_address(address).is_unspecified else address, port)


def own_address(listener: IstioIngressListener) -> str:
    """The address that the sidecar listens at itself, if nothing is redirected to the listener;
    empty if something is, or if it cannot (`unbound`).
    """
    uncaptured = listener.capture_mode is CaptureMode.NONE
    return listener.bind if uncaptured and not any(unbound(listener)) else ""


def unbound(listener: IstioIngressListener) -> Iterator[tuple[str, str]]:
    """Why a sidecar cannot listen where a listener without interception wants it to: the field, and
    the reason.
    """
    return binds.unbound(listener.bind, listener.port.number if listener.port else 0)
