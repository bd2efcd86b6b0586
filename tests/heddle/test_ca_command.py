"""`heddle ca`: it does what it says, never shows a key, and says why it does not do more."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ca.authority import new_intermediate, new_root, renewed
from ca.files import files_of
from ca.report_files import Reporter
from ca.reports import Lack, Report
from ca.rotation import Phase, Rotation
from ca.storage import load
from heddle.local.folders import write_volume
from heddle.main import app
from heddle.serve import utc_now

DOMAIN = "cluster.local"


def heddle(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["ca", *arguments])
    assert "PRIVATE KEY" not in result.output
    return result


def state(folder: Path) -> Rotation:
    found = load(folder, utc_now())
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert heddle("init", "--ca-folder", str(tmp_path / "ca")).exit_code == 0
    return tmp_path / "ca"


def authority(folder: Path) -> Path:
    """The folder of another authority, as a company's would be."""
    made = new_intermediate(new_root(utc_now(), "corp"), utc_now(), "corp")
    write_volume(folder / "corp", files_of(Rotation(current=made)))
    return folder / "corp"


class Replica:
    """One that has read the folder and says what it is told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reporter = Reporter(folder, "one")

    def serves(self, **lacking: Lack) -> None:
        name = state(self._folder).name
        self._reporter.say(Report(replica="one", state=name, taken=("shop/a",), lacking=lacking))

    def __enter__(self) -> "Replica":
        self.serves()
        return self

    def __exit__(self, *_: object) -> None:
        self._reporter.close()


def test_an_authority_is_made_and_shown(folder: Path) -> None:
    shown = heddle("status", "--ca-folder", str(folder))
    assert shown.exit_code == 0
    assert "stable" in shown.output
    assert "O=cluster.local" in shown.output
    assert "none follows this authority" in shown.output


def test_it_is_not_made_over_another(folder: Path) -> None:
    before = state(folder)
    again = heddle("init", "--ca-folder", str(folder))
    assert again.exit_code == 2
    assert "there is an authority already: rotate it" in again.output
    assert state(folder) == before


def test_one_can_be_brought_along(tmp_path: Path) -> None:
    corp = authority(tmp_path)
    result = heddle("init", "--ca-folder", str(tmp_path / "ca"), "--from", str(corp))
    assert result.exit_code == 0, result.output
    assert state(tmp_path / "ca").current == state(corp).current


@pytest.mark.parametrize("command", ["status", "rotate", "rollback"])
def test_where_there_is_none_the_way_out_is_named(tmp_path: Path, command: str) -> None:
    result = heddle(command, "--ca-folder", str(tmp_path))
    assert result.exit_code == 2
    assert "heddle ca init" in result.output


def test_a_mounted_authority_is_not_written_to(tmp_path: Path) -> None:
    result = heddle("rotate", "--ca-folder", str(authority(tmp_path)))
    assert result.exit_code == 2
    assert "docs/certificates.md" in result.output
    shown = heddle("status", "--ca-folder", str(tmp_path / "corp"))
    assert (shown.exit_code, "docs/certificates.md" in shown.output) == (0, True)


def test_a_rotation_takes_three_steps_and_each_waits_for_the_replicas(folder: Path) -> None:
    old = state(folder).current
    rotate = ("rotate", "--ca-folder", str(folder), "--pause", "0")
    with Replica(folder) as replica:
        assert "step 1 of 3" in heddle(*rotate).output
        late = heddle(*rotate)
        assert late.exit_code == 1
        assert "1 replicas do not serve this step yet: one: does not serve it yet" in late.output
        replica.serves()
        assert "step 2 of 3" in heddle(*rotate).output
        replica.serves()
        done = heddle(*rotate)
    assert (done.exit_code, state(folder).phase) == (0, Phase.STABLE)
    assert old.root not in state(folder).roots


@pytest.mark.parametrize("why", Lack)
def test_a_step_names_the_proxies_that_it_waits_for(folder: Path, why: Lack) -> None:
    rotate = ("rotate", "--ca-folder", str(folder))
    with Replica(folder) as replica:
        heddle(*rotate)
        replica.serves(**{"shop/web": why})
        refused = heddle(*rotate)
        assert refused.exit_code == 1
        assert f"1 proxy does not have this step yet: shop/web ({why})" in refused.output
        assert f"waiting   shop/web {why}" in heddle("status", "--ca-folder", str(folder)).output
        assert state(folder).phase is Phase.TRUSTING
        assert "step 2 of 3" in heddle(*rotate, "--force").output


def test_without_a_control_plane_nobody_knows_what_proxies_have(folder: Path) -> None:
    rotate = ("rotate", "--ca-folder", str(folder))
    heddle(*rotate)
    refused = heddle(*rotate)
    assert refused.exit_code == 1
    assert "no control plane follows this authority" in refused.output
    assert "step 2 of 3" in heddle(*rotate, "--force").output


def test_the_last_step_leaves_time_for_the_roots_to_arrive(folder: Path) -> None:
    rotate = ("rotate", "--ca-folder", str(folder), "--force")
    for _ in range(2):
        heddle(*rotate)
    refused = heddle(*rotate)
    assert refused.exit_code == 1
    assert "for the new root to reach the files of all pods" in refused.output
    assert heddle(*rotate, "--pause", "0").exit_code == 0


def test_all_steps_are_taken_back(folder: Path) -> None:
    before = state(folder)
    with Replica(folder) as replica:
        heddle("rotate", "--ca-folder", str(folder))
        replica.serves()
        heddle("rotate", "--ca-folder", str(folder))
        assert "taken back" in heddle("rollback", "--ca-folder", str(folder)).output
        assert heddle("rollback", "--ca-folder", str(folder)).exit_code == 1
        replica.serves()
        assert heddle("rollback", "--ca-folder", str(folder)).exit_code == 0
        assert state(folder).roots == before.roots
        nothing = heddle("rollback", "--ca-folder", str(folder))
    assert (nothing.exit_code, "nothing to take back" in nothing.output) == (1, True)


def test_a_wait_that_is_in_vain_ends(folder: Path) -> None:
    result = heddle("rotate", "--ca-folder", str(folder), "--wait", "--timeout", "0")
    assert result.exit_code == 1
    assert "step 1 of 3" in result.output
    assert "no control plane follows" in result.output


def test_an_intermediate_of_the_same_root_signs_at_once(folder: Path, tmp_path: Path) -> None:
    """Made elsewhere, where the root's key is; the key that is here stays."""
    found = load(folder, utc_now(), root_keys=True)
    assert found is not None
    newer = replace(renewed(found.current, utc_now()), root_signer=None)
    write_volume(tmp_path / "newer", files_of(Rotation(current=newer)))
    rotate = ("rotate", "--ca-folder", str(folder), "--from", str(tmp_path / "newer"))
    result = heddle(*rotate)
    assert (result.exit_code, state(folder).current) == (0, newer)
    assert (folder / "current" / "root-key.pem").exists()
    again = heddle(*rotate)
    assert (again.exit_code, "signs already" in again.output) == (1, True)


def test_programs_read_json(folder: Path) -> None:
    with Replica(folder) as replica:
        heddle("rotate", "--ca-folder", str(folder))
        replica.serves(**{"shop/web": Lack.AWAY})
        found = json.loads(heddle("status", "--ca-folder", str(folder), "-o", "json").output)
    assert found["phase"] == "trusting"
    assert len(found["roots"]) == 2
    assert found["replicas"] == [{"name": "one", "serves": True, "taken": 1, "problem": None}]
    assert found["waiting"] == {"shop/web": "is not connected"}
