"""What replicas say counts for as long as they live."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from ca.reports import Lack, Report, Reporter, Said, forget, reports, waiting

STATE = "state"


def report(name: str, *, taken: tuple[str, ...] = (), **lacking: Lack) -> Report:
    return Report(replica=name, state=STATE, taken=taken, lacking=lacking)


def test_what_is_said_is_read_and_stays_after_the_replica_has_ended(tmp_path: Path) -> None:
    said = report("one", taken=("shop/a",), pod=Lack.AWAY)
    with Reporter(tmp_path, "one") as reporter:
        reporter.say(said)
        assert reports(tmp_path) == Said(living=[said], dead=[])
    assert reports(tmp_path) == Said(living=[], dead=[said])
    forget(tmp_path, [said])
    assert reports(tmp_path) == Said(living=[], dead=[])
    assert list((tmp_path / "replicas").iterdir()) == []


def _dies(folder: str) -> None:
    reporter = Reporter(Path(folder), "dead")
    reporter.say(report("dead", taken=("shop/a",)))
    os.kill(os.getpid(), signal.SIGKILL)


def test_however_a_replica_ends_it_is_known(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_dies, args=(str(tmp_path),))
    process.start()
    process.join()
    said = reports(tmp_path)
    assert (said.living, [each.replica for each in said.dead]) == ([], ["dead"])


def test_the_pods_of_a_replica_that_has_ended_are_waited_for_until_another_has_them() -> None:
    dead = report("dead", taken=("a", "b"), c=Lack.UNTAKEN)
    said = Said(living=[report("one", taken=("a",))], dead=[dead])
    assert waiting(said, STATE).pods == {"b": "is not connected", "c": "is not connected"}
    assert waiting(said, STATE).replicas == {}


@pytest.mark.parametrize("text", [None, "", "[]", '{"state": "state"}', '{"lacking": []}'])
def test_a_replica_that_has_said_nothing_sound_is_waited_for(
    tmp_path: Path, text: str | None
) -> None:
    with Reporter(tmp_path, "one"):
        if text is not None:
            (tmp_path / "replicas" / "one.json").write_text(text)
        found = reports(tmp_path)
    assert waiting(found, STATE).replicas == {"one": "it has not said anything yet"}


def test_nobody_follows_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert reports(tmp_path / "nowhere") == Said(living=[], dead=[])


def test_who_serves_something_else_is_waited_for() -> None:
    said = [report("one"), Report(replica="two", state="older")]
    assert waiting(Said(living=said), STATE).replicas == {"two": "does not serve it yet"}


def test_a_pod_that_one_replica_misses_may_be_connected_to_another() -> None:
    said = [report("one", pod=Lack.AWAY), report("two", taken=("pod",))]
    assert waiting(Said(living=said), STATE).pods == {}
    assert waiting(Said(living=said[:1]), STATE).pods == {"pod": "is not connected"}


def test_a_pod_has_to_acknowledge_on_each_of_its_streams() -> None:
    said = [report("one", pod=Lack.UNTAKEN), report("two", taken=("pod",))]
    assert waiting(Said(living=said), STATE).pods == {"pod": "has not acknowledged it"}
