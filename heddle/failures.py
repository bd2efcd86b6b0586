"""Why a group of tasks ended."""


def cause(failed: ExceptionGroup[Exception]) -> Exception:
    """The first task's failure is why: the others were cancelled for it."""
    first: Exception = failed
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    return first
