"""Whatever the API server sends, there is an answer or a `BadReview`, never anything else; and what
is answered can be sent. `make fuzz` tries a hundred times as much.
"""

import copy
import json

import yaml
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from crds.problem import Severity
from crds.unsupported import ISTIO_KINDS
from mesh.proxy import Mode
from tests.goldens import cases
from tests.strategies import examples
from tests.webhook.patches import applied
from tests.webhook.pods import MESH, pod, settings
from tests.webhook.reviews import question, said
from webhook import raw
from webhook.admit import admit_pod
from webhook.errors import BadReview
from webhook.inject import inject
from webhook.review import MAX_WARNINGS, response, review
from webhook.server import parameters
from webhook.templates import with_sidecars
from webhook.validate import admit_object
from webhook.values import injection_values, with_values

TEXT = st.one_of(
    st.sampled_from(["", "a", "true", "8080", "*", "$(POD_IP)", "$$", "\x00", "\ud800", "/", "~1"]),
    st.text(max_size=20),
)
LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)
PODS = [list(yaml.safe_load_all(case.read_text()))[2] for case in cases("inject")]
KINDS = sorted(f"{group}/{kind}" for group, kind in ISTIO_KINDS)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Where something is in a value."""
    found = [path] if path else []
    items: list[tuple[object, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [*found, *(place for key, each in items for place in places(each, (*path, key)))]


@st.composite
def disturbed(draw: st.DrawFn, given_: list[object]) -> object:
    """One of some values, with some of its parts replaced by anything or taken out."""
    value = copy.deepcopy(draw(st.sampled_from(given_)))
    for _ in range(draw(st.integers(0, 3))):
        *above, last = draw(st.sampled_from(places(value)))
        at = value
        for key in above:
            at = at[key]  # type: ignore[index]  # JSON
        if draw(st.booleans()):
            at[last] = draw(JSON)  # type: ignore[index]  # JSON
        else:
            del at[last]  # type: ignore[attr-defined]  # JSON
    return value


def answered(body: bytes) -> None:
    """Both judges, whatever the question."""
    try:
        asked = review(body)
    except BadReview:
        return
    for judge in (admit_object, lambda each: admit_pod(each, settings())):
        found = said(response(asked, judge(asked)))
        assert found["uid"] == asked.uid
        warnings = found.get("warnings", [])
        assert isinstance(warnings, list)
        assert len(warnings) <= MAX_WARNINGS
        assert all(text.isprintable() for text in warnings)
        assert found["allowed"] is True or ("status" in found and "patch" not in found)


@given(st.binary(max_size=200))
@trying(max_examples=examples(100), deadline=None)
def test_any_bytes(body: bytes) -> None:
    answered(body)


@given(disturbed([question(new=pod(), old=pod())]))
@trying(max_examples=examples(100), deadline=None)
def test_any_review(value: object) -> None:
    answered(json.dumps(value).encode())


@given(disturbed(PODS), st.sampled_from(Mode), st.booleans())
@trying(max_examples=examples(200), deadline=None)
def test_any_pod(value: object, mode: Mode, native: bool) -> None:
    """What is patched is what is injected, and injected once it stays as it is."""
    if not isinstance(value, dict):
        return
    asked = review(json.dumps(question(new=value)).encode())
    chosen = settings(mode=mode, native_sidecar=native)
    first = admit_pod(asked, chosen)
    if not first.allowed or first.outcome == "skipped":
        assert list(first.patch) == []
        return
    once = applied(asked.new, json.loads(json.dumps(first.patch, default=dict)))
    again = admit_pod(review(json.dumps(question(new=once)).encode()), chosen)  # type: ignore[arg-type]  # JSON
    assert (again.outcome, list(again.patch)) == ("skipped", [])


@given(st.sampled_from(KINDS), JSON, JSON)
@trying(max_examples=examples(200), deadline=None)
def test_any_mesh_object(kind: str, spec: object, metadata: object) -> None:
    group, _, name = kind.partition("/")
    item = {"apiVersion": f"{group}/v1", "kind": name, "metadata": metadata, "spec": spec}
    answered(json.dumps(question(kind, item)).encode())


@given(JSON)
@trying(max_examples=examples(100), deadline=None)
def test_any_settings(value: object) -> None:
    """Those without an error can be used."""
    for given_ in (value, {"global": {"proxy": value}}):
        values, problems = injection_values(raw.mapping(given_))
        if all(problem.severity is Severity.WARNING for problem in problems):
            assert inject(pod(), MESH, with_values(settings(), values)).problems == ()


@given(disturbed([{"apiVersion": "v1", "kind": "List", "items": PODS}]), TEXT)
@trying(max_examples=examples(50), deadline=None)
def test_any_file_and_path(value: object, path: str) -> None:
    if isinstance(value, dict):
        with_sidecars(value, "shop", settings())
    parameters(path)
