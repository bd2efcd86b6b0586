"""A configuration as people read it: Envoy's own JSON form, as `/config_dump` prints it."""

import json
from collections.abc import Iterable, Mapping

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from heddle.plain_yaml import plain_yaml
from translator.config import Config
from translator.translate import in_place

KINDS = ("clusters", "endpoints", "listeners", "routes", "secrets")
"""The lists of a shown configuration, in the order in which Envoy gets them."""


def document(config: Config) -> dict[str, list[dict[str, object]]]:
    """One document with a list a kind, the virtual hosts in place in their route configurations."""
    placed = in_place(config)
    return {
        "clusters": _dicts(placed.clusters),
        "endpoints": _dicts(placed.endpoints),
        "listeners": _dicts(placed.listeners),
        "routes": _dicts(placed.routes),
        "secrets": _dicts(placed.secrets),
    }


def _dicts(messages: Iterable[Message]) -> list[dict[str, object]]:
    return [as_dict(message) for message in messages]


def as_dict(message: Message) -> dict[str, object]:
    """A message's fields in its own order; maps, which have none, by key."""
    read = MessageToDict(message, preserving_proto_field_name=True)
    return {name: _steady(value) for name, value in read.items()}


def _steady(value: object) -> object:
    match value:
        case dict():
            is_map = any(set(name) & set(".|[-") for name in value)  # which no field has
            names = sorted(value) if is_map else list(value)
            return {
                name: _sorted(value[name]) if name == _FREE else _steady(value[name])
                for name in names
            }
        case list():
            return [_steady(each) for each in value]
        case _:
            return value


_FREE = "filter_metadata"
"""A map of values of any form, which are maps themselves: no message says their order."""


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return value


def as_yaml(shown: Mapping[str, object]) -> str:
    """YAML, fields in the order of the message."""
    return plain_yaml(shown)


def as_json(shown: Mapping[str, object]) -> str:
    """JSON, indented."""
    return json.dumps(shown, indent=2, ensure_ascii=False)
