"""What is said of what is in the way."""

from structlog.testing import capture_logs

from heddle.trouble import Trouble


def said(*reasons: str, over: str = "it works again") -> list[tuple[str, object]]:
    with capture_logs() as lines:
        trouble = Trouble("it does not work", over, lease="a")
        for reason in reasons:
            trouble.now(reason)
            assert trouble.reason == reason
    assert all(each["lease"] == "a" for each in lines)
    return [(str(each["log_level"]), each.get("reason")) for each in lines]


def test_a_trouble_is_said_once() -> None:
    assert said("x", "x", "x") == [("error", "x")]
    assert said("x", "y") == [("error", "x"), ("error", "y")]


def test_its_end_is_said_once_if_there_are_words_for_it() -> None:
    assert said("", "x", "", "") == [("error", "x"), ("info", None)]
    assert said("x", "", "x", over="") == [("error", "x"), ("error", "x")]


def test_what_it_is_about_may_differ_each_time() -> None:
    with capture_logs() as lines:
        Trouble("not written").now("x", object="shop/reviews")
    assert lines[0]["object"] == "shop/reviews"
