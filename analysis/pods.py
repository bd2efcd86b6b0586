"""Pods that are alike, of which one is enough to look at."""

from collections.abc import Iterable, Iterator

from crds.core import Pod
from crds.meta import PER_POD_LABELS, Key

ENDED = frozenset({"Succeeded", "Failed"})
"""Phases of pods that take no part in anything any more."""


def pods_of(pods: Iterable[tuple[Key, Pod]]) -> Iterator[tuple[Key, Pod]]:
    """Those that have not ended, one for each set of labels."""
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for key, pod in pods:
        labels = {pair for pair in pod.meta.labels.items() if pair[0] not in PER_POD_LABELS}
        kind = (key.namespace, frozenset(labels))
        if pod.phase not in ENDED and kind not in seen:
            seen.add(kind)
            yield key, pod
