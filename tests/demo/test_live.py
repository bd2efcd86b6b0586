"""The live demo's state: what reports and edits make of it."""

import asyncio
import os
from pathlib import Path

import pytest

from heddle.demo import folder as files
from heddle.demo.live import WINDOW, LiveDemo, watch_edits
from heddle.demo.load_report import Counts, Report
from heddle.demo.summary import line
from heddle.demo.view import Edit
from tests.demo.fake_mesh import FakeMesh


class Clock:
    """Seconds that move when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path, repo_root: Path) -> Path:
    files.copy(repo_root / "examples/shop", tmp_path)
    return tmp_path


def demo(folder: Path, clock: Clock) -> tuple[LiveDemo, FakeMesh]:
    mesh = FakeMesh(folder=folder)
    live = LiveDemo(mesh, folder, clock=clock, wall_clock=clock)
    live.read()
    return live, mesh


def said(requests: int, v2: int, phase: str = "live") -> Report:
    counts = Counts(
        requests=requests,
        testers=1,
        codes={"200": requests},
        versions={("reviews", "v1"): requests - v2, ("reviews", "v2"): v2},
        tester_versions={("reviews", "v2"): 1},
    )
    return Report(sequence=1, time=0, phase=phase, done=False, counts=counts)


def test_shows_the_observed_beside_the_configured_split(folder: Path) -> None:
    live, _ = demo(folder, Clock())
    live.heard(said(80, 10))
    live.heard(said(20, 2))
    live.heard(said(1000, 1000, phase="warm-up 1"))
    state = live.state()
    rows = [(row.version, row.configured, row.observed) for row in state.versions]
    assert rows == [("v1", 90.0, 88.0), ("v2", 10.0, 12.0)]
    assert state.testers is not None
    assert (state.testers.matched, state.testers.requests) == (2, 2)
    assert (state.requests, state.failed) == (100, 0)
    assert "reviews/canary.yaml" in state.hint


def test_the_split_is_that_of_the_last_seconds_and_the_total_that_of_all(folder: Path) -> None:
    clock = Clock()
    live, _ = demo(folder, clock)
    live.heard(said(100, 100))
    clock.now += WINDOW + 1
    live.heard(said(100, 0))
    state = live.state()
    assert (state.versions[0].observed, state.requests) == (100.0, 200)
    assert state.rate == 100 / WINDOW


def test_new_weights_start_the_split_again(folder: Path) -> None:
    live, mesh = demo(folder, Clock())
    live.heard(said(100, 10))
    canary = folder / "reviews/canary.yaml"
    canary.write_text(canary.read_text().replace("90", "50").replace("10", "50"))
    mesh.generation += 1
    assert not live.read()
    (v1, v2) = live.state().versions
    assert (v1.configured, v1.requests, v2.configured) == (50.0, 0, 50.0)


def test_a_change_of_the_testers_rule_changes_the_load(folder: Path) -> None:
    live, mesh = demo(folder, Clock())
    assert live.command().tester == "x-tester: true"
    canary = folder / "reviews/canary.yaml"
    canary.write_text(canary.read_text().replace("x-tester", "x-friend"))
    mesh.generation += 1
    assert live.read()
    assert live.command().tester == "x-friend: true"


def test_an_edit_is_timed_from_the_files_own_time_to_the_acknowledgement(folder: Path) -> None:
    clock = Clock()
    live, _ = demo(folder, clock)
    for path in folder.rglob("*.yaml"):
        os.utime(path, (1.0, 1.0))
    os.utime(folder / "namespace.yaml", (999.5, 999.5))
    live.edited(acknowledged=999.75)
    assert live.state().last_edit == Edit(file="namespace.yaml", milliseconds=250.0)


def test_a_change_long_after_the_last_edit_is_none(folder: Path) -> None:
    live, _ = demo(folder, Clock())
    for path in folder.rglob("*.yaml"):
        os.utime(path, (1.0, 1.0))
    live.edited(acknowledged=1000.0)
    assert live.state().last_edit is None


class TwoEdits(FakeMesh):
    """Acknowledges what it starts with and two edits; then nothing more happens."""

    async def settled(self, after: int) -> float:
        if after == 3:
            await asyncio.Event().wait()
        self.generation = max(self.generation, after + 1)
        return float(self.generation)


async def test_each_acknowledged_edit_is_told_once(folder: Path) -> None:
    told: list[float] = []
    twice = asyncio.Event()

    def tell(at: float) -> None:
        told.append(at)
        if len(told) == 2:
            twice.set()

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch_edits(TwoEdits(folder=folder), tell))
        await twice.wait()
        watching.cancel()
    assert told == [2.0, 3.0]


def test_a_line_for_where_there_is_no_terminal(folder: Path) -> None:
    live, _ = demo(folder, Clock())
    live.heard(said(100, 12))
    assert line(live.state()) == (
        "100 requests, 0 failed; reviews v1 88.0 % of 90.0 %; reviews v2 12.0 % of 10.0 %; "
        "1 of 1 proxies synced; open http://127.0.0.1:8080"
    )
