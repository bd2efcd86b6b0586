"""Type URLs are those of Envoy's messages."""

from google.protobuf import descriptor_pool

from tests.xds import resources
from tests.xds.rules import rules
from xds.types import PUSH_ORDER, SHORT_NAMES, WILDCARD_TYPES, short_name


@rules("X-101")
def test_each_type_url_names_a_message_of_envoys() -> None:
    assert resources.TYPES  # importing it loads Envoy's messages
    for type_url in PUSH_ORDER:
        name = type_url.removeprefix("type.googleapis.com/")
        assert descriptor_pool.Default().FindMessageTypeByName(name).full_name == name


def test_every_served_type_has_a_short_name() -> None:
    assert set(SHORT_NAMES) == set(PUSH_ORDER)
    assert short_name("anything else") == "other"
    assert set(PUSH_ORDER) > WILDCARD_TYPES
