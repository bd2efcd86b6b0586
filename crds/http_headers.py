"""Header operations of a VirtualService's rules and destinations."""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.fields import EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderOperations:
    """`set` overwrites or creates, `add` appends, `remove` deletes."""

    set: Mapping[str, str] = EMPTY
    add: Mapping[str, str] = EMPTY
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """Operations on the request before it is forwarded, on the response before it is returned."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None
