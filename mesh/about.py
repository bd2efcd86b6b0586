"""How the checks of objects in their surroundings say what is wrong."""

from dataclasses import dataclass

from crds.meta import Key
from crds.problem import Problem, Severity


@dataclass(frozen=True, slots=True)
class About:
    """The object that problems are about."""

    key: Key

    def error(self, code: str, path: str, value: str, message: str) -> Problem:
        """A problem that makes the object, or a part of it, unusable."""
        return self._problem(Severity.ERROR, code, path, value, message)

    def warning(self, code: str, path: str, value: str, message: str) -> Problem:
        """A problem that the object works in spite of."""
        return self._problem(Severity.WARNING, code, path, value, message)

    def _problem(
        self, severity: Severity, code: str, path: str, value: str, message: str
    ) -> Problem:
        return Problem(
            code=code, severity=severity, object=self.key, path=path, value=value, message=message
        )
