"""Starts a mesh on this machine, in the private machine that it may need, and ends it."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from heddle.debug.run_file import source_of
from heddle.demo.images import PROGRAMS
from heddle.demo.mesh_handle import OpenMesh
from heddle.local import envoy as envoys
from heddle.local.images import Images
from heddle.local.modes import RunMode, detect_mode
from heddle.local.outside import outside_socket
from heddle.local.pods import Line
from heddle.local.runner import Runner, RunnerSettings
from heddle.local.sandbox import run_sandboxed, sandboxed
from heddle.local.state import open_state
from heddle.local_mesh import LocalMesh
from heddle.place import place_for

LOOPBACK = "127.0.0.1"
CHECKOUT = Path(__file__).resolve().parent.parent


def enter_sandbox(requested: str) -> None:
    """Runs this command again inside the private machine that namespaces mode needs, if it is to
    be that mode; returns where nothing more is needed. Raises `ModeUnavailable`."""
    mode, _ = detect_mode(requested)
    if mode is RunMode.NAMESPACES and not sandboxed():
        run_sandboxed([sys.executable, *sys.orig_argv[1:]])


def mesh_opener(
    envoy: str | None, *, inline_routes: bool = False, ca_folder: Path | None = None
) -> OpenMesh:
    """What starts meshes; `envoy` names the binary, or nothing to find one."""

    def open_mesh(*, folder: Path, mode: str) -> contextlib.AbstractAsyncContextManager[LocalMesh]:
        return running_mesh(folder, mode, envoy, inline_routes=inline_routes, ca_folder=ca_folder)

    return open_mesh


@contextlib.asynccontextmanager
async def running_mesh(
    folder: Path,
    requested: str = "auto",
    envoy: str | None = None,
    *,
    programs: Mapping[str, Sequence[str]] = PROGRAMS,
    on_line: Callable[[Line], None] = lambda line: None,
    inline_routes: bool = False,
    ca_folder: Path | None = None,
) -> AsyncIterator[LocalMesh]:
    """A mesh from `folder`, once every pod is ready; stopped, with nothing left, at the end.

    `programs` stand for container images; `on_line` is told each line that a container writes; the
    last two are as for `heddle serve`.
    Raises `LocalError` if it cannot run here, `SourceError` if there is no such folder.
    """
    mode, reason = await asyncio.to_thread(detect_mode, requested)
    binary = envoys.find_envoy(envoy, os.environ, CHECKOUT)
    await asyncio.to_thread(envoys.check_envoy, binary)
    with open_state(mode) as state, place_for(mode) as place:
        mesh = LocalMesh(
            folder,
            place,
            reason,
            on_line,
            inline_routes=inline_routes,
            ca_folder=ca_folder,
        )
        await mesh.listen()
        runner = Runner(
            RunnerSettings(
                mode=mode,
                images=Images(envoy=binary, programs=programs),
                gateway=place.gateway if mode is RunMode.NAMESPACES else None,
                logs=_log_folder(),
            ),
            issuer=mesh.issuer,
            clock=time.time,  # noqa: TID251 - the composition root hands the clock in
            state=state,
            on_line=mesh.heard,
        )
        # Here, and not above: it takes a while to import, which nobody else is to wait for.
        from heddle.debug.serving import DebugSettings, debugging
        from heddle.every_page import every_page
        from heddle.proxies.ways import through_runner

        shown = DebugSettings(
            listener=outside_socket(LOOPBACK, 0),
            host=LOOPBACK,
            source=source_of(folder),
            to_admin=through_runner(runner.connect),
        )
        try:
            async with (
                debugging(
                    shown,
                    mesh.plane,
                    mesh.clients,
                    every_page(mesh.plane, mesh.clients, source_of(folder), shown.to_admin),
                ) as page,
                runner,
                asyncio.TaskGroup() as group,
            ):
                mesh.shown(lambda: f"http://{LOOPBACK}:{page.port}{page.invitation.path()}")
                tasks = [group.create_task(work) for work in mesh.work(runner)]
                await mesh.started(runner)
                yield mesh
                for task in tasks:
                    task.cancel()
        finally:
            await mesh.close()


def _log_folder() -> Path | None:
    """Where containers' output is kept after the run, if `HEDDLE_LOGS` names a folder."""
    named = os.environ.get("HEDDLE_LOGS")
    return Path(named) if named else None
