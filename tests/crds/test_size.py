"""What is too large to be walked over."""

import pytest

from crds.size import MAX_DEPTH, MAX_VALUES, TOO_DEEP, TOO_MANY, excess


def deep(levels: int) -> object:
    value: object = "a"
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


@pytest.mark.parametrize("value", [None, 1, {}, [], deep(MAX_DEPTH), [1] * (MAX_VALUES - 1)])
def test_what_fits_is_no_excess(value: object) -> None:
    assert excess(value) is None


@pytest.mark.parametrize(
    ("value", "code"),
    [(deep(MAX_DEPTH + 1), TOO_DEEP), (deep(5_000), TOO_DEEP), ([1] * MAX_VALUES, TOO_MANY)],
    ids=["a level too many", "many levels", "a value too many"],
)
def test_what_does_not_fit_is_told(value: object, code: str) -> None:
    found = excess(value)
    assert found is not None
    assert found[0] == code
