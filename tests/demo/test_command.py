"""`heddle demo` over a fake mesh: the bounded run, its verdict and how both forms end."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from crds.problem import error
from heddle.demo import folder as files
from heddle.demo.canary import canaries
from heddle.demo.command import DemoSettings, run
from heddle.demo.report import Evidence, reasons
from heddle.local.errors import LocalError
from tests.demo.fake_mesh import SYNCED, Faults, Opened


@pytest.fixture
def shop(repo_root: Path) -> Path:
    return repo_root / "examples/shop"


async def once(
    shop: Path, capsys: pytest.CaptureFixture[str], opened: Opened, *, edits: int = 3
) -> tuple[int, Mapping[str, object]]:
    settings = DemoSettings(folder=shop, once=True, json=True, requests=2000, edits=edits)
    code = await run(settings, opened)
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


async def test_a_right_mesh_is_ok_and_everything_is_told(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = await once(shop, capsys, Opened())
    assert (code, found["ok"], found["reasons"]) == (0, True, [])
    assert (found["mode"], found["mode_reason"]) == ("namespaces", "a test")
    assert found["split"] == {
        "reviews": {
            "v1": {"configured": 90.0, "observed": 90.0, "requests": 1800, "p_value": 1.0},
            "v2": {"configured": 10.0, "observed": 10.0, "requests": 200, "p_value": 1.0},
        }
    }
    after = found["split_after_edits"]
    assert isinstance(after, dict)
    assert after["reviews"]["v2"]["configured"] == 50.0
    assert found["testers"] is not None
    assert found["failed"] == 0
    assert isinstance(found["requests"], int)
    assert found["requests"] >= 4000
    assert isinstance(found["edits_ms"], list)
    assert len(found["edits_ms"]) == 3
    assert found["edit_to_ack_ms"] is not None
    assert found["test"] == "two-sided exact binomial, alpha 1e-6"


async def test_the_users_folder_is_not_edited(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, opened = files.texts(shop), Opened()
    await once(shop, capsys, opened)
    assert files.texts(shop) == before
    assert opened.folders != [shop]
    assert opened.closed == 1
    assert not opened.folders[0].exists()


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (Faults(split=(80, 20)), "reviews v1 got 80.0 % of the requests and should get 90.0 %"),
        (Faults(testers_to="v1"), "requests with `x-tester: true` did not get v2"),
        (Faults(failed=1), "1 of "),
        (Faults(never_acknowledges=True), "not every proxy acknowledged the edit of"),
        (Faults(load_dies=True), "the load generator ended"),
    ],
    ids=["split", "testers", "failed", "edit", "load"],
)
async def test_what_is_wrong_is_named_and_fails_the_run(
    faults: Faults, reason: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = await once(shop, capsys, Opened(faults))
    assert (code, found["ok"]) == (1, False)
    assert isinstance(found["reasons"], list)
    assert reason in found["reasons"][0]


async def test_failures_while_pods_start_are_told_apart(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = await once(shop, capsys, Opened(Faults(unclean_warm_ups=2)))
    assert (code, found["failed"]) == (0, 0)
    assert found["warm_up"] == {"requests": 60, "failed": 2}


async def test_a_folder_without_a_load_measures_the_edits_alone(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = await once(shop, capsys, Opened(load=False))
    assert (code, found["requests"], found["split"]) == (0, 0, {})
    assert isinstance(found["edits_ms"], list)
    assert len(found["edits_ms"]) == 3


async def test_a_folder_without_a_canary_is_not_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "namespace.yaml").write_text("kind: Namespace\n")
    code, found = await once(tmp_path, capsys, Opened(load=False))
    assert (code, found["edit_to_ack_ms"]) == (0, None)


async def test_without_json_the_verdict_is_a_table(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(DemoSettings(folder=shop, once=True, edits=1), Opened())
    assert "All as it should be." in capsys.readouterr().out


async def test_no_folder_is_an_error(tmp_path: Path) -> None:
    opened = Opened()
    assert await run(DemoSettings(folder=tmp_path / "none"), opened) == 2
    assert opened.closed == 0


async def test_ctrl_c_ends_the_live_demo_in_order(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = Opened()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(DemoSettings(folder=shop), opened))
        await opened.entered.wait()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert running.result() == 0
    assert opened.closed == 1


async def test_without_a_terminal_user_text_is_no_markup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`[/red]` closes nothing, and rich raises on it."""
    opened = Opened(load=False, problems=(error("odd", "", "is [/red]"),))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(DemoSettings(folder=tmp_path), opened))
        await opened.looked.wait()
        os.kill(os.getpid(), signal.SIGINT)
    assert running.result() == 0
    assert "is [/red]" in capsys.readouterr().out


