"""Which webhooks the API server calls for a pod: label selectors, evaluated."""

from collections.abc import Iterable, Mapping

from tests.charts.helm import Object
from webhook import raw

Labels = Mapping[str, str]


def called(configurations: Iterable[Object], namespace: Labels, pod: Labels) -> list[str]:
    """The names of the webhooks that a pod of such labels, in such a namespace, is sent to."""
    return [
        raw.text(webhook["name"])
        for configuration in configurations
        for webhook in raw.objects(configuration["webhooks"])
        if matches(raw.mapping(webhook.get("namespaceSelector")), namespace)
        and matches(raw.mapping(webhook.get("objectSelector")), pod)
    ]


def matches(selector: Object, labels: Labels) -> bool:
    """As the API server evaluates a LabelSelector; an empty one matches everything."""
    unknown = set(selector) - {"matchExpressions"}
    assert not unknown, unknown
    return all(_holds(each, labels) for each in raw.objects(selector.get("matchExpressions")))


def _holds(expression: Object, labels: Labels) -> bool:
    found = labels.get(raw.text(expression["key"]))
    values = expression.get("values")
    listed = isinstance(values, list) and found in values
    match expression["operator"]:
        case "In":
            return listed
        case "NotIn":
            return not listed
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case other:
            raise AssertionError(other)
