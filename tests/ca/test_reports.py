"""What replicas say counts for as long as they live."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ca.report_files import Reporter, forget, reports
from ca.reports import Issued, Lack, Report, Said, waiting

STATE = "state"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


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
    assert waiting(said, STATE, NOW).pods == {"b": "is not connected", "c": "is not connected"}
    assert waiting(said, STATE, NOW).replicas == {}


@pytest.mark.parametrize("text", [None, "", "[]", '{"state": "state"}', '{"lacking": []}'])
def test_a_replica_that_has_said_nothing_sound_is_waited_for(
    tmp_path: Path, text: str | None
) -> None:
    with Reporter(tmp_path, "one"):
        if text is not None:
            (tmp_path / "replicas" / "one.json").write_text(text)
        found = reports(tmp_path)
    assert waiting(found, STATE, NOW).replicas == {"one": "it has not said anything yet"}


def test_nobody_follows_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert reports(tmp_path / "nowhere") == Said(living=[], dead=[])


def test_who_serves_something_else_is_waited_for() -> None:
    said = [report("one"), Report(replica="two", state="older")]
    assert waiting(Said(living=said), STATE, NOW).replicas == {"two": "does not serve it yet"}


def test_a_pod_that_one_replica_misses_may_be_connected_to_another() -> None:
    said = [report("one", pod=Lack.AWAY), report("two", taken=("pod",))]
    assert waiting(Said(living=said), STATE, NOW).pods == {}
    assert waiting(Said(living=said[:1]), STATE, NOW).pods == {"pod": "is not connected"}


def test_a_pod_has_to_acknowledge_on_each_of_its_streams() -> None:
    said = [report("one", pod=Lack.UNTAKEN), report("two", taken=("pod",))]
    assert waiting(Said(living=said), STATE, NOW).pods == {"pod": "has not acknowledged it"}


def issued(state: str, *, at: int = 0, until: int = 60) -> Issued:
    return Issued(state=state, at=NOW + timedelta(minutes=at), until=NOW + timedelta(minutes=until))


def test_who_keeps_his_own_key_is_waited_for_until_he_has_asked_again() -> None:
    before, after = {"shop/a": issued("older")}, {"shop/a": issued(STATE, at=5)}
    one, two = (
        Report(replica=name, state=STATE, issued=each)
        for name, each in (("one", before), ("two", after))
    )
    assert waiting(Said(living=[one]), STATE, NOW).pods == {
        "shop/a": "keeps its own key, with a certificate of before until 2030-01-01 01:00:00 UTC"
    }
    assert waiting(Said(living=[], dead=[one]), STATE, NOW).pods.keys() == {"shop/a"}
    assert waiting(Said(living=[one, two]), STATE, NOW).pods == {}


def test_a_certificate_that_has_ended_is_not_waited_for() -> None:
    said = Said(living=[Report(replica="one", state=STATE, issued={"shop/a": issued("older")})])
    assert waiting(said, STATE, NOW + timedelta(minutes=60)).pods == {}


def test_what_was_issued_is_read_as_it_was_said(tmp_path: Path) -> None:
    said = Report(replica="one", state=STATE, issued={"shop/a": issued(STATE)})
    with Reporter(tmp_path, "one") as reporter:
        reporter.say(said)
        assert reports(tmp_path).living == [said]
    with Reporter(tmp_path, "one") as again:
        assert again.former == said
