"""`heddle proxy-config log`: the levels at which a proxy logs."""

from collections.abc import Mapping
from typing import Annotated

import typer

from heddle.cli.output import Form, OutputOption, document, table
from heddle.cli.proxies import NamespaceOption, TargetArgument, picked
from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached, Unreached
from heddle.cli.where import reaching
from heddle.debug.addresses import LEVELS as LEVELS_PAGE
from heddle.exits import fail
from heddle.proxies.admin import ADMIN_PORT
from heddle.proxies.log_levels import DEFAULT, LEVELS, NoLevels, exchange_levels, query
from heddle.proxies.targets import Candidate
from sources.errors import ApiError
from webhook import raw


@reaching
def log(
    proxy: TargetArgument,
    level: Annotated[
        str,
        typer.Option(help=f"Set it: one of {', '.join(LEVELS)} for all, or http:debug,rbac:trace."),
    ] = "",
    reset: Annotated[bool, typer.Option("--reset", help=f"Set all to {DEFAULT}.")] = False,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """At what levels the proxy logs; with --level they are set, until it ends.

    At debug and trace it logs the headers of requests.
    """
    wanted = DEFAULT if reset else level
    try:
        query(wanted)
    except ValueError as error:
        raise fail(f"--level: {error}") from None
    found = ask(where, lambda plane: _asked(plane, proxy, namespace, wanted))
    if output is Form.TABLE:
        typer.echo(table(("LOGGER", "LEVEL"), sorted(found.items())), nl=False)
    else:
        typer.echo(document(output, found), nl=False)


async def _asked(plane: Reached, proxy: str, namespace: str, wanted: str) -> Mapping[str, str]:
    meant = await picked(plane, proxy, namespace)
    if plane.to_pod is None:
        return await _by_runner(plane, meant, wanted)
    try:
        async with plane.to_pod(meant.namespace, meant.name, ADMIN_PORT) as connected:
            return await exchange_levels(connected, wanted)
    except (NoLevels, ApiError, OSError) as error:
        raise Unreached(f"{meant.proxy_id}: {error}") from error


async def _by_runner(plane: Reached, meant: Candidate, wanted: str) -> Mapping[str, str]:
    """Pods on this machine are in networks that only their runner can enter."""
    query = {"proxyID": meant.proxy_id, "set": wanted}
    found = raw.mapping(await plane.json(LEVELS_PAGE, query, method="POST"))
    return {logger: str(level) for logger, level in found.items()}
