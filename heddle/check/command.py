"""`heddle check` on the command line."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from heddle.check import files, report
from heddle.check.api_server import CATEGORY as API_SERVER
from heddle.check.cluster import Api, Cluster
from heddle.check.run import (
    Chosen,
    after,
    before,
    look,
    look_here,
    of_files,
    until_well,
    worst,
)
from heddle.check.this_machine import look_around
from heddle.check.verdict import Grade, Result, failed
from heddle.cli.output import Form, OutputOption, document
from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached
from heddle.exits import fail
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE
from heddle.serve import utc_now
from sources.errors import SourceError

EXITS = {Grade.FAILED: 1, Grade.WARNING: 2}
"""And 0 else."""


def check(
    pre: Annotated[bool, typer.Option("--pre", help="Before an installation.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("-f", "--folder", help="Look at files that are to be applied instead."),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="The cluster's; by default KUBECONFIG, or the one around us."),
    ] = None,
    namespace: Annotated[str, typer.Option(help="Of the control plane.")] = SYSTEM_NAMESPACE,
    revision: Annotated[str, typer.Option(help="Of the control plane.")] = DEFAULT_REVISION,
    wait: Annotated[
        float, typer.Option(min=0.0, help="Try again until nothing fails, for so many seconds.")
    ] = 0.0,
    listed: Annotated[
        bool, typer.Option("--list", help="Print what is looked at, as Markdown (docs/checks.md).")
    ] = False,
    mesh: Annotated[
        str, typer.Option(help="Look at a mesh that runs on this machine instead: its folder.")
    ] = "",
    output: OutputOption = Form.TABLE,
) -> None:
    """See whether a cluster can have a mesh (--pre), and whether the one that it has is well.

    Ends with 0 if it is, 1 if something failed, 2 if there are only warnings.
    """
    if listed:
        typer.echo(report.page(), nl=False)
        return
    if folder is not None and (pre or wait):
        raise fail("--folder goes with neither --pre nor --wait")
    if mesh and (folder is not None or pre or kubeconfig is not None):
        raise fail("--mesh goes with neither --folder, --pre nor --kubeconfig")

    def cluster(api: Api) -> Cluster:
        return Cluster(api, namespace=namespace, revision=revision, clock=utc_now)

    if mesh:
        results = ask(Where(mesh=mesh), lambda plane: _here(plane, wait))
    elif folder is not None:
        try:
            results = asyncio.run(look(cluster(files.read(folder)), of_files))
        except SourceError as error:
            raise fail(str(error)) from error
    else:
        results = asyncio.run(_in_cluster(kubeconfig, cluster, before if pre else after, wait))
    as_table = output is Form.TABLE
    values = report.as_values(results)
    typer.echo(report.as_text(results) if as_table else document(output, values), nl=False)
    raise typer.Exit(EXITS.get(worst(results), 0))


async def _here(plane: Reached, wait: float) -> Sequence[Result]:
    async def once() -> Sequence[Result]:
        return look_here(await look_around(plane, utc_now()))

    return await until_well(once, wait)


async def _in_cluster(
    kubeconfig: Path | None, cluster: Callable[[Api], Cluster], chosen: Chosen, wait: float
) -> Sequence[Result]:
    # Here, and not above: it takes a second to import, which no other command is to wait for.
    from sources.kubernetes import kubernetes_api

    try:
        async with kubernetes_api(kubeconfig) as api:
            return await until_well(lambda: look(cluster(api), chosen), wait)
    except SourceError as error:
        verdict = failed(f"{error} (--mesh FOLDER looks at a mesh that runs on this machine)")
        return [Result(category=API_SERVER, check=API_SERVER.checks[0], verdict=verdict)]
