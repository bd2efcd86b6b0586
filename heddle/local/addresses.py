"""Which address each pod and each Service has. Pure: an address follows from the name.

A name's hash picks its place in the subnet, and the next free one if that is taken. So a name has
nearly always the same address whatever else is there; an `Allocation` that is handed on makes it
always, and keeps an address that is given up from going to the next one who asks.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType

RESERVED = 256
"""The first addresses of a subnet belong to the runner (bridge, control plane), if there is
room."""

NO_ADDRESSES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnets:
    """Where addresses come from, in CIDR notation."""

    pods: str = "10.201.0.0/16"
    services: str = "10.202.0.0/16"


PROXY_PORT_SUBNETS = Subnets(pods="127.64.0.0/10", services="10.202.0.0/16")
"""Proxy-port mode: pods on loopback, which needs no privilege. Nothing connects to the
Services'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Addresses by `namespace/name`. Start from one that is empty, hand on the one that comes
    out."""

    subnets: Subnets = field(default_factory=Subnets)
    pods: Mapping[str, str] = field(default_factory=lambda: NO_ADDRESSES)
    services: Mapping[str, str] = field(default_factory=lambda: NO_ADDRESSES)


def allocate(
    subnet: str, names: Collection[str], held: Mapping[str, str], fixed: Mapping[str, str]
) -> dict[str, str]:
    """An address for each name, by name; a name is missing if the subnet is full.

    `fixed` addresses are as the user wrote them, `held` ones are kept by names that are still
    there.
    """
    result = {name: fixed[name] for name in sorted(names) if name in fixed}
    asked_for = set(result.values())
    for name in sorted(names):
        if name not in result and name in held and held[name] not in asked_for:
            result[name] = held[name]
    pool = _Pool(ip_network(subnet, strict=False), taken={*result.values(), *held.values()})
    for name in sorted(names):
        if name not in result and (address := pool.take(name)) is not None:
            result[name] = address
    return result


class _Pool:
    """The free addresses of a subnet."""

    def __init__(self, network: IPv4Network | IPv6Network, taken: set[str]) -> None:
        self._network = network
        self._taken = taken
        self._first = RESERVED if network.num_addresses > 4 * RESERVED else 2
        # The last address is the broadcast address.
        self._size = network.num_addresses - self._first - 1

    def take(self, name: str) -> str | None:
        """The address that the name's hash points at, or the next free one."""
        start = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        # Among one address more than are taken, one is free.
        for step in range(min(self._size, len(self._taken) + 1)):
            address = str(self._network[self._first + (start + step) % self._size])
            if address not in self._taken:
                self._taken.add(address)
                return address
        return None
