"""Gateways, and the gateway pods that they select."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crds.core import Pod
from crds.gateway import Gateway
from crds.kinds import Object
from crds.meta import Key
from mesh.order import rank
from mesh.proxy import Proxy, is_injected, proxy_from
from mesh.service_index import selects
from mesh.store import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateways:
    """All Gateways, and the gateway pods as proxies."""

    objects: Mapping[Key, Gateway] = field(default_factory=dict)
    pods: Mapping[Key, Proxy] = field(default_factory=dict)

    def selecting(self, labels: Mapping[str, str]) -> list[Key]:
        """The Gateways that hold for a pod with these labels, the oldest first."""
        found = [key for key, each in self.objects.items() if selects(each.selector, labels)]
        return sorted(found, key=lambda key: rank(self.objects[key].meta.created, key))


def advance(index: Gateways, changes: Iterable[Change]) -> tuple[Gateways, frozenset[Key], bool]:
    """`index` after `changes`, the Gateways among them, and whether gateway pods came, went or
    changed what they are.
    """
    edits = [c for c in changes if isinstance(c.old or c.new, Gateway | Pod)]
    objects, pods = dict(index.objects), dict(index.pods)
    touched: set[Key] = set()
    for change in edits:
        if isinstance(change.old or change.new, Gateway):
            touched.add(change.key)
            objects.pop(change.key, None)
        if isinstance(change.new, Gateway):
            objects[change.key] = change.new
        pods.pop(change.key, None)
        pods.update(_gateway_pod(change.key, change.new))
    moved = pods != index.pods
    if not touched and not moved:
        return index, frozenset(), False
    return Gateways(objects=objects, pods=pods), frozenset(touched), moved


def _gateway_pod(key: Key, made_from: Object | None) -> Mapping[Key, Proxy]:
    if isinstance(made_from, Pod) and is_injected(made_from):
        proxy = proxy_from(made_from)
        if proxy.is_gateway:
            return {key: proxy}
    return {}
