"""The folder of a run, and what a crashed run leaves behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heddle.local.errors import LocalError
from heddle.local.modes import RunMode
from heddle.local.state import open_state, remove_leftovers
from tests.local.nodes import folders, mode_of, watched

MODE = RunMode.PROXY_PORT

# A run that has a pod, and another process that nothing but its record leads to.
CRASHING = """
import asyncio, subprocess, sys
from pathlib import Path
from heddle.local.modes import RunMode
from tests.local.nodes import FOREVER, Lines, container, pod, pods, runner
async def main():
    lines, folder = Lines(), Path(sys.argv[1])
    async with runner(RunMode.PROXY_PORT, folder, on_line=lines) as node:
        app = container("import os; print(os.getpid(), flush=True);" + FOREVER)
        await node.reconcile(pods(pod("web", "127.126.3.1", app)), {}, b"root")
        pid = (await lines.output())[0]
        other = subprocess.Popen([sys.executable, "-c", FOREVER], start_new_session=True,
                                 stdout=subprocess.DEVNULL)
        node._around.record(other.pid)
        print(pid, other.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_run_has_a_private_folder_which_ends_with_it(tmp_path: Path) -> None:
    with open_state(MODE, tmp_path / "base") as state:
        assert mode_of(state.path) == mode_of(tmp_path / "base") == 0o700
    assert not state.path.exists()


def test_another_run_is_left_alone(tmp_path: Path) -> None:
    with open_state(MODE, tmp_path) as first, open_state(MODE, tmp_path) as second:
        assert first.path.exists()
        assert first.path != second.path


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Anybody may put one into the temporary folder, and have us write where it leads."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "base").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(LocalError, match="belongs to somebody else"),
        open_state(MODE, tmp_path / "base"),
    ):
        pass


def test_a_killed_run_leaves_no_container_and_the_next_start_removes_the_rest(
    tmp_path: Path, repo_root: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=repo_root,
    )
    assert process.stdout is not None
    container, other = map(int, process.stdout.readline().split())
    with watched([container]) as container_left, watched([other]) as other_left:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert container_left(60) == []  # the kernel did that
        assert other_left(0.1) == [other]
        assert len(folders(tmp_path, "run-*")) == 1
        with open_state(MODE, tmp_path) as state:
            assert folders(tmp_path, "run-*") == [state.path]
        assert other_left(60) == []


def test_a_process_that_was_given_a_recorded_number_later_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    (tmp_path / "run-old").mkdir()
    (tmp_path / "run-old" / "processes").write_text(f"{bystander.pid} 1\n")
    assert remove_leftovers(tmp_path) == 1
    with watched([bystander.pid]) as left:
        assert left(0.2) == [bystander.pid]
        bystander.kill()
        bystander.wait()
