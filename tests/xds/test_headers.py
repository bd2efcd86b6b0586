"""What is taken of a request's headers, and how many may come."""

import pytest

from xds.errors import TooMuch
from xds.headers import MAX_HEADERS, headers


def test_by_name_without_binary_ones() -> None:
    assert headers([("a", "1"), ("b-bin", b"\0"), ("c", "")]) == {"a": "1", "c": ""}
    assert headers(None) == {}


def test_what_came_twice_is_joined() -> None:
    """No credential survives that."""
    assert headers([("a", "1"), ("b", "x"), ("a", ""), ("a", "2")]) == {"a": "1,,2", "b": "x"}


def test_too_many() -> None:
    headers([("a", "1")] * MAX_HEADERS)
    with pytest.raises(TooMuch):
        headers([("a", "1")] * (MAX_HEADERS + 1))
