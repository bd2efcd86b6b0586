"""A mesh in a process of its own, told what to do in lines of JSON on standard input.

    python -m e2e.local.driver MODE ENVOY FOLDER [inline-routes] [ca=FOLDER]

It is a process because namespaces mode needs one inside the sandbox, and the tests are not.
Commands: `apply` (`text`), `client` (`pod`, `command`: see programs/client.py), `address` (`pod`),
`problems`, `pods`, `kinds`, `figures`, `restart`, `simulate` (`count`), `calm`,
`forget`.
"""

import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from e2e.local.clients import ClientPrograms
from e2e.local.marker import marked, marker_host
from e2e.local.simulated import Crowd
from e2e.local.warmth import Warmth
from heddle.local.pods import Line
from heddle.local_mesh import LocalMesh
from heddle.page.sync import connected
from heddle.proxies.ways import through_runner
from heddle.running_mesh import running_mesh
from xds.types import short_name

PROGRAMS_FOLDER = Path(__file__).resolve().parent.parent / "programs"
PROGRAMS = {
    f"heddle-e2e/{name}": (sys.executable, str(PROGRAMS_FOLDER / f"{name}.py"))
    for name in (
        "ailing",
        "authorizer",
        "client",
        "doors",
        "echo",
        "hesitant",
        "resolver",
        "tunnel",
        "witness",
    )
}

INLINE_ROUTES = "inline-routes"
CA = "ca="

Command = Mapping[str, object]


class Driver:
    """Does what is asked of one mesh."""

    def __init__(self, mesh: LocalMesh, folder: Path, group: asyncio.TaskGroup) -> None:
        self._mesh = mesh
        self._group = group
        self._crowd = Crowd(mesh)
        self._folder = folder
        self._applied = 0
        self._clients = ClientPrograms()
        self._warm = Warmth(through_runner(mesh.connect))

    async def obey(self, line: str) -> None:
        """Does what a line says, and prints the answer."""
        await obeyed(line, self._do)

    async def _do(self, command: Command) -> object:
        match command["do"]:
            case "apply":
                await self._apply(str(command["text"]))
                return None
            case "client":
                wanted = command["command"]
                assert isinstance(wanted, dict)
                return await self._ask(str(command["pod"]), wanted)
            case "restart":
                await self._mesh.restart_server()
                return None
            case "simulate":
                self._crowd = Crowd(self._mesh)
                self._crowd.start(int(str(command["count"])), self._group)
                return None
            case "calm":
                await self._crowd.stop()
                return self._crowd.streams
            case _:
                return self._look(command)

    def _look(self, command: Command) -> object:
        match command["do"]:
            case "address":
                return self._mesh.pods()[self._pod(str(command["pod"]))].facts.address
            case "problems":
                return [str(problem) for problem in self._mesh.problems()]
            case "pods":
                return sorted(self._mesh.pods())
            case "kinds":
                return self._kinds()
            case "figures":
                return self._figures()
            case "forget":
                self._forget()
                return None
            case unknown:
                raise ValueError(f"no such command: {unknown}")

    def _kinds(self) -> Mapping[str, Sequence[str]]:
        """The types that each client has asked for."""
        return {
            client.node: sorted(short_name(type_url) for type_url in client.types)
            for client in self._mesh.server.clients.snapshot()
        }

    def _figures(self) -> Mapping[str, float]:
        """What the control plane is made of now."""
        gc.collect()
        return {
            "rss_mb": round(_resident() / 1e6, 1),
            "objects": len(gc.get_objects()),
            "clients": len(self._mesh.server.clients),
            "tasks": len(asyncio.all_tasks()),
            "parts": len(self._mesh.plane.publisher.keys()),
        }

    def _forget(self) -> None:
        for _ in range(2):  # unused the first time, let go of the second time
            self._mesh.plane.engine.collect()

    async def _apply(self, text: str) -> None:
        """Returns once the folder was read, all pods that shall run do, the others have gone, and
        every proxy has acknowledged all of it, but for what it rejects, and takes calls."""
        self._applied += 1
        file = self._folder / "test.yaml"
        new = file.with_suffix(".tmp")
        new.write_text(marked(text, self._applied))
        new.replace(file)
        while not (self._is_read() and self._mesh.complete()):
            await self._mesh.news()
        await self._mesh.settled(self._mesh.generation - 1)
        await self._warm.wait(connected(self._mesh.server.clients.snapshot()))

    def _is_read(self) -> bool:
        """A deletion is believed later than an addition: both markers have to be as they shall."""
        hosts = self._mesh.plane.engine.mesh.services.hosts
        return marker_host(self._applied) in hosts and marker_host(self._applied - 1) not in hosts

    def heard(self, line: Line) -> None:
        """A container wrote a line."""
        self._clients.heard(line)

    async def _ask(self, pod: str, command: Command) -> object:
        return await self._clients.ask(self._mesh.write, self._pod(pod), command)

    def _pod(self, start: str) -> str:
        return next(name for name in sorted(self._mesh.pods()) if name.startswith(start))


async def obeyed(line: str, do: Callable[[Command], Awaitable[object]]) -> None:
    """Has a command done, and prints the answer."""
    command: Command = json.loads(line)
    try:
        answer = {"result": await do(command)}
    except Exception as error:
        # The edge of this process: the test is told what went wrong.
        answer = {"error": f"{type(error).__name__}: {error}"}
    say({"id": command["id"], **answer})


def say(answer: Command) -> None:
    """An answer, on standard output."""
    print(json.dumps(answer), flush=True)


def _resident() -> int:
    """Memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def main(
    mode: str, envoy: str, folder: Path, *, inline_routes: bool, ca_folder: Path | None
) -> None:
    """Obeys until standard input ends."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb")
    )
    drivers: list[Driver] = []

    def heard(line: Line) -> None:
        for driver in drivers:
            driver.heard(line)

    async with (
        running_mesh(
            folder,
            mode,
            envoy,
            programs=PROGRAMS,
            on_line=heard,
            inline_routes=inline_routes,
            ca_folder=ca_folder,
        ) as mesh,
        asyncio.TaskGroup() as group,
    ):
        driver = Driver(mesh, folder, group)
        drivers.append(driver)
        await mesh.settled(-1)
        say({"id": "ready"})
        while line := await reader.readline():
            group.create_task(driver.obey(line.decode()))


def _given(prefix: str) -> list[str]:
    """The arguments that begin so, without it."""
    return [each.removeprefix(prefix) for each in sys.argv[4:] if each.startswith(prefix)]


if __name__ == "__main__":
    asyncio.run(
        main(
            sys.argv[1],
            sys.argv[2],
            Path(sys.argv[3]),
            inline_routes=INLINE_ROUTES in sys.argv[4:],
            ca_folder=next((Path(given) for given in _given(CA)), None),
        )
    )
