"""Text in columns."""

from collections.abc import Iterable, Sequence

from crds.problem import printable


def aligned(lines: Iterable[Sequence[str]]) -> list[str]:
    """Lines of cells, in columns; what is not printable is escaped."""
    safe = [tuple(map(printable, line)) for line in lines]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in safe
    ]
