"""How a command reaches the control plane of a mesh that runs.

On this machine by its run file, which has the address and a token; in a cluster by a port-forward
of the API server to one of its pods, where the caller shows the token of his own kubeconfig. There
are never two meshes to choose from in silence: if it is not clear which is meant, that is an error.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from heddle.cli.reached import Reached, Unreached
from heddle.debug.run_file import Run, running, source_of
from heddle.exits import fail
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE
from heddle.local.errors import LocalError
from sources.errors import SourceError

KUBERNETES: Final = "kubernetes"
"""The name of the mesh of a cluster."""
_CONNECT_SECONDS: Final = 5.0

Outcome = TypeVar("Outcome")

MeshOption = Annotated[
    str | None,
    typer.Option(
        envvar="HEDDLE_MESH",
        help="Which mesh: the folder of one that runs on this machine, or `kubernetes`. By "
        "default the only one that runs here, else that of the kubeconfig.",
    ),
]
KubeconfigOption = Annotated[
    Path | None, typer.Option(help="Where the cluster is; by default what KUBECONFIG names.")
]
ContextOption = Annotated[
    str | None, typer.Option(help="Which context of the kubeconfig, if not the current one.")
]
SystemOption = Annotated[
    str,
    typer.Option("-i", "--system-namespace", help="Where the control plane is in the cluster."),
]
RevisionOption = Annotated[
    str, typer.Option(help="Which of the cluster's control planes, if there are several.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a user says of the mesh that he means; see the options."""

    mesh: str | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    system_namespace: str = SYSTEM_NAMESPACE
    revision: str = DEFAULT_REVISION


def ask(where: Where, question: Callable[[Reached], Awaitable[Outcome]]) -> Outcome:
    """What a control plane answers to a question: for commands, which end with a message if there
    is no answer.
    """

    async def asked() -> Outcome:
        async with reached(where) as plane:
            return await question(plane)

    try:
        return asyncio.run(asked())
    except (Unreached, SourceError, LocalError) as error:
        raise fail(str(error)) from error


@asynccontextmanager
async def reached(where: Where) -> AsyncIterator[Reached]:
    """The control plane that is meant. Raises `Unreached` if that is none or several, `SourceError`
    for a kubeconfig that leads nowhere, `LocalError` if the folder of run files is somebody else's.
    """
    run = chosen(where, await asyncio.to_thread(running))
    if run is not None:
        yield _local(run)
        return
    # Here, and not above: it takes a second to import, which nobody else is to wait for.
    from heddle.cli.reach_cluster import cluster_plane

    async with cluster_plane(
        kubeconfig=where.kubeconfig,
        context=where.context,
        namespace=where.system_namespace,
        revision=where.revision,
    ) as plane:
        yield plane


def chosen(where: Where, runs: tuple[Run, ...]) -> Run | None:
    """The one of the meshes on this machine that is meant; None for that of a cluster. Raises
    `Unreached`.
    """
    in_cluster = where.kubeconfig is not None or where.context is not None
    if where.mesh == KUBERNETES or (where.mesh is None and in_cluster):
        return None
    if where.mesh is None:
        if len(runs) > 1:
            there = ", ".join(run.source for run in runs)
            raise Unreached(f"{len(runs)} meshes run here: say --mesh, one of {there}")
        return runs[0] if runs else None
    meant = source_of(Path(where.mesh))
    found = [run for run in runs if run.source == meant]
    if len(found) == 1:
        return found[0]
    if found:
        raise Unreached(f"{len(found)} control planes serve {meant}: end all but one")
    there = ", ".join(run.source for run in runs) or "none"
    raise Unreached(f"no mesh of {meant} runs here; there are: {there}")


def _local(run: Run) -> Reached:
    host, _, port = run.address.rpartition(":")

    @asynccontextmanager
    async def connect() -> AsyncIterator[socket.socket]:
        address = host.strip("[]"), int(port)
        made = await asyncio.to_thread(socket.create_connection, address, _CONNECT_SECONDS)
        with made:
            yield made

    authorization = f"Bearer {run.token.reveal().decode()}"
    return Reached(
        name=run.source, connect=connect, authorization=authorization, address=run.address
    )
