import copy

from hypothesis import given
from hypothesis import strategies as st

from tests.webhook.patches import applied
from tests.webhook.pods import MESH, pod, settings
from webhook.inject import inject
from webhook.json_patch import diff

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "a/b", "~", "~1"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_the_patch_makes_the_new_value(old: object, new: object) -> None:
    result = applied(old, diff(old, new))
    assert diff(result, new) == []


@given(JSON)
def test_equal_values_need_no_patch(value: object) -> None:
    assert diff(value, copy.deepcopy(value)) == []


def test_true_is_not_one() -> None:
    assert diff({"a": 1}, {"a": True}) == [{"op": "replace", "path": "/a", "value": True}]


def test_an_injected_pod_is_reached_by_adding_only() -> None:
    original = pod(spec={"initContainers": [{"name": "migrate"}], "volumes": [{"name": "data"}]})
    injected = inject(original, MESH, settings()).pod
    patch = diff(original, injected)
    assert applied(original, patch) == injected
    assert {operation["op"] for operation in patch} == {"add"}
