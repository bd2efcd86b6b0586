"""The names that the clients of one scope can resolve, and the listener that was made of them
last.
"""

from collections.abc import Iterator

from heddle.encode import Encoded, encode
from mesh.dns_names import DnsName
from mesh.scope import Scope
from translator.config import Config
from translator.dns import dns_listener


class DnsNames:
    """By host. Only for scopes whose proxies are asked for addresses."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._names: dict[str, tuple[DnsName, ...]] = {}
        self._made: Encoded = {}
        self._stale = True

    def replace(self, host: str, names: tuple[DnsName, ...]) -> None:
        """Takes in the names of a host; none if it is gone."""
        if self._names.get(host, ()) == names:
            return
        self._stale = True
        if names:
            self._names[host] = names
        else:
            del self._names[host]

    def remade(self) -> Iterator[tuple[Encoded, Encoded]]:
        """What was and what is now, if that may differ."""
        if not self._stale:
            return
        self._stale = False
        old = self._made
        every = (name for names in self._names.values() for name in names)
        listener = dns_listener(every, self._scope.dns, ipv6=self._scope.ipv6)
        self._made = encode(Config(listeners=(listener,)))
        yield old, self._made
