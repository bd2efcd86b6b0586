"""The load generator among the pods: its output and its input."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from heddle.demo.images import LOAD
from heddle.local.containers import Container, containers
from heddle.local.errors import CannotRun
from heddle.local.images import image_name
from heddle.local.pods import InjectedPod, Line
from heddle.local.runner import Runner


class RunningLoad:
    """The load generator's container: its output and its input."""

    def __init__(self, runner: Runner, pod: str, container: str) -> None:
        self.place = (pod, container)
        self._runner = runner
        self._readers: list[asyncio.Queue[str]] = []

    def heard(self, line: Line) -> None:
        """Passes a line on to who listens."""
        if (line.pod, line.container) == self.place:
            for reader in self._readers:
                reader.put_nowait(line.text.decode(errors="replace"))

    async def lines(self) -> AsyncIterator[str]:
        """The lines of its standard output from now on."""
        reader: asyncio.Queue[str] = asyncio.Queue()
        self._readers.append(reader)
        try:
            while True:
                yield await reader.get()
        finally:
            self._readers.remove(reader)

    async def send(self, line: str) -> None:
        """Writes a line to its standard input."""
        await self._runner.write(*self.place, f"{line}\n".encode())


def find_load(pods: Mapping[str, InjectedPod]) -> tuple[str, str] | None:
    """The first pod, by name, and the container of it that runs the load generator."""
    for name in sorted(pods):
        for container in _containers(pods[name]):
            if image_name(container.image) == LOAD:
                return name, container.name
    return None


def _containers(pod: InjectedPod) -> Sequence[Container]:
    """The containers of a pod; none if its spec makes no sense, which the runner reports."""
    try:
        return containers(pod.raw)
    except CannotRun:
        return ()
