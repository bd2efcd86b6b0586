import pytest

from heddle.page.ages import age


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1.0, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60.0, "1 min"),
        (3599.0, "59 min"),
        (3600.0, "1 h"),
        (86399.0, "23 h"),
        (9 * 86400.0, "9 d"),
    ],
)
def test_an_age_is_told_in_the_largest_whole_unit(seconds: float, said: str) -> None:
    assert age(seconds) == said
