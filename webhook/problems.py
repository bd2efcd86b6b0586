"""The two ways to complain of a pod that is being injected."""

from crds.meta import Key
from crds.problem import Problem, Severity


def error(pod: Key, code: str, path: str, message: str, value: str | None = None) -> Problem:
    """The pod is refused."""
    return _problem(Severity.ERROR, pod, code, path, message, value)


def warning(pod: Key, code: str, path: str, message: str, value: str | None = None) -> Problem:
    """The pod is injected, but not all of it as its author meant."""
    return _problem(Severity.WARNING, pod, code, path, message, value)


def _problem(
    severity: Severity, pod: Key, code: str, path: str, message: str, value: str | None
) -> Problem:
    return Problem(
        code=code, severity=severity, message=message, object=pod, path=path, value=value
    )
