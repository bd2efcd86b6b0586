import math

import pytest

from sources.yaml_values import MAX_CHARS, Fault, parse
from tests.security_rows import guards


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: b", {"a": "b"}),
        ("[1, -2, +3, 0x1f, 0b11, 010, 0o17, 1_000]", [1, -2, 3, 31, 3, 8, 15, 1000]),
        ("[1.5, 1e3, .5, 1., -2.5e-3]", [1.5, 1000.0, 0.5, 1.0, -0.0025]),
        ("[yes, off, y, N, true, False]", [True, False, True, False, True, False]),
        ("[~, null, ]", [None, None]),
        ('["1", \'true\', "null"]', ["1", "true", "null"]),
        (
            "[2024-01-01, 12:30:45, 1.2.3, 10.0.0.1, 1-2, -, +, .]",
            ["2024-01-01", "12:30:45", "1.2.3", "10.0.0.1", "1-2", "-", "+", "."],
        ),
        ("[.inf, -.inf]", [math.inf, -math.inf]),
        ("[!!str 1, !!int '2', !!str on, !!float 3, !!null '']", ["1", 2, "on", 3, None]),
        ("{1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: &x {b: 1}\nc: *x\nd: &y z\ne: *y", {"a": {"b": 1}, "c": {"b": 1}, "d": "z", "e": "z"}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("a: &x {b: 1}\nd: {<<: [*x, {e: 2}]}", {"a": {"b": 1}, "d": {"b": 1, "e": 2}}),
        ("[9223372036854775807]", [2**63 - 1]),
    ],
)
def test_a_document_is_read_as_kubernetes_reads_it(text: str, value: object) -> None:
    assert parse(text) == value


def test_a_number_with_thousands_of_digits_is_a_float_and_no_exception() -> None:
    assert parse("9" * 10_000) == math.inf


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: [1", "bad-yaml", 1),
        ("a: 1\nb: {c: 1,\n  c: 2}", "duplicate-key", 2),
        ("a: 1\n'a': 2", "duplicate-key", 1),
        ("<<: {a: 1}\n<<: {b: 1}", None, 0),
        ("a: *nothing", "bad-alias", 0),
        ("a: &x [*x]", "bad-alias", 0),
        ("a: !foo b", "bad-tag", 0),
        ("a: !foo {b: c}", "bad-tag", 0),
        ("a: !!binary aGk=", "bad-tag", 0),
        ("{[a]: b}", "bad-key", 0),
        ("{~: b}", "bad-key", 0),
        ("<<: 3", "bad-merge", 0),
        ("a: b\n...\nc: d", "bad-yaml", 2),
        ("a: \x07", "bad-yaml", 0),
        ("a: \ud800", "bad-yaml", 0),
        ("x" * (MAX_CHARS + 1), "too-large", 0),
        ("- " * 100_000 + "a", "too-deep", 0),
        ("[" * 5_000, "too-deep", 0),
        ("[" + "a," * 300_000 + "]", "too-many-values", 0),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_usable_document_is_a_fault_with_its_line(
    text: str, code: str | None, line: int
) -> None:
    if code is None:
        assert parse(text) == {"a": 1, "b": 1}
        return
    with pytest.raises(Fault) as caught:
        parse(text)
    assert (caught.value.code, caught.value.line) == (code, line)


@guards("C4")
def test_an_alias_bomb_is_refused() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(Fault) as caught:
        parse("\n".join(lines))
    assert caught.value.code == "too-many-values"
