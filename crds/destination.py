"""Where a route sends traffic: a host of the registry, a subset, a port."""

from collections.abc import Iterator
from dataclasses import dataclass

from crds import checks
from crds.fields import UInt32
from crds.problem import Problem, error


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSelector:
    """A port of a service, by number."""

    number: UInt32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """`host` may be a short name of the object's own namespace; `port` may be left out if the
    service has one port.
    """

    host: str = ""
    subset: str = ""
    port: PortSelector | None = None


def check_destination(path: str, destination: Destination | None) -> Iterator[Problem]:
    """Of a route or a mirror."""
    if destination is None:
        yield error("no-destination", path, "is missing: name a host to send to")
        return
    if destination.host == "*":
        yield error("bad-host", f"{path}.host", "must name one host", "*")
    else:
        yield from checks.host(f"{path}.host", destination.host)
    if destination.subset:
        yield from checks.dns_label(f"{path}.subset", destination.subset, code="bad-subset")
    if destination.port is not None:
        yield from checks.port(f"{path}.port.number", destination.port.number)
