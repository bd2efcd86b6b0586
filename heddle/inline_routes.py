"""Route configurations with their virtual hosts in place, for clients that cannot take them one by
one.

Protobuf's repeated fields concatenate: a route configuration is its skeleton and the bytes of its
virtual hosts, joined; its version is made of theirs.
"""

from xds.interest import root
from xds.publisher import PartChange
from xds.resource import Resource, content_version, resource
from xds.types import RDS, VHDS

_VIRTUAL_HOSTS = b"\x12"
"""The tag of `RouteConfiguration.virtual_hosts`, field 2, length-delimited."""


class InlineRoutes:
    """Folds the virtual hosts of one scope into its route configurations."""

    def __init__(self) -> None:
        self._skeletons: dict[str, Resource] = {}
        self._hosts: dict[str, dict[str, Resource]] = {}

    def fold(self, change: PartChange) -> PartChange:
        """The same change for a client without VHDS: whole route configurations."""
        touched: set[str] = set()
        for made in change.upserts.get(RDS, ()):
            self._skeletons[made.name] = made
            touched.add(made.name)
        for made in change.upserts.get(VHDS, ()):
            self._hosts.setdefault(root(made.name), {})[made.name] = made
            touched.add(root(made.name))
        for name in change.removals.get(VHDS, ()):
            self._hosts.get(root(name), {}).pop(name, None)
            touched.add(root(name))
        for name in change.removals.get(RDS, ()):
            self._skeletons.pop(name, None)
        whole = tuple(self._joined(name) for name in sorted(touched & self._skeletons.keys()))
        return PartChange(
            upserts={**{t: r for t, r in change.upserts.items() if t != VHDS}, RDS: whole},
            removals={t: names for t, names in change.removals.items() if t != VHDS},
        )

    def _joined(self, name: str) -> Resource:
        skeleton, hosts = self._skeletons[name], sorted(self._hosts.get(name, {}).items())
        body = skeleton.message_bytes + b"".join(_framed(host) for _, host in hosts)
        versions = (skeleton.version, *(host.version for _, host in hosts))
        return resource(RDS, name, body, version=content_version("".join(versions).encode()))


def _framed(made: Resource) -> bytes:
    body = made.message_bytes
    return _VIRTUAL_HOSTS + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
