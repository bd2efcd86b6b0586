"""The sandbox: what happens in it leaves no trace, however it ends."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heddle.local.sandbox import VARIABLE, sandbox_command, sandboxed
from tests.local.nodes import descendants, kept_networks, networks, watched

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

ENDING = 60.0
"""Seconds that anything may take."""

# A process that stops for nothing and that has a child, a bridge, a mount and a file.
BUSY = """
import os, signal, subprocess, sys
from pathlib import Path
from heddle.local import kernel
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
subprocess.run(["ip", "link", "add", "heddletest0", "type", "bridge"], check=True)
Path("/dev/shm/heddletest").mkdir()
kernel.mount("none", "/dev/shm/heddletest", kind="tmpfs")
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


def _start(code: str) -> subprocess.Popen[str]:
    argv = sandbox_command([sys.executable, "-c", code])
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _until_taken(pid: int, number: signal.Signals) -> None:
    """Waits until a process has taken a signal that was sent to it, or has ended."""
    end = time.monotonic() + ENDING
    while _pending(pid) >> (number - 1) & 1:
        assert time.monotonic() < end
        time.sleep(0.001)


def _pending(pid: int) -> int:
    """The signals that wait for a process, a bit for each (proc_pid_status(5))."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd")), 0)


def _run(code: str) -> subprocess.CompletedProcess[str]:
    argv = sandbox_command([sys.executable, "-c", code])
    return subprocess.run(argv, capture_output=True, text=True, timeout=ENDING, check=False)


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_status_is_the_commands(code: int) -> None:
    assert _run(f"import sys; sys.exit({code})").returncode == code


def test_a_command_that_dies_of_a_signal_ends_as_in_a_shell() -> None:
    assert _run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").returncode == 128 + 9


def test_a_command_that_is_not_there_is_an_error() -> None:
    done = subprocess.run(
        sandbox_command(["/no/such/program"]), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "/no/such/program" in done.stderr or "No such file" in done.stderr


def test_inside_knows_that_it_is_inside_and_outside_that_it_is_not() -> None:
    code = "from heddle.local.sandbox import sandboxed; print(sandboxed())"
    assert _run(code).stdout == "True\n"
    assert not sandboxed()


def test_an_inherited_mark_of_another_sandbox_means_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "12345")
    assert not sandboxed()


def test_inside_sees_no_process_and_no_network_of_the_machine() -> None:
    code = (
        "import json, os; print(json.dumps([sorted(p for p in os.listdir('/proc') if p.isdigit()),"
        " [line.split(':')[0].strip() for line in open('/proc/net/dev')][2:]]))"
    )
    processes, links = json.loads(_run(code).stdout)
    assert len(processes) == 2  # the init and the command
    assert links == ["lo"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_once(number: signal.Signals) -> None:
    code = (
        "import signal, sys\n"
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])\n"
        "print('up', flush=True)\n"
        f"signal.sigwait([{int(number)}])\n"
        f"print('pending' if signal.sigtimedwait([{int(number)}], 0.2) else 'once', flush=True)\n"
        "sys.exit(3)"
    )
    process = _start(code)
    assert _first_line(process) == "up"
    process.send_signal(number)
    assert _first_line(process) == "once"
    assert process.wait(ENDING) == 3
    process.communicate()


def test_the_third_signal_kills_a_command_that_does_not_listen() -> None:
    process = _start(BUSY)
    _first_line(process)
    pids = descendants(process.pid)
    with watched(pids) as left:
        for _ in range(3):
            # Two that are pending at the same time would count as one.
            process.send_signal(signal.SIGTERM)
            _until_taken(process.pid, signal.SIGTERM)
        assert process.wait(ENDING) != 0
        assert left(ENDING) == []
    process.communicate()


def test_killing_the_supervisor_leaves_nothing() -> None:
    process = _start(BUSY)
    _first_line(process)
    pids = descendants(process.pid)
    with kept_networks(pids) as theirs, watched(pids) as left:
        process.kill()
        process.wait(ENDING)
        assert len(pids) >= 3
        assert left(ENDING) == []
        process.communicate()
        assert theirs
        assert not theirs & networks()
    assert not Path("/sys/class/net/heddletest0").exists()
    assert not Path("/dev/shm/heddletest").exists()
    assert "heddletest" not in Path("/proc/mounts").read_text()
