"""The first second of the program."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIG_DFL, SIG_IGN

from tests.conftest import ROOT

SLOW = """
import sys
print("importing", flush=True)
sys.stdin.read()
"""
BEGIN = "from heddle.entry import main; main()"


@contextmanager
def starting(
    folder: Path, *arguments: str, slow: str = "typer", ignored: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """The program while it imports a module, for as long as its standard input is open."""
    (folder / f"{slow}.py").write_text(SLOW)
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Said in both cases: these tests may run in the background, where a shell ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, SIG_IGN if ignored else SIG_DFL),
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "importing\n"
        try:
            yield program
        finally:
            program.kill()


def test_ctrl_c_while_modules_load_ends_it_without_a_traceback(tmp_path: Path) -> None:
    with starting(tmp_path) as program:
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
        assert (program.returncode, said) == (-signal.SIGINT, "")


def test_ctrl_c_while_a_command_loads_ends_it_without_a_traceback(tmp_path: Path) -> None:
    with starting(tmp_path, "analyze", "-", slow="yaml") as program:
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
        assert (program.returncode, said) == (128 + signal.SIGINT, "")


def test_a_ctrl_c_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """A shell starts what runs in the background so."""
    with starting(tmp_path, ignored=True) as program:
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
        assert program.returncode == 1
        assert "KeyboardInterrupt" not in said


def test_the_program_is_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN, "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip()
