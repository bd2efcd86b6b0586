"""Which namespaces have pods of the mesh, or may get some: those that ask for sidecars, of whatever
revision, and those in which a pod by itself has one.
"""

from collections import Counter
from collections.abc import Collection, Iterable

from crds.core import Namespace, Pod
from crds.meta import Label
from mesh.proxy import is_injected
from mesh.store import Change
from webhook.policy import SYSTEM_NAMESPACES


class MeshNamespaces:
    """Told of each change once."""

    def __init__(self) -> None:
        self._asking: set[str] = set()
        self._pods: Counter[str] = Counter()

    def update(self, changes: Iterable[Change]) -> None:
        """Takes changes in."""
        for change in changes:
            match change.new if change.new is not None else change.old:
                case Namespace():
                    asks = isinstance(change.new, Namespace) and _asks(change.new)
                    (self._asking.add if asks else self._asking.discard)(change.key.name)
                case Pod():
                    before, after = (
                        isinstance(each, Pod) and is_injected(each)
                        for each in (change.old, change.new)
                    )
                    self._pods[change.key.namespace] += after - before
                case _:
                    pass

    def names(self) -> Collection[str]:
        """All of them."""
        return self._asking | {name for name, count in self._pods.items() if count > 0}


def _asks(namespace: Namespace) -> bool:
    labels = namespace.meta.labels
    wanted = labels.get(Label.INJECTION) == "enabled" or Label.REVISION in labels
    off = labels.get(Label.INJECTION) == "disabled"
    return wanted and not off and namespace.meta.name not in SYSTEM_NAMESPACES
