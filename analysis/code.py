"""What a kind of finding is: Istio's number where Istio has it, our own where it has none."""

from dataclasses import dataclass

from analysis.severity import Severity

ISTIO = "IST"
OURS = "HED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """`id` is `IST0101` or `HED0001`, `name` Istio's or ours in camel case. `summary` says what is
    wrong, `remedy` what to do where a finding itself does not say it better; one sentence each.
    """

    id: str
    name: str
    severity: Severity
    summary: str
    remedy: str

    @property
    def is_istio(self) -> bool:
        """Whether Istio has the same finding under the same number."""
        return self.id.startswith(ISTIO)

    @property
    def anchor(self) -> str:
        """Where in docs/analysis.md it is explained."""
        return self.id.lower()


def istio(number: int, name: str, severity: Severity, summary: str, remedy: str) -> Code:
    """A finding that Istio has, by its number there."""
    return _code(ISTIO, number, name, severity, summary, remedy)


def ours(number: int, name: str, severity: Severity, summary: str, remedy: str) -> Code:
    """A finding that Istio does not have."""
    return _code(OURS, number, name, severity, summary, remedy)


def _code(
    prefix: str, number: int, name: str, severity: Severity, summary: str, remedy: str
) -> Code:
    return Code(
        id=f"{prefix}{number:04}", name=name, severity=severity, summary=summary, remedy=remedy
    )
