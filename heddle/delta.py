"""What a step changes in a part, collected from several owners."""

from collections.abc import Mapping

from xds.publisher import PartChange
from xds.resource import Resource


class Delta:
    """Collects upserts and removals; a name that one owner drops and another takes up is no
    removal.
    """

    def __init__(self) -> None:
        self._upserts: dict[str, dict[str, Resource]] = {}
        self._removals: dict[str, set[str]] = {}

    def replace(
        self, old: Mapping[str, Mapping[str, Resource]], new: Mapping[str, Mapping[str, Resource]]
    ) -> None:
        """Takes the step from `old` to `new`, both by type URL and name."""
        for type_url, resources in new.items():
            self._upserts.setdefault(type_url, {}).update(resources)
        for type_url, resources in old.items():
            gone = resources.keys() - new.get(type_url, {}).keys()
            self._removals.setdefault(type_url, set()).update(gone)

    def done(self) -> PartChange:
        """The change as a whole."""
        return PartChange(
            upserts={t: tuple(each.values()) for t, each in self._upserts.items() if each},
            removals={
                type_url: tuple(sorted(names - self._upserts.get(type_url, {}).keys()))
                for type_url, names in self._removals.items()
                if names
            },
        )