async def test_a_part_of_the_mesh_that_breaks_ends_the_demo_with_its_error(tmp_path: Path) -> None:
    """The command line prints such an error in one line; of a group it would print a traceback."""
    opened = Opened(load=False, breaks=LocalError("no room"))
    with pytest.raises(LocalError, match="no room"):
        await run(DemoSettings(folder=tmp_path), opened)
    assert opened.closed == 1


async def test_sigterm_ends_a_bounded_run_in_order_and_fails_it(shop: Path) -> None:
    opened = Opened(Faults(load_dies=False))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(DemoSettings(folder=shop, once=True), opened))
        await opened.entered.wait()
        os.kill(os.getpid(), signal.SIGTERM)
    assert running.result() == 128 + signal.SIGTERM
    assert opened.closed == 1


def test_a_proxy_that_is_not_in_sync_at_the_end_fails_the_run() -> None:
    status = type(SYNCED)(
        pod="shop/a",
        mode="NONE",
        state=SYNCED.state.__class__.REJECTED,
        acknowledged=1,
        detail="no",
    )
    (why,) = reasons(Evidence(mode="m", mode_reason="", proxies=(SYNCED, status)))
    assert why == "the proxy of shop/a is rejected: no"


def test_a_copy_has_the_configuration_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("a/b.yaml", "c.yml", "photo.png", ".git/x.yaml", ".d.yaml.swp"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    target.mkdir()
    assert files.copy(source, target) == []
    assert files.texts(target) == {"a/b.yaml": "a/b.yaml", "c.yml": "c.yml"}


def test_a_copy_is_of_files_that_can_be_read(tmp_path: Path) -> None:
    """A pipe would wait for a writer for ever, and two links to the folder itself have 2^40 paths
    before the system says no.
    """
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "a.yaml").write_text("a")
    (source / "nowhere.yaml").symlink_to("/nonexistent")
    os.mkfifo(source / "pipe.yaml")
    for name in ("b", "c"):
        (source / name).symlink_to(source)
    assert files.copy(source, target) == []
    assert files.texts(target) == files.texts(source) == {"a.yaml": "a"}


def test_what_cannot_be_copied_is_told(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/a.yaml").write_text("a")
    (tmp_path / "target/a.yaml").mkdir(parents=True)
    ((file, failure),) = files.copy(tmp_path / "source", tmp_path / "target")
    assert (file.name, failure.strerror) == ("a.yaml", "Is a directory")


def test_the_newest_file_is_the_one_that_was_edited(tmp_path: Path) -> None:
    for number, name in enumerate(("a.yaml", "b.yaml")):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (100 - number, 100 - number))
    assert files.newest(tmp_path) == ("a.yaml", 100.0)
    assert files.newest(tmp_path / "none") is None


def test_replacing_a_file_leaves_nothing_beside_it(tmp_path: Path, repo_root: Path) -> None:
    (tmp_path / "a.yaml").write_text("before")
    files.replace(tmp_path / "a.yaml", "after")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    assert (tmp_path / "a.yaml").read_text() == "after"
    assert canaries(files.texts(tmp_path)) == ()
