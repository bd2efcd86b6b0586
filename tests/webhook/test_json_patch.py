import copy

from hypothesis import given
from hypothesis import strategies as st

from tests.webhook.pods import MESH, pod, settings
from webhook.inject import inject
from webhook.json_patch import Operation, diff

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "a/b", "~", "~1"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def applied(document: object, patch: list[Operation]) -> object:
    """RFC 6902, as far as `diff` uses it."""
    root: dict[str, object] = {"": copy.deepcopy(document)}
    for operation in patch:
        tokens = str(operation["path"]).split("/")
        target: object = root
        names = [token.replace("~1", "/").replace("~0", "~") for token in tokens]
        for name in names[:-1]:
            target = target[int(name)] if isinstance(target, list) else target[name]  # type: ignore[index]  # JSON
        _apply(target, names[-1], operation)
    return root[""]


def _apply(target: object, name: str, operation: Operation) -> None:
    match operation["op"], target:
        case "add", list():
            target.insert(int(name), operation["value"])
        case "remove", list():
            del target[int(name)]
        case "replace", list():
            target[int(name)] = operation["value"]
        case "remove", dict():
            del target[name]
        case "add" | "replace", dict():
            assert (name in target) == (operation["op"] == "replace")
            target[name] = operation["value"]


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
