"""A program of the cluster that runs: it ends with us, whatever way we end."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from heddle.local import launch

_STOP_SECONDS = 10.0
_LAST_WORDS = 600


class Ended(Exception):
    """The program has ended, and should not have."""


class Running:
    """A program whose output goes to `<folder>/<name>.log`. Start it from the main thread: the
    kernel kills it when the thread ends that has started it."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        program = [str(each) for each in command]
        self.name = Path(program[0]).name
        self._log = folder / f"{self.name}.log"
        become = folder / f"{self.name}.json"
        asked = launch.Launch(parent=os.getpid(), program=program, environment=dict(os.environ))
        launch.write(become, asked)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                launch.command("heddle.local.launch", str(become)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def check(self) -> None:
        """Raises `Ended`, with its last words, unless it runs."""
        if (code := self._process.poll()) is not None:
            words = self._log.read_text(errors="replace")[-_LAST_WORDS:]
            raise Ended(f"{self.name} ended with {code}: {words}")

    def kill(self) -> None:
        """At once, as the machine does when it runs out of memory."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stops it where it is: it keeps its connections and says nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
