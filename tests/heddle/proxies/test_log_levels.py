"""What is asked of Envoy for the levels that a user wants, and how its answer is read."""

import pytest

from heddle.proxies.log_levels import levels, query


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ("", ""),
        ("debug", "level=debug"),
        ("http:debug", "paths=http:debug"),
        ("http:debug,rbac:trace", "paths=http:debug,rbac:trace"),
    ],
)
def test_one_level_for_all_or_one_each(wanted: str, asked: str) -> None:
    assert query(wanted) == asked


@pytest.mark.parametrize(
    "wanted", ["loud", "http:loud", "http:", ":debug", "a b:debug", "http:debug,", "x&y=z:info"]
)
def test_anything_else_is_refused(wanted: str) -> None:
    """So nothing else gets into the address."""
    with pytest.raises(ValueError, match=r"level|LOGGER"):
        query(wanted)


def test_the_answer_has_a_line_for_each_logger() -> None:
    assert levels("active loggers:\n  admin: info\n  http2: off\n\n") == {
        "admin": "info",
        "http2": "off",
    }
    assert levels("invalid path or level") == {}
