"""Golden files: nothing stale, and the helper itself tells apart equal, different and missing."""

from pathlib import Path

import pytest

from tests.goldens import ROOT, Golden, out_path, stale_outs


def test_every_expected_output_has_an_input(golden: Golden) -> None:
    """`--golden=write` deletes the leftovers of a removed or renamed case."""
    stale = stale_outs()
    if golden.write:
        for path in stale:
            path.unlink()
        return
    assert [str(path.relative_to(ROOT)) for path in stale] == []


def test_an_output_without_input_is_stale(tmp_path: Path) -> None:
    (tmp_path / "kept.in.yaml").touch()
    (tmp_path / "kept.out.yaml").touch()
    (tmp_path / "left.out.yaml").touch()
    assert stale_outs(tmp_path) == [tmp_path / "left.out.yaml"]


def test_writing_then_checking_agrees(tmp_path: Path) -> None:
    case = tmp_path / "a.in.yaml"
    Golden(write=True)(case, "x: 1\n")
    Golden(write=False)(case, "x: 1\n")
    assert out_path(case).read_text() == "x: 1\n"


def test_a_difference_is_shown_as_a_diff(tmp_path: Path) -> None:
    case = tmp_path / "a.in.yaml"
    Golden(write=True)(case, "x: 1\n")
    with pytest.raises(pytest.fail.Exception, match=r"-x: 1\n\+x: 2"):
        Golden(write=False)(case, "x: 2\n")


def test_a_missing_output_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="--golden=write"):
        Golden(write=False)(tmp_path / "a.in.yaml", "x: 1\n")
