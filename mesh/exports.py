"""exportTo: which namespaces see an object (istio-api.md S-3)."""

from collections.abc import Collection

EVERYBODY = frozenset({"*"})
NOWHERE = "~"


def is_exported(exports: Collection[str], own: str, namespace: str) -> bool:
    """Whether an object of the namespace `own` is seen in `namespace`: `exports` has names, `.` for
    the own one, `*` for all, `~` for none.
    """
    return "*" in exports or namespace in exports or ("." in exports and own == namespace)
