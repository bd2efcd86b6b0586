"""What we serialise is decoded by another implementation, made from other copies of Envoy's API.

envoy-data-plane reads Envoy's messages in pure Python. In every message of every golden it must
find what our own protobuf says is in there: no field lost, none misread, none that it does not
know. Its decoder is slow, so what is the same in many goldens is decoded once.
"""

import importlib
from collections.abc import Iterator, Mapping

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from tests.translations import translations
from translator.config import Config

# Theirs uses a form of pydantic that is on its way out, and warns of Envoy's own deprecated fields.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KINDS = ("clusters", "endpoints", "listeners", "routes", "virtual_hosts")

WRITTEN_OTHERWISE: Mapping[str, str] = {
    # The JSON name of a field with a digit before a letter: protobuf keeps the letter small.
    "consecutive5Xx": "consecutive5xx",
    "enforcingConsecutive5Xx": "enforcingConsecutive5xx",
}
"""Where the two write the same JSON field by another name."""

SIXTY_FOUR_BITS = frozenset({"minimumRingSize", "tableSize"})
"""Wrapped 64-bit numbers, which proto3 JSON writes as strings and envoy-data-plane as numbers."""


NEWER = frozenset({"budgetInterval"})
"""Fields that only envoy-data-plane knows yet: we write them as bytes."""


@pytest.mark.parametrize("kind", KINDS)
def test_another_decoder_reads_the_same(kind: str) -> None:
    for data, message in _distinct(kind).items():
        expected = MessageToDict(message)
        for type_ in _packed(expected):
            _module(type_)  # importing it makes it known to their registry
        descriptor = message.DESCRIPTOR
        decoder = getattr(_module(descriptor.full_name), descriptor.name)
        assert _as_ours(decoder.parse(data).to_dict()) == expected


def _distinct(kind: str) -> Mapping[bytes, Message]:
    configs = (case.config() for case in translations().values())
    return {m.SerializeToString(): m for config in configs for m in _messages(config, kind)}


def _messages(config: Config, kind: str) -> tuple[Message, ...]:
    messages: tuple[Message, ...] = getattr(config, kind)
    return messages


def _packed(shown: object) -> Iterator[str]:
    """The full names of the messages inside `Any`s."""
    match shown:
        case dict():
            if "@type" in shown:
                yield shown["@type"].rpartition("/")[2]
            for value in shown.values():
                yield from _packed(value)
        case list():
            for value in shown:
                yield from _packed(value)


def _module(full_name: str) -> object:
    return importlib.import_module("envoy_data_plane." + full_name.rpartition(".")[0])


def _as_ours(value: object, name: str = "") -> object:
    match value:
        case dict():
            return {
                WRITTEN_OTHERWISE.get(k, k): _as_ours(v, k)
                for k, v in value.items()
                if k not in NEWER
            }
        case list():
            return [_as_ours(each) for each in value]
        case int() if name in SIXTY_FOUR_BITS:
            return str(value)
        case _:
            return value
