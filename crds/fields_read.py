"""Which fields of Kubernetes' own objects are read: the shape of their types.

A source keeps these and drops the rest before anything is held. It comes from the types themselves,
so that nothing can be read that was dropped. Of our own kinds everything is kept: an unknown field
in them is told of.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from crds.convert import camel_case

Shape: TypeAlias = Mapping[str, "Shape | None"]
"""Field names as they are in JSON. None: all that is in the field."""


def shape(cls: type) -> Shape:
    """The fields of a type of `crds.core` or `crds.secret`, but for its `meta`."""
    return _shape(cls)


@cache
def _shape(cls: type) -> Shape:
    hints = get_type_hints(cls, include_extras=True)
    return {
        each.metadata.get("wire") or camel_case(each.name): _within(hints[each.name])
        for each in fields(cls)
        if each.name != "meta"
    }


def _within(hint: Any) -> Shape | None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple or origin is Annotated:
        return _within(arguments[0])
    if origin in (Union, UnionType):
        rest = [each for each in arguments if each is not NoneType]
        return _within(rest[0])
    return shape(hint) if is_dataclass(hint) and isinstance(hint, type) else None


def only(raw: object, wanted: Shape | None) -> object:
    """What of `raw` is in the shape; of a list, what of each item is."""
    if wanted is None:
        return raw
    if isinstance(raw, list):
        return [only(each, wanted) for each in raw]
    if not isinstance(raw, Mapping):
        return raw
    return {name: only(raw[name], inner) for name, inner in wanted.items() if name in raw}
