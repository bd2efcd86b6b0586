"""Where a route sends traffic: a host of the registry, a subset, a port."""

from dataclasses import dataclass

from crds.fields import UInt32


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
