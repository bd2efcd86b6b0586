"""What the outbound side of a proxy depends on: its namespace, the labels that some rule asks for,
and its mode.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

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


def gateway_scope(proxy: Proxy) -> Scope:
    """The scope of a gateway's own rules, with all its labels: the servers differ with them, too.
    Nobody's traffic is intercepted, so there is no address that a client chose: mode NONE.
    """
    return Scope(proxy.namespace, Mode.NONE, frozenset(proxy.labels.items()))


def upstream_scope(proxy: Proxy, label_names: Collection[str]) -> Scope:
    """The scope of the clusters that a gateway sends to, shared with other gateways."""
    return replace(scope_of(proxy, label_names), mode=Mode.NONE)
