"""LabelSelector, as Kubernetes has it: all of its labels and expressions must hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.fields import EMPTY
from crds.problem import Problem, error


class LabelSelectorOperator(StrEnum):
    """How a label is compared. A label that is not there is in no set, so `NotIn` holds for it."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


_WITH_VALUES = (LabelSelectorOperator.IN, LabelSelectorOperator.NOT_IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelectorRequirement:
    """One expression; `values` are for `In` and `NotIn` only."""

    key: str = ""
    operator: LabelSelectorOperator = LabelSelectorOperator.IN
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds for what has these labels."""
        match self.operator:
            case LabelSelectorOperator.IN:
                return labels.get(self.key) in self.values
            case LabelSelectorOperator.NOT_IN:
                return labels.get(self.key) not in self.values
            case LabelSelectorOperator.EXISTS:
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """An empty one selects everything."""

    match_labels: Mapping[str, str] = EMPTY
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether what has these labels is meant."""
        return all(labels.get(name) == value for name, value in self.match_labels.items()) and all(
            each.holds(labels) for each in self.match_expressions
        )


def check_label_selector(path: str, selector: LabelSelector) -> Iterator[Problem]:
    """What the API server would refuse."""
    yield from checks.labels(f"{path}.matchLabels", selector.match_labels)
    for index, each in enumerate(selector.match_expressions):
        here = f"{path}.matchExpressions[{index}]"
        if not each.key:
            yield error("missing", f"{here}.key", "is missing: name the label")
        elif bool(each.values) != (each.operator in _WITH_VALUES):
            message = "must be given for In and NotIn, and for nothing else"
            yield error("bad-value", f"{here}.values", message, ", ".join(each.values))
