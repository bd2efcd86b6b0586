"""A cluster in a process of its own, told what to do in lines of JSON on standard input.

    python -m e2e.kube.machine ENVOY FOLDER

It runs inside the sandbox of heddle/local, so that nothing of it is left behind. Commands:
`kubectl` (`arguments`, `text`), `run` (`command`), `opened` (`command`, `pattern`, `path`: see
e2e/kube/commands.py), `client` (`pod`, `command`: see programs/client.py), `pods`.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path

from e2e.kube.commands import CLI, ended, opened
from e2e.kube.node import Node
from e2e.kube.registration import keep_registered, register
from e2e.kube.streams import kubelet, pods_entered
from e2e.kube.tokens import PodTokens
from e2e.local.clients import ClientPrograms
from e2e.local.driver import PROGRAMS, obeyed, say
from heddle.demo.images import PROGRAMS as SHOP
from heddle.local.commands import run
from heddle.local.images import Images
from heddle.local.modes import RunMode
from heddle.local.network import BRIDGE
from heddle.local.runner import Runner, RunnerSettings
from heddle.local.state import open_state
from heddle.place import Place, place_for
from sources.kubernetes import KubernetesApi, kubernetes_api
from tests.kube.server import ApiServer, Site, api_server, controllers

HEDDLE = "heddle/heddle"
"""The image of the control plane, as the charts have it."""
_GRACE_SECONDS = 60.0


class Machine:
    """What it can be told."""

    def __init__(
        self, server: ApiServer, node: Node, runner: Runner, clients: ClientPrograms
    ) -> None:
        self._server = server
        self._node = node
        self._runner = runner
        self._clients = clients

    async def obey(self, line: str) -> None:
        """Does what a line says, and prints the answer."""
        await obeyed(line, self._do)

    async def _do(self, command: Mapping[str, object]) -> object:
        match command["do"]:
            case "kubectl":
                arguments, text = command["arguments"], str(command.get("text", ""))
                assert isinstance(arguments, list)
                return await asyncio.to_thread(self._server.kubectl, *arguments, text=text)
            case "run":
                arguments = command["command"]
                assert isinstance(arguments, list)
                return await ended(arguments)
            case "opened":
                arguments = command["command"]
                assert isinstance(arguments, list)
                return await opened(arguments, str(command["pattern"]), str(command["path"]))
            case "client":
                wanted, start = command["command"], str(command["pod"])
                assert isinstance(wanted, dict)
                found = sorted(self._node.pods())
                pod = next(each for each in found if each.startswith(start))
                return await self._clients.ask(self._runner.write, pod, wanted)
            case "pods":
                return {each: pod.get("status") for each, pod in self._node.pods().items()}
            case unknown:
                raise ValueError(f"no such command: {unknown}")


async def main(envoy: Path, folder: Path) -> None:
    """Obeys until standard input ends."""
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb")
    )
    clock = time.time  # noqa: TID251 - the composition root hands the clock in
    with open_state(RunMode.NAMESPACES) as state, place_for(RunMode.NAMESPACES) as place:
        tokens, clients = PodTokens(), ClientPrograms()
        async with Runner(
            _settings(place, envoy, folder),
            issuer=tokens,
            clock=clock,
            state=state,
            on_line=clients.heard,
        ) as runner:
            # Connections to Services leave by the bridge, if no rule turns them round before.
            await run(("ip", "route", "add", place.subnets.services, "dev", BRIDGE))
            site = Site(
                folder=folder,
                address=str(place.gateway.ip),
                services=place.subnets.services,
                advertised=True,
            )
            # Nothing else goes on yet: these may block.
            with (
                api_server(site) as server,
                controllers(server),
                kubelet(server.authority, site.address, folder),
            ):
                async with kubernetes_api(server.kubeconfig) as api, pods_entered(runner, folder):
                    node = Node(api, runner, tokens, gateway=place.gateway, clock=clock)
                    await _serve(api, node, Machine(server, node, runner, clients), reader, clock)


async def _serve(
    api: KubernetesApi,
    node: Node,
    machine: Machine,
    reader: asyncio.StreamReader,
    clock: Callable[[], float],
) -> None:
    await register(api, node.address, clock)
    async with asyncio.TaskGroup() as group:
        work = [group.create_task(each) for each in node.work()]
        work.append(group.create_task(keep_registered(api, clock)))
        say({"id": "ready"})
        while line := await reader.readline():
            group.create_task(machine.obey(line.decode()))
        for task in work:
            task.cancel()


def _settings(place: Place, envoy: Path, folder: Path) -> RunnerSettings:
    first = ip_network(place.subnets.services)[1]
    return RunnerSettings(
        mode=RunMode.NAMESPACES,
        images=Images(envoy=envoy, programs={**PROGRAMS, **SHOP, HEDDLE: (CLI,)}),
        gateway=place.gateway,
        grace=_GRACE_SECONDS,
        logs=folder / "pods",
        variables={"KUBERNETES_SERVICE_HOST": str(first), "KUBERNETES_SERVICE_PORT": "443"},
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
