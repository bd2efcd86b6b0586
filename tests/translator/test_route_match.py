import pytest
from google.protobuf.json_format import MessageToDict

from crds.fields import FrozenMap
from crds.virtual_service import HTTPMatchRequest, StringMatch
from translator.route_match import is_expressible, route_match

PRESENT = StringMatch()


def strings(**matches: StringMatch) -> FrozenMap[StringMatch]:
    return FrozenMap(matches)


@pytest.mark.parametrize(
    ("match", "made"),
    [
        (HTTPMatchRequest(), {"prefix": "/"}),
        (HTTPMatchRequest(uri=StringMatch(exact="/a")), {"path": "/a"}),
        (HTTPMatchRequest(uri=StringMatch(prefix="/a")), {"prefix": "/a"}),
        (HTTPMatchRequest(uri=StringMatch(prefix="")), {"prefix": "/"}),
        (HTTPMatchRequest(uri=StringMatch(regex="/a.*")), {"safe_regex": {"regex": "/a.*"}}),
        (HTTPMatchRequest(uri=StringMatch()), {"prefix": "/"}),
        (
            HTTPMatchRequest(uri=StringMatch(prefix="/a"), ignore_uri_case=True),
            {"prefix": "/a", "case_sensitive": False},
        ),
        (
            HTTPMatchRequest(uri=StringMatch(regex="/a"), ignore_uri_case=True),
            {"safe_regex": {"regex": "/a"}},
        ),
        (
            HTTPMatchRequest(
                method=StringMatch(exact="GET"),
                scheme=StringMatch(exact="http"),
                authority=StringMatch(prefix="a."),
            ),
            {
                "prefix": "/",
                "headers": [
                    {"name": ":method", "string_match": {"exact": "GET"}},
                    {"name": ":scheme", "string_match": {"exact": "http"}},
                    {"name": ":authority", "string_match": {"prefix": "a."}},
                ],
            },
        ),
        (
            HTTPMatchRequest(headers=strings(b=StringMatch(regex="x|y"), a=PRESENT)),
            {
                "prefix": "/",
                "headers": [
                    {"name": "a", "present_match": True},
                    {"name": "b", "string_match": {"safe_regex": {"regex": "x|y"}}},
                ],
            },
        ),
        (
            HTTPMatchRequest(
                without_headers=strings(a=StringMatch(exact="x"), b=StringMatch(regex="*"))
            ),
            {
                "prefix": "/",
                "headers": [
                    {
                        "name": "a",
                        "string_match": {"exact": "x"},
                        "invert_match": True,
                        "treat_missing_header_as_empty": True,
                    },
                    {"name": "b", "present_match": True, "invert_match": True},
                ],
            },
        ),
        (
            HTTPMatchRequest(query_params=strings(q=StringMatch(exact="1"), p=PRESENT)),
            {
                "prefix": "/",
                "query_parameters": [
                    {"name": "p", "present_match": True},
                    {"name": "q", "string_match": {"exact": "1"}},
                ],
            },
        ),
    ],
)
def test_a_block_of_conditions(match: HTTPMatchRequest, made: dict[str, object]) -> None:
    assert MessageToDict(route_match(match), preserving_proto_field_name=True) == made


@pytest.mark.parametrize(
    "match",
    [
        HTTPMatchRequest(headers=FrozenMap({"": PRESENT})),
        HTTPMatchRequest(headers=FrozenMap({"a\nb": PRESENT})),
        HTTPMatchRequest(without_headers=FrozenMap({"a\0": PRESENT})),
        HTTPMatchRequest(headers=FrozenMap({"@request.auth.claims": PRESENT})),
        HTTPMatchRequest(query_params=FrozenMap({"": PRESENT})),
        HTTPMatchRequest(query_params=FrozenMap({"q" * 2000: PRESENT})),
    ],
)
def test_a_block_that_envoy_refuses_is_known(match: HTTPMatchRequest) -> None:
    assert not is_expressible(match)


def test_ordinary_blocks_are_expressible() -> None:
    assert is_expressible(HTTPMatchRequest())
    assert is_expressible(HTTPMatchRequest(headers=FrozenMap({"x-a": PRESENT})))
