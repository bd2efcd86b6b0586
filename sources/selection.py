"""Which namespaces are part of the mesh: those that one of MeshConfig's `discoverySelectors`
selects, or all of them.

Those of `always` are in any case: what is said there holds for the whole mesh, and a mesh that
loses sight of its policies is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crds.fields import EMPTY
from crds.label_selector import LabelSelector
from sources.events import Applied, Deleted, Event


@dataclass(frozen=True, slots=True)
class Reselected:
    """Other namespaces than before are part of the mesh. `added` are those that are now and were
    not; `everything`: any may be, also such as are not known yet.
    """

    added: frozenset[str] = frozenset()
    everything: bool = False


class Selection:
    """The namespaces, as far as they are known."""

    def __init__(self) -> None:
        self._selectors: Sequence[LabelSelector] = ()
        self._always: frozenset[str] = frozenset()
        self._labels: dict[str, Mapping[str, str]] = {}

    def __contains__(self, namespace: str) -> bool:
        if not self._selectors or namespace in self._always:
            return True
        labels = self._labels.get(namespace)
        return labels is not None and any(each.selects(labels) for each in self._selectors)

    def select(self, selectors: Sequence[LabelSelector], always: Iterable[str]) -> Reselected:
        """What selects is another from now on."""
        before, limited = self._selected(), bool(self._selectors)
        self._selectors, self._always = selectors, frozenset(always)
        if limited and not selectors:
            return Reselected(everything=True)
        return Reselected(self._selected() - before)

    def apply(self, events: Iterable[Event]) -> Reselected | None:
        """Namespaces came, went, or have other labels; nothing if it makes no difference."""
        before = self._selected()
        for event in events:
            if isinstance(event, Applied):
                self._labels[event.key.name] = _labels(event.raw)
            elif isinstance(event, Deleted):
                self._labels.pop(event.key.name, None)
        now = self._selected()
        return Reselected(now - before) if self._selectors and now != before else None

    def _selected(self) -> frozenset[str]:
        return frozenset(name for name in {*self._labels, *self._always} if name in self)


def _labels(raw: Mapping[str, object]) -> Mapping[str, str]:
    meta = raw.get("metadata")
    labels = meta.get("labels") if isinstance(meta, Mapping) else None
    return labels if isinstance(labels, Mapping) else EMPTY
