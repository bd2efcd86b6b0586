"""How large and how deep a JSON-like value may be that somebody hands in: what walks over it later
may then recurse.
"""

MAX_DEPTH = 100
MAX_VALUES = 200_000
"""Values in one document."""

TOO_MANY, TOO_DEEP = "too-many-values", "too-deep"


def excess(value: object) -> tuple[str, str] | None:
    """A code and a sentence if it is too large or too deep. Takes no depth itself."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        count += len(level)
        if count > MAX_VALUES:
            return TOO_MANY, f"a document may hold {MAX_VALUES} values"
        level = [child for each in level for child in _children(each)]
        if not level:
            return None
    return TOO_DEEP, f"is nested more than {MAX_DEPTH} levels"


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
