"""`heddle demo`: a mesh from a folder, its view until Ctrl-C; or with `--once` one bounded run and
its verdict.
"""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from crds.problem import printable
from heddle.demo import folder as files
from heddle.demo.live import LiveDemo, refresh, watch_edits
from heddle.demo.load_reader import LoadEndedError, LoadReader
from heddle.demo.mesh_handle import MeshHandle, OpenMesh
from heddle.demo.once import SETTLE_LIMIT, Measurement
from heddle.demo.report import reasons, report
from heddle.demo.summary import line, summary
from heddle.demo.view import ViewState, render
from heddle.failures import cause

REDRAW_INTERVAL = 0.25
"""Seconds between two pictures in a terminal."""

LINE_INTERVAL = 5.0
"""Seconds between two lines where there is no terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """The options of `heddle demo`. `requests` and `edits` are those of a run with `once`."""

    folder: Path
    mode: str = "auto"
    once: bool = False
    json: bool = False
    requests: int = 2000
    edits: int = 5


async def run(settings: DemoSettings, open_mesh: OpenMesh) -> int:
    """Run the demo; returns the exit code: 0, 1 if `once` found something wrong, 2 if there is no
    folder.

    SIGINT, SIGTERM and SIGHUP end it in order: the mesh is stopped before this returns. So does an
    error of any part of the mesh, which is then raised.
    """
    if not await asyncio.to_thread(settings.folder.is_dir):
        print(f"heddle demo: no folder {settings.folder}", file=sys.stderr)
        return 2
    with _interruptible() as received:
        try:
            return await (_once if settings.once else _live)(settings, open_mesh)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not received or task is None:
                raise
            task.uncancel()
            # A live view ends by Ctrl-C: that is no failure.
            return 128 + received[0] if settings.once else 0
        except ExceptionGroup as failed:
            raise cause(failed) from None


async def _once(settings: DemoSettings, open_mesh: OpenMesh) -> int:
    with tempfile.TemporaryDirectory(prefix="heddle-demo-") as name:
        folder = Path(name) / settings.folder.resolve().name
        folder.mkdir()
        for file, failure in files.copy(settings.folder, folder):
            _note(f"{file} is left out: {failure.strerror}")
        async with open_mesh(folder=folder, mode=settings.mode) as mesh:
            _note(f"mode {mesh.mode}: {mesh.mode_reason}")
            evidence = await Measurement(
                mesh, folder, requests=settings.requests, edits=settings.edits, note=_note
            ).run()
            generation = mesh.generation
    why = reasons(evidence)
    for reason in why:
        _note(f"not ok: {reason}")
    if settings.json:
        print(json.dumps(report(evidence)), flush=True)
    else:
        Console().print(render(summary(evidence, str(settings.folder), generation)))
    return 1 if why else 0


async def _live(settings: DemoSettings, open_mesh: OpenMesh) -> int:
    clock = asyncio.get_running_loop().time
    async with open_mesh(folder=settings.folder, mode=settings.mode) as mesh:
        demo = LiveDemo(
            mesh,
            settings.folder,
            clock=clock,
            wall_clock=time.time,  # noqa: TID251 - the edge: the times of files are wall time
        )
        demo.read()
        with _drawing(Console()) as (draw, every):
            async with asyncio.TaskGroup() as group:
                group.create_task(refresh(demo, draw, every=every))
                group.create_task(watch_edits(mesh, demo.edited))
                group.create_task(_drive(mesh, demo))
    return 0


async def _drive(mesh: MeshHandle, demo: LiveDemo) -> None:
    """Keep the load going, if the folder has one."""
    if mesh.load is None:
        return
    load = LoadReader(mesh.load)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(demo.heard))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_LIMIT):
                    await mesh.settled(-1)
                    await load.warm_up()
            command = demo.command()
            await load.command(command)
            while True:
                await mesh.settled(mesh.generation)
                if demo.command() != command:
                    command = demo.command()
                    await load.command(command)
    except* LoadEndedError as group_of_one:
        demo.note = str(group_of_one.exceptions[0])


@contextlib.contextmanager
def _drawing(console: Console) -> Iterator[tuple[Callable[[ViewState], None], float]]:
    """How to show a state, and how often."""
    if not console.is_terminal:
        # As `Text`, for a name in square brackets is no markup.
        yield lambda state: console.print(Text(line(state)), soft_wrap=True), LINE_INTERVAL
        return
    last: list[ViewState] = []
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def draw(state: ViewState) -> None:
            last[:] = [state]
            live.update(render(state), refresh=True)

        try:
            yield draw, REDRAW_INTERVAL
        finally:
            live.stop()
            # The screen is gone with the view: leave what it showed last.
            for state in last:
                console.print(render(state))


@contextlib.contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Cancel the current task at the first signal to end, so that everything is cleaned up; the
    later ones are too late.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    received: list[int] = []

    def end(number: int) -> None:
        if not received and task is not None:
            task.cancel()
        received.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        yield received
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _note(text: str) -> None:
    print(f"heddle demo: {printable(text)}", file=sys.stderr, flush=True)
