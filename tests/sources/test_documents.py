import pytest

from sources.documents import read_json, read_yaml, split
from tests.sources.objects import key, service


def test_documents_are_numbered_and_know_their_lines() -> None:
    text = "# head\n---\n# c\na: 1\n---\n\n---  # x\nb: |\n  ---x\n--- {c: 1}\n"
    found = [(d.number, d.line, d.first_line) for d in split(text)]
    assert found == [(1, 2, 4), (2, 7, 8), (3, 10, 10)]


def test_a_file_of_comments_has_no_documents() -> None:
    assert list(split("# nothing\n---\n%YAML 1.1\n---\n  # here\n")) == []


def test_windows_line_ends_split_too() -> None:
    assert [d.first_line for d in split("a: 1\r\n---\r\nb: 2\r\n")] == [1, 3]


def test_a_list_is_unpacked_and_a_bad_item_is_named() -> None:
    items = f"{service('a')}---\n"
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Service, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: List, items: "
        "[{apiVersion: v1, kind: Service, metadata: {name: b}}, 3]}\n"
    )
    read = read_yaml(text)
    assert items
    assert [found for found, _ in read.objects] == [key("a"), key("b")]
    assert [u.problem.path for u in read.unread] == ["items[1].items[1]"]


def test_items_of_a_list_of_one_kind_need_not_say_it() -> None:
    """As the API server lists them."""
    text = (
        "apiVersion: v1\nkind: ServiceList\nitems:\n"
        "- {metadata: {name: a}}\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n- 3\n"
    )
    read = read_yaml(text)
    assert [found for found, _ in read.objects] == [key("a"), key("b")]
    assert read.objects[0][1]["kind"] == "Service"
    assert [u.problem.path for u in read.unread] == ["items[2]"]


def test_who_gives_a_template_hears_of_it() -> None:
    (unread,) = read_yaml("metadata:\n  name: {{ .Values.name }}\n").unread
    assert unread.line == 1
    assert "helm template" in unread.problem.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "bad-json"),
        ('{"a": 1, "a": 2}', "duplicate-key"),
        ("[" * 100_000, "bad-json"),
        ("9" * 10_000, "bad-json"),
        ("[" * 200 + "]" * 200, "too-deep"),
        ("[" + "1," * 250_000 + "1]", "too-many-values"),
        (" " * 1_100_000, "too-large"),
        ("[]", "wrong-type"),
        ('{"kind": "Service"}', "no-type"),
    ],
    ids=lambda value: value[:20],
)
def test_bad_json_is_a_problem(text: str, code: str) -> None:
    read = read_json(text)
    assert [unread.problem.code for unread in read.unread] == [code]
    assert read.broken


def test_json_gives_objects() -> None:
    text = '\t{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}'
    assert [found for found, _ in read_json(text).objects] == [key("a")]
    assert read_json("") == read_yaml("")
