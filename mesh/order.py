"""The one tie-break: who came first. Objects from files have no creation time; there the name
decides.
"""

from crds.meta import Key

Rank = tuple[str, str, str]


def rank(created: str, key: Key) -> Rank:
    """Sorts the oldest first, then by name, then by namespace; an object without a creation time
    counts as newest.
    """
    return (created or "~", key.name, key.namespace)
