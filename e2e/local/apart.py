"""Pods in network namespaces whose control plane is a `heddle serve` of its own, as an operator has
it, told what to do in lines of JSON on standard input.

    python -m e2e.local.apart ENVOY FOLDER CA_FOLDER CERTIFICATE_TTL

FOLDER is what the mesh is made of. Unlike the driver's, this control plane can be killed. Commands:
`client` (`pod`, `command`: see programs/client.py), `kill` (for so many `seconds`; then
certificates live for `ttl`).
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ca.issuer import LocalIssuer
from e2e.local.clients import ClientPrograms
from e2e.local.driver import PROGRAMS, obeyed, say
from heddle.injection import AUDIENCE, PORT, inject_settings
from heddle.local.images import Images
from heddle.local.modes import RunMode
from heddle.local.runner import Runner, RunnerSettings
from heddle.local.state import open_state
from heddle.local_cluster import LocalCluster
from heddle.place import Place, place_for
from sources.directory import Directory
from sources.events import Synced

HEDDLE = str(Path(sys.executable).with_name("heddle"))
LOOK_SECONDS = 0.2


class ServedControlPlane:
    """A `heddle serve` that is started, killed and started again."""

    def __init__(self, command: tuple[str, ...], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, group: asyncio.TaskGroup, ttl: str) -> None:
        """Returns once it listens; certificates live for `ttl`."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "--certificate-ttl", ttl, stderr=asyncio.subprocess.PIPE
        )
        listens = asyncio.Event()
        group.create_task(self._read(self._process, listens))
        async with asyncio.timeout(90):
            await listens.wait()

    async def _read(self, process: asyncio.subprocess.Process, listens: asyncio.Event) -> None:
        assert process.stderr is not None
        with self._log.open("ab", buffering=0) as log:
            async for line in process.stderr:
                log.write(line)
                if b"serving" in line:
                    listens.set()

    async def kill(self) -> None:
        """As the machine does when it runs out of memory: no goodbyes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


class Apart:
    """The pods, and their control plane."""

    def __init__(
        self,
        runner: Runner,
        cluster: LocalCluster,
        plane: ServedControlPlane,
        root: Path,
        clients: ClientPrograms,
    ) -> None:
        """The control plane writes what it is trusted by to `root`."""
        self._runner = runner
        self._cluster = cluster
        self._plane = plane
        self._root = root
        self._clients = clients
        self._pods = cluster.pods()
        self._roots = b""

    async def _reconcile(self) -> None:
        self._roots = await asyncio.to_thread(self._root.read_bytes)
        await self._runner.reconcile(self._pods, self._cluster.names({}), self._roots)

    async def _keep_roots(self) -> None:
        """Does what the kubelet does with a ConfigMap that changes."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if await asyncio.to_thread(self._root.read_bytes) != self._roots:
                await self._reconcile()

    async def obey(self, line: str) -> None:
        """Does what a line says, and prints the answer."""
        await obeyed(line, self._do)

    async def _do(self, command: Mapping[str, object]) -> object:
        match command["do"]:
            case "client":
                wanted, start = command["command"], str(command["pod"])
                assert isinstance(wanted, dict)
                pod = next(each for each in sorted(self._pods) if each.startswith(start))
                return await self._clients.ask(self._runner.write, pod, wanted)
            case "kill":
                await self._plane.kill()
                await asyncio.sleep(float(str(command["seconds"])))
                await self._plane.start(self._group, str(command["ttl"]))
                return None
            case unknown:
                raise ValueError(f"no such command: {unknown}")

    async def serve(self, reader: asyncio.StreamReader, ttl: str) -> None:
        """Runs the mesh, and obeys until there are no more lines."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._plane.start(group, ttl)
                await self._reconcile()
                await self._runner.all_ready()
                roots = group.create_task(self._keep_roots())
                say({"id": "ready"})
                while line := await reader.readline():
                    group.create_task(self.obey(line.decode()))
                roots.cancel()
                await self._plane.kill()
        finally:
            await self._plane.kill()


def _serve(
    place: Place, issuer: LocalIssuer, folder: Path, ca: Path, root: Path
) -> tuple[str, ...]:
    keys = root.with_name("jwks.json")
    keys.write_text(json.dumps(issuer.jwks()))
    return (
        HEDDLE,
        "serve",
        *("--folder", str(folder), "--listen", f"{place.gateway.ip}:{PORT}"),
        *("--token-jwks", str(keys), "--token-issuer", issuer.issuer),
        *("--token-audience", AUDIENCE, "--root-out", str(root), "--ca-folder", str(ca)),
    )


async def _cluster(place: Place, folder: Path) -> LocalCluster:
    """What the control plane makes of the folder, too: names, addresses and pods are the same."""
    settings = inject_settings(host=str(place.gateway.ip), port=PORT, mode=place.interception)
    cluster = LocalCluster(settings, place.subnets)
    async with contextlib.aclosing(Directory(folder).events()) as batches:
        async for batch in batches:
            cluster.apply(batch)
            if any(isinstance(event, Synced) for event in batch):
                return cluster
    raise RuntimeError("the folder has ended")


async def main(envoy: Path, folder: Path, ca: Path, ttl: str) -> None:
    """Obeys until standard input ends."""
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb")
    )
    issuer, clients, root = LocalIssuer(), ClientPrograms(), folder.with_name("root.pem")
    with open_state(RunMode.NAMESPACES) as state, place_for(RunMode.NAMESPACES) as place:
        settings = RunnerSettings(
            mode=RunMode.NAMESPACES,
            images=Images(envoy=envoy, programs=PROGRAMS),
            gateway=place.gateway,
            logs=folder.with_name("pods"),
        )
        clock = time.time  # noqa: TID251 - the composition root hands the clock in
        runner = Runner(settings, issuer=issuer, clock=clock, state=state, on_line=clients.heard)
        command = _serve(place, issuer, folder, ca, root)
        plane = ServedControlPlane(command, folder.with_name("serve.log"))
        cluster = await _cluster(place, folder)
        async with runner:
            await Apart(runner, cluster, plane, root, clients).serve(reader, ttl)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
