"""What replicas say counts for as long as they live."""

import multiprocessing
from pathlib import Path

import pytest

from ca.reports import Lack, Report, Reporter, reports, waiting

STATE = "state"


def report(name: str, *, taken: tuple[str, ...] = (), **lacking: Lack) -> Report:
    return Report(replica=name, state=STATE, taken=taken, lacking=lacking)


def test_what_is_said_is_read_until_the_replica_ends(tmp_path: Path) -> None:
    said = report("one", taken=("shop/a",), pod=Lack.AWAY)
    with Reporter(tmp_path, "one") as reporter:
        reporter.say(said)
        assert reports(tmp_path) == [said]
    assert reports(tmp_path) == []


def _dies(folder: str) -> None:
    reporter = Reporter(Path(folder), "dead")
    reporter.say(report("dead"))


def test_what_a_dead_replica_has_said_does_not_count(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_dies, args=(str(tmp_path),))
    process.start()
    process.join()
    assert list((tmp_path / "replicas").iterdir())
    assert reports(tmp_path) == []
    assert list((tmp_path / "replicas").iterdir()) == []


@pytest.mark.parametrize("text", [None, "", "[]", '{"replica": "one"}', '{"lacking": []}'])
def test_a_replica_that_has_said_nothing_sound_is_waited_for(
    tmp_path: Path, text: str | None
) -> None:
    with Reporter(tmp_path, "one"):
        if text is not None:
            (tmp_path / "replicas" / "one.json").write_text(text)
        (found,) = reports(tmp_path)
    assert waiting([found], STATE).replicas == {"one": "it has not said anything yet"}


def test_nobody_follows_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert reports(tmp_path / "nowhere") == []


def test_who_serves_something_else_is_waited_for() -> None:
    said = [report("one"), Report(replica="two", state="older")]
    assert waiting(said, STATE).replicas == {"two": "does not serve it yet"}


def test_a_pod_that_one_replica_misses_may_be_connected_to_another() -> None:
    said = [report("one", pod=Lack.AWAY), report("two", taken=("pod",))]
    assert waiting(said, STATE).pods == {}
    assert waiting(said[:1], STATE).pods == {"pod": "is not connected"}


def test_a_pod_has_to_acknowledge_on_each_of_its_streams() -> None:
    said = [report("one", pod=Lack.UNTAKEN), report("two", taken=("pod",))]
    assert waiting(said, STATE).pods == {"pod": "has not acknowledged it"}
