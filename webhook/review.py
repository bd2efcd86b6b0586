"""The API server's question and our answer: AdmissionReview, admission.k8s.io/v1. Pure.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crds.problem import Problem, Severity, printable
from crds.size import excess
from webhook import raw
from webhook.errors import BadReview
from webhook.json_patch import Operation

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

MAX_WARNINGS = 12
MAX_WARNING_CHARS = 256
"""The API server cuts longer ones, and drops all of a request's after 4096 characters."""
MAX_ERRORS = 8
MAX_ERROR_CHARS = 600
_MAX_UID_CHARS = 256
_UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What is about to happen to which object. `namespace` and `name` are what the API server knows
    them to be: an object may say neither when it is created.
    """

    uid: str
    operation: str
    group: str
    kind: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    dry_run: bool = False
    new: Mapping[str, object] | None = None
    old: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Without `errors` the request goes on, with the object changed by `patch`. `outcome` is what
    became of it, in a word for the metrics.
    """

    outcome: str
    patch: Sequence[Operation] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the request goes on."""
        return not self.errors


def answer(outcome: str, problems: Iterable[Problem], patch: Sequence[Operation] = ()) -> Answer:
    """One error among the problems, and the request is refused."""
    found = tuple(problems)
    errors = tuple(each for each in found if each.severity is Severity.ERROR)
    return Answer(
        outcome="refused" if errors else outcome,
        patch=() if errors else patch,
        errors=errors,
        warnings=tuple(each for each in found if each.severity is Severity.WARNING),
    )


def review(body: bytes) -> Review:
    """Reads the question; raises `BadReview`, and nothing else, whatever the bytes are."""
    body_object = _parsed(body)
    if (body_object.get("apiVersion"), body_object.get("kind")) != (API_VERSION, KIND):
        raise BadReview(f"the body is no {KIND} of {API_VERSION}")
    request = raw.mapping(body_object.get("request"))
    uid = raw.text(request.get("uid"))
    if not 0 < len(uid) <= _MAX_UID_CHARS:
        raise BadReview("request.uid is missing")
    kind = raw.mapping(request.get("kind"))
    return Review(
        uid=uid,
        operation=raw.text(request.get("operation")),
        group=raw.text(kind.get("group")),
        kind=raw.text(kind.get("kind")),
        namespace=raw.text(request.get("namespace")),
        name=raw.text(request.get("name")),
        subresource=raw.text(request.get("subResource")),
        dry_run=request.get("dryRun") is True,
        new=_object(request, "object"),
        old=_object(request, "oldObject"),
    )


def _parsed(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as failure:
        raise BadReview("the body is no JSON, or is nested too deeply") from failure
    if too_much := excess(found):
        raise BadReview(f"the body {too_much[1]}")
    if not isinstance(found, dict):
        raise BadReview("the body is no JSON object")
    return found


def _refuse(constant: str) -> object:
    """`NaN` and `Infinity`, which Python takes for JSON."""
    raise ValueError(constant)


def _object(request: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    value = request.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadReview(f"request.{name} is no JSON object")
    return value


def response(asked: Review, given: Answer) -> bytes:
    """The answer to send. The same question and answer give the same bytes."""
    said: dict[str, object] = {"uid": asked.uid, "allowed": given.allowed}
    if given.errors:
        message = "\n".join(_lines(given.errors, MAX_ERRORS, MAX_ERROR_CHARS))
        said["status"] = {"code": _UNPROCESSABLE, "reason": "Invalid", "message": message}
    if given.patch:
        patch = json.dumps(given.patch, separators=(",", ":"), default=dict).encode()
        said |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode("ascii")}
    if given.warnings:
        said["warnings"] = _lines(given.warnings, MAX_WARNINGS, MAX_WARNING_CHARS)
    return json.dumps({"apiVersion": API_VERSION, "kind": KIND, "response": said}).encode()


def _lines(problems: Sequence[Problem], most: int, chars: int) -> list[str]:
    """One line for each; with too many of them, the last line says how many are left out."""
    shown = problems if len(problems) <= most else problems[: most - 1]
    lines = [_cut(_line(problem), chars) for problem in shown]
    if len(shown) < len(problems):
        lines.append(f"and {len(problems) - len(shown)} more: see `heddle analyze`")
    return lines


def _line(problem: Problem) -> str:
    """Severity and object are left out: kubectl says both."""
    where = f"{problem.path}: " if problem.path else ""
    value = f" (got {problem.value!r})" if problem.value is not None else ""
    return printable(f"{where}{problem.message}{value} [{problem.code}]")


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 3] + "..."
