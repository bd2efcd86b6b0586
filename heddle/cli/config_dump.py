"""`heddle config-dump`: what a proxy holds, is to hold and has accepted."""

from enum import StrEnum
from typing import Annotated

import typer

from heddle.cli.output import Form, OutputOption, document, table
from heddle.cli.proxies import NamespaceOption, TargetArgument, dump, picked
from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached
from heddle.cli.replicas import holder
from heddle.cli.where import reaching
from heddle.proxies.compare import HEADINGS, Difference, as_dict, compare, row
from heddle.proxies.dump import Json


class Source(StrEnum):
    """Whose word is shown."""

    LIVE = "live"
    DESIRED = "desired"
    ACKED = "acked"


@reaching
def config_dump(
    proxy: TargetArgument,
    source: Annotated[
        Source,
        typer.Option(
            help="live: by the proxy's own account. desired: what it is to hold. acked: as far as "
            "it has accepted that."
        ),
    ] = Source.LIVE,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="All three side by side, resource by resource: exit 1 if they differ.",
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="With --diff: also what is the same.")
    ] = False,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """Print the configuration of a proxy as Envoy dumps it, or how it differs from what it is to
    be.

    Keys and other secrets are never shown. A dump is JSON, or YAML with -o yaml.
    """
    if not diff:
        found = ask(where, lambda plane: _dumped(plane, proxy, namespace, source))
        form = Form.YAML if output is Form.YAML else Form.JSON
        typer.echo(document(form, found), nl=False)
        return
    differences = ask(where, lambda plane: _compared(plane, proxy, namespace))
    shown = [each for each in differences if every or each.differs]
    if output is Form.TABLE:
        typer.echo(table(HEADINGS, map(row, shown)) if shown else "", nl=False)
        wrong = sum(each.differs for each in differences)
        typer.echo(f"{len(differences)} resources, {wrong} of them differ", err=True)
    else:
        typer.echo(document(output, [as_dict(each) for each in shown]), nl=False)
    if any(each.differs for each in differences):
        raise typer.Exit(1)


async def _dumped(plane: Reached, proxy: str, namespace: str, source: Source) -> Json:
    meant = await picked(plane, proxy, namespace)
    if source is not Source.LIVE:
        plane = await holder(plane, meant.proxy_id, meant.namespace)
    return await dump(plane, meant, source.value)


async def _compared(plane: Reached, proxy: str, namespace: str) -> list[Difference]:
    meant = await picked(plane, proxy, namespace)
    live = await dump(plane, meant, Source.LIVE, include_eds="")
    of = await holder(plane, meant.proxy_id, meant.namespace)
    desired = await dump(of, meant, Source.DESIRED)
    return list(compare(desired, live))
