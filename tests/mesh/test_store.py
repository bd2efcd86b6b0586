"""The store tells what changed, net, and keeps the identity of what did not."""

from crds.core import Namespace
from crds.meta import Key, Meta
from mesh.store import Change, Store


def key(name: str = "a") -> Key:
    return Key("", "Namespace", "", name)


def made(name: str = "a", **labels: str) -> Namespace:
    return Namespace(meta=Meta(name=name, labels=labels))


def test_an_object_comes_changes_and_goes() -> None:
    store = Store()
    store.put(key(), made())
    assert store.take() == (Change(key(), None, made()),)
    store.put(key(), made(x="1"))
    assert store.take() == (Change(key(), made(), made(x="1")),)
    store.delete(key())
    assert store.take() == (Change(key(), made(x="1"), None),)


def test_an_equal_object_is_no_change_and_the_old_one_stays() -> None:
    """Equal is silent all the way down, because unchanged things keep their identity."""
    store, first = Store(), made()
    store.put(key(), first)
    store.take()
    store.put(key(), made())
    assert store.take() == ()
    assert store.objects()[key()] is first


def test_what_came_and_went_between_two_takes_is_no_change() -> None:
    store = Store()
    store.put(key(), made())
    store.delete(key())
    assert store.take() == ()


def test_what_changed_there_and_back_is_no_change() -> None:
    store = Store()
    store.put(key(), made())
    store.take()
    store.put(key(), made(x="1"))
    store.put(key(), made())
    assert store.take() == ()


def test_a_change_is_told_once_from_the_last_take_to_now() -> None:
    store = Store()
    store.put(key(), made())
    store.put(key(), made(x="1"))
    assert store.take() == (Change(key(), None, made(x="1")),)
    assert store.take() == ()


def test_changes_are_ordered_by_key() -> None:
    store = Store()
    for name in ("b", "a", "c"):
        store.put(key(name), made(name))
    assert [change.key.name for change in store.take()] == ["a", "b", "c"]


def test_deleting_what_is_not_there_is_no_change() -> None:
    store = Store()
    store.delete(key())
    assert store.take() == ()


def test_what_is_handed_out_is_a_copy() -> None:
    store = Store()
    store.put(key(), made())
    before = store.objects()
    store.delete(key())
    assert before == {key(): made()}
    assert store.objects() == {}
