import pytest

from crds.fields import FrozenMap
from crds.virtual_service import HeaderOperations, Headers
from translator import headers


def operations(
    set_: dict[str, str] | None = None,
    add: dict[str, str] | None = None,
    remove: tuple[str, ...] = (),
) -> HeaderOperations:
    return HeaderOperations(set=FrozenMap(set_ or {}), add=FrozenMap(add or {}), remove=remove)


def added(*given: HeaderOperations | None) -> list[tuple[str, str, int]]:
    made = headers.to_add(*given)
    return [(one.header.key, one.header.value, one.append_action) for one in made]


def test_set_comes_before_add_and_names_are_in_order() -> None:
    rule = operations({"b": "2", "a": "1"}, {"c": "3"})
    assert added(rule, None, operations(add={"a": "4"})) == [
        ("a", "1", 2),
        ("b", "2", 2),
        ("c", "3", 0),
        ("a", "4", 0),
    ]


@pytest.mark.parametrize("name", ["Host", ":authority", ":path", "", "a\nb"])
def test_what_envoy_refuses_to_touch_is_left_out(name: str) -> None:
    assert added(operations({name: "x"}, {name: "x"})) == []
    assert headers.to_remove(operations(remove=(name,))) == []


@pytest.mark.parametrize("value", ["a\r\nb", "x" * 20_000])
def test_a_value_that_envoy_refuses_is_left_out(value: str) -> None:
    assert added(operations({"x": value})) == []


def test_a_header_is_removed_once() -> None:
    assert headers.to_remove(operations(remove=("b", "a")), None, operations(remove=("b",))) == [
        "b",
        "a",
    ]


@pytest.mark.parametrize(
    ("given", "host"),
    [
        (Headers(request=operations({"Host": "a"})), "a"),
        (Headers(request=operations(add={":authority": "b"})), "b"),
        (Headers(request=operations({"host": "a\n"}, {":authority": "b"})), "a"),
        (Headers(request=operations({"x": "a"})), ""),
        (Headers(response=operations({"host": "a"})), ""),
        (None, ""),
    ],
)
def test_the_host_that_a_request_is_given(given: Headers | None, host: str) -> None:
    assert headers.host(given) == host


def test_the_first_host_wins() -> None:
    first, second = (Headers(request=operations({"host": name})) for name in "ab")
    assert headers.host(None, first, second) == "a"


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "100%%",
        "%PROTOCOL%",
        "a %REQ(:METHOD)% b %REQ(x-a?x-b):5%",
        "%START_TIME(%Y-%m-%dT%H)%",
        "%DYNAMIC_METADATA(a:b)%",
        "%FILTER_STATE(a.b:PLAIN)%",
        "%ENVIRONMENT(HOME)%",
    ],
)
def test_a_valid_format_is_kept(value: str) -> None:
    assert headers.literal_unless_valid(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "100%",
        "%NO_SUCH_THING%",
        "%REQ()%",
        "%REQ(a?b?c)%",
        "%PROTOCOL:5%",
        "%FILTER_STATE(a:X)%",
        "%%%",
        "%PROTOCOL% and %",
    ],
)
def test_an_invalid_format_becomes_literal_text(value: str) -> None:
    assert headers.literal_unless_valid(value) == value.replace("%", "%%")
