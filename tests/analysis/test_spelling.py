"""Did you mean: only what is like it, and always the same."""

import pytest

from analysis.spelling import closest, did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("reviws", ["ratings", "reviews"], "reviews"),
        ("v11", ["v1", "v2"], "v1"),
        ("canary", ["v1", "v2"], None),
        ("", ["v1"], None),
        ("", [""], None),
        ("x", [], None),
        ("va", ["vb", "vc"], None),
        ("v-a", ["v-c", "v-b"], "v-c"),
    ],
)
def test_closest(name: str, known: list[str], meant: str | None) -> None:
    assert closest(name, known, cutoff=0.6) == meant
    assert closest(name, reversed(known), cutoff=0.6) == meant


def test_a_remedy() -> None:
    assert did_you_mean("reviws", ["reviews"]) == "Did you mean reviews?"
    assert did_you_mean("reviws", [], otherwise="Add it.") == "Add it."
