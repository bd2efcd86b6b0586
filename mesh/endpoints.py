"""The endpoints behind a service, by service port."""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.fields import EMPTY

PROXY_PORT_OFFSET = 20000
"""In proxy-port mode the sidecar takes what is meant for port P at P + 20000: an address has room
for one listener per port.
"""


def has_entrance(port: int) -> bool:
    """Whether the sidecar can take what is meant for a port: not for the highest ones."""
    return port + PROXY_PORT_OFFSET <= 65535


@dataclass(frozen=True, slots=True, order=True)
class Locality:
    """Where an endpoint runs. Empty strings are unknown."""

    region: str = ""
    zone: str = ""
    subzone: str = ""


NOWHERE = Locality()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One workload behind a port of a service. `port` is the one to connect to: in proxy-port mode
    that of the pod's sidecar, `target` the workload's own. `others` are further addresses of the
    same workload, in another family; `hostname` is its own name within that of a headless Service.
    `mutual`: its sidecar takes mutual TLS at the port.
    """

    address: str
    port: int
    others: tuple[str, ...] = ()
    labels: Mapping[str, str] = EMPTY
    healthy: bool = True
    weight: int = 1
    locality: Locality = NOWHERE
    service_account: str = ""
    node: str = ""
    hostname: str = ""
    target: int = 0
    mutual: bool = False
