"""A Sovereign template: its sources are the resources themselves."""

from collections.abc import Iterator, Mapping, Sequence


def call(
    discovery_request: object, instances: Sequence[Mapping[str, object]], **_: object
) -> Iterator[object]:
    """The resources of the type that was asked for."""
    wanted = str(getattr(discovery_request, "type_url", ""))
    return (each["resource"] for each in instances if each["type_url"] == wanted)
