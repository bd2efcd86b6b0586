import pytest

from crds.meta import Key, Origin
from crds.problem import error, printable, shown, warning


def test_a_problem_reads_as_one_line() -> None:
    problem = error("bad", "spec.host", "must be better", "x").at(Origin("a.yaml", 2, 7))
    assert str(problem) == "error[bad] a.yaml:7 (document 2): spec.host: must be better (got 'x')"
    assert problem.at(Origin("b.yaml")) is problem
    assert problem.at(None) is problem
    assert str(warning("odd", "", "is odd")) == "warning[odd] is odd"


def test_a_problem_of_a_whole_file_names_no_line() -> None:
    problem = warning("odd", "", "is odd").at(Origin("a.yaml"))
    assert str(problem) == "warning[odd] a.yaml: is odd"


HOSTILE = "\x1b]0;mine\x07\x9b31m\u202e\nerror[fake]\udcff"


def test_a_problem_never_steers_the_terminal() -> None:
    """Names of files and of fields are the user's, and `validate` may be run on anybody's YAML."""
    text = str(error(HOSTILE, HOSTILE, HOSTILE, HOSTILE).at(Origin(HOSTILE, 1, 1)))
    assert text.isprintable()
    assert "\\x1b]0;mine\\x07\\x9b31m\\u202e\\nerror[fake]\\udcff" in text


def test_other_text_is_shown_as_it_is() -> None:
    assert printable("für [red] 日本 `x`") == "für [red] 日本 `x`"


def test_keys_read_with_and_without_a_namespace() -> None:
    assert str(Key("", "Node", "", "n")) == "Node n"
    assert str(Key("", "Pod", "shop", "p")) == "Pod shop/p"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (False, "false"),
        ("x", "x"),
        (3, "3"),
        (2.5, "2.5"),
        (1 << 200, "a number of 201 bits"),
        ({}, "{}"),
        ({"a": 1}, "an object with 1 fields"),
        ([], "[]"),
        ((1, 2), "a list of 2"),
        (object(), "a object"),
        ("\ud800", "\\ud800"),
        ("x" * 500, "x" * 117 + "..."),
    ],
)
def test_any_value_is_shown_in_a_few_characters(value: object, text: str | None) -> None:
    assert shown(value) == text
