"""What the webhooks of an injector select by."""

from collections.abc import Iterator

from heddle.cluster_objects import Raw
from webhook import raw

OF_NAMESPACES, OF_PODS = "namespaceSelector", "objectSelector"


def wanted(configuration: Raw, label: str, *selectors: str) -> Iterator[str]:
    """The values of a label that its webhooks ask for, of namespaces or of pods."""
    for webhook in raw.objects(configuration.get("webhooks")):
        for name in selectors:
            selector = raw.mapping(webhook.get(name))
            if (value := raw.strings(selector.get("matchLabels")).get(label)) is not None:
                yield value
            for each in raw.objects(selector.get("matchExpressions")):
                values = each.get("values")
                if (each.get("key"), each.get("operator")) == (label, "In"):
                    listed = values if isinstance(values, list | tuple) else ()
                    yield from (value for value in listed if isinstance(value, str))
