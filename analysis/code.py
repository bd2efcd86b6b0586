"""What a kind of finding is: Istio's number where Istio has it, our own where it has none."""

from dataclasses import dataclass

from analysis.severity import Severity

ISTIO = "IST"
OURS = "HED"
PAGES = "docs/analysis"
ISTIO_PAGES = "https://istio.io/latest/docs/reference/config/analysis"


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
    def page(self) -> str:
        """Where it is explained, with an example: a file of this project."""
        return f"{PAGES}/{self.id}.md"

    @property
    def url(self) -> str:
        """Where it is explained for all the world: Istio's page, if it is Istio's finding."""
        return f"{ISTIO_PAGES}/{self.id.lower()}/" if self.is_istio else self.page


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
