import copy
import pickle

import pytest

from crds.fields import EMPTY, FrozenMap


def test_equal_maps_have_one_hash_in_any_order() -> None:
    assert hash(FrozenMap({"a": 1, "b": 2})) == hash(FrozenMap({"b": 2, "a": 1}))
    assert FrozenMap({"a": 1}) == {"a": 1}
    assert not EMPTY


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.__setitem__("a", 2),
        lambda m: m.__delitem__("a"),
        lambda m: m.update(a=2),
        lambda m: m.setdefault("b", 2),
        lambda m: m.pop("a"),
        lambda m: m.popitem(),
        lambda m: m.clear(),
        lambda m: m.__ior__({"b": 2}),
    ],
)
def test_a_map_cannot_change(change: object) -> None:
    given = FrozenMap({"a": 1})
    with pytest.raises(TypeError, match="cannot change"):
        change(given)  # type: ignore[operator]  # a function
    assert given == {"a": 1}


def test_a_map_can_be_copied() -> None:
    given = FrozenMap({"a": 1})
    assert copy.deepcopy(given) == pickle.loads(pickle.dumps(given)) == given
