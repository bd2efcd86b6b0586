"""The question and the answer, as bytes."""

import json

import pytest

from crds.problem import Problem, Severity, warning
from tests.webhook.reviews import asked, question, said
from webhook.errors import BadReview
from webhook.json_patch import Operation
from webhook.review import MAX_ERRORS, MAX_WARNINGS, Answer, answer, response, review

ERROR = Problem(
    code="bad-weight",
    severity=Severity.ERROR,
    message="give weights that add up to 100",
    path="spec.http[0].route",
    value="90",
)


def test_a_question_is_read_with_its_names_and_both_objects() -> None:
    new: dict[str, object] = {"spec": {"a": 1}}
    old: dict[str, object] = {"spec": {}}
    found = asked("g/K", new, old=old, operation="UPDATE", name="n", subResource="status")
    assert (found.group, found.kind, found.operation) == ("g", "K", "UPDATE")
    assert (found.namespace, found.name, found.subresource) == ("shop", "n", "status")
    assert (found.new, found.old, found.dry_run) == (new, old, False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"a": NaN}', "no JSON"),
        (b"[" * 100_000, "nested"),
        (b"[" * 200 + b"]" * 200, "nested more than 100 levels"),
        (b"[" + b"1," * 250_000 + b"1]", "may hold 200000 values"),
        (b"[]", "no JSON object"),
        (b"{}", "no AdmissionReview"),
        (
            json.dumps({**question(), "apiVersion": "admission.k8s.io/v1beta1"}).encode(),
            "no AdmissionReview of admission.k8s.io/v1",
        ),
        (json.dumps({**question(), "request": 1}).encode(), "request.uid"),
        (json.dumps({**question(), "request": {"uid": "u" * 300}}).encode(), "request.uid"),
        (json.dumps(question(new=[])).encode(), "request.object"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_review_is_said_to_be_none(body: bytes, words: str) -> None:
    with pytest.raises(BadReview, match=words):
        review(body)


def test_an_answer_repeats_the_uid_and_carries_the_patch() -> None:
    patch: list[Operation] = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
    found = said(response(asked(), answer("injected", (), patch)))
    assert found == {
        "uid": asked().uid,
        "allowed": True,
        "patchType": "JSONPatch",
        "patch": patch,
    }


def test_nothing_to_change_is_no_patch() -> None:
    assert said(response(asked(), answer("skipped", ()))) == {"uid": asked().uid, "allowed": True}


def test_an_error_refuses_and_says_field_value_and_way_out() -> None:
    patch: list[Operation] = [{"op": "remove", "path": "/spec"}]
    found = said(response(asked(), answer("injected", [ERROR], patch)))
    assert found["allowed"] is False
    assert "patch" not in found
    assert found["status"] == {
        "code": 422,
        "reason": "Invalid",
        "message": "spec.http[0].route: give weights that add up to 100 (got '90') [bad-weight]",
    }


def test_warnings_are_few_and_short_enough_for_the_api_server() -> None:
    many = [warning("w", f"spec.a[{n}]", "x" * 500) for n in range(100)]
    shown = said(response(asked(), answer("allowed", many)))["warnings"]
    assert isinstance(shown, list)
    assert len(shown) == MAX_WARNINGS
    assert sum(map(len, shown)) <= 4096
    assert all(len(line) <= 256 for line in shown)
    assert shown[-1] == f"and {100 - MAX_WARNINGS + 1} more: see `heddle analyze`"


def test_errors_are_few() -> None:
    found = said(response(asked(), Answer(outcome="refused", errors=(ERROR,) * 20)))
    status = found["status"]
    assert isinstance(status, dict)
    lines = status["message"].splitlines()
    assert (len(lines), lines[-1].startswith("and 13 more")) == (MAX_ERRORS, True)


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    found = said(response(asked(), answer("a", [warning("w", "p\x1b[2J", "m", "\x07\ud800")])))
    assert found["warnings"] == ["p\\x1b[2J: m (got '\\x07\\\\ud800') [w]"]
