import pytest
from envoy.config.core.v3.base_pb2 import Metadata
from google.protobuf.struct_pb2 import Struct

from crds.scalars import Duration, StringMatch
from translator import pb


def test_equal_messages_have_equal_bytes_whatever_the_order_of_their_maps() -> None:
    keys = [f"k{i}" for i in range(20)]
    packed = {
        pb.any_of(Metadata(filter_metadata={k: Struct() for k in order})).SerializeToString()
        for order in (keys, keys[::-1])
    }
    assert len(packed) == 1


@pytest.mark.parametrize(
    ("nanos", "seconds", "rest"),
    [
        (1_500_000_000, 1, 500_000_000),
        (0, 0, 0),
        (-5, 0, 0),
        (10**27, 100 * 24 * 3600, 0),
    ],
)
def test_a_duration_stays_in_envoy_s_range(nanos: int, seconds: int, rest: int) -> None:
    message = pb.duration(Duration(nanos))
    assert (message.seconds, message.nanos) == (seconds, rest)


def test_a_positive_duration_is_at_least_a_millisecond() -> None:
    assert pb.positive_duration(Duration(0)).nanos == 1_000_000


@pytest.mark.parametrize(("given", "kept"), [(-1, 0), (7, 7), (2**40, 2**32 - 1)])
def test_an_integer_stays_in_its_field_s_range(given: int, kept: int) -> None:
    assert pb.uint32(given).value == kept


def test_a_zero_is_not_absent() -> None:
    assert pb.uint32(0).SerializeToString() == b""
    assert pb.uint64(-1).value == 0


@pytest.mark.parametrize(
    ("given", "parts"), [(0.0001, 1), (12.5, 125_000), (-1, 0), (1000, 1_000_000)]
)
def test_percentages_count_in_millionths(given: float, parts: int) -> None:
    assert pb.percent(given).numerator == parts


@pytest.mark.parametrize(
    ("match", "kind"),
    [
        (StringMatch(exact="a"), "exact"),
        (StringMatch(exact=""), "exact"),
        (StringMatch(prefix="a"), "prefix"),
        (StringMatch(regex="a.*"), "safe_regex"),
        (StringMatch(), None),
        (StringMatch(prefix=""), None),
        (StringMatch(regex="*"), None),
    ],
)
def test_a_string_match_without_a_condition_only_asks_for_presence(
    match: StringMatch, kind: str | None
) -> None:
    matcher = pb.string_matcher(match)
    assert (matcher and matcher.WhichOneof("match_pattern")) == kind


def test_text_loses_what_would_end_a_header_line() -> None:
    assert pb.text("a\r\nb\0c d") == "abc d"
