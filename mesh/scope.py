"""What the outbound side of a proxy depends on: its namespace, the labels that some rule asks for,
and its mode.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mesh.proxy import Mode, Proxy


@dataclass(frozen=True, slots=True)
class Scope:
    """Two proxies of one scope hold the very same outbound configuration. `labels` has only what
    rules match on.
    """

    namespace: str
    mode: Mode = Mode.REDIRECT
    labels: frozenset[tuple[str, str]] = frozenset()


def scope_of(proxy: Proxy, label_names: Collection[str]) -> Scope:
    """The scope of a proxy; `label_names` are those that matches ask of clients."""
    labels = frozenset((name, proxy.labels[name]) for name in label_names if name in proxy.labels)
    return Scope(proxy.namespace, proxy.mode, labels)
