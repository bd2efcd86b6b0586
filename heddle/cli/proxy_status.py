"""`heddle proxy-status`: how far each proxy has come."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from crds.problem import printable
from heddle.cli.output import Form, document, table
from heddle.cli.proxies import NamespaceOption, complete, picked
from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached, Unreached
from heddle.cli.replicas import statuses
from heddle.cli.where import reaching
from heddle.client_status import Inspection, fetch
from heddle.exits import fail
from heddle.injection import SERVER_NAME
from heddle.proxy_table import as_json as csds_as_json
from heddle.proxy_table import rows as csds_rows
from heddle.proxy_table import table as csds_table
from webhook import raw
from xds.types import PUSH_ORDER, short_name

_COLUMNS: Final = tuple(short_name(type_url) for type_url in PUSH_ORDER)

Json = Mapping[str, object]


class Report(StrEnum):
    """How this command prints; `text` is `table`."""

    TABLE = "table"
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


@reaching
def proxy_status(
    proxy: Annotated[
        str | None,
        typer.Argument(
            metavar="[[KIND/]NAME[.NAMESPACE]]",
            help="One proxy, type by type; by default all of them.",
            autocompletion=complete,
        ),
    ] = None,
    output: Annotated[
        Report, typer.Option("-o", "--output", help="table, json or yaml")
    ] = Report.TABLE,
    namespace: NamespaceOption = "",
    root: Annotated[
        Path | None,
        typer.Option(
            help="Ask over CSDS instead, as other xDS tools do: the root certificate, as `heddle "
            "serve --root-out` wrote it."
        ),
    ] = None,
    token: Annotated[
        Path | None,
        typer.Option(
            help="With --root: a file with the token of a pod that may look (--inspector)."
        ),
    ] = None,
    server: Annotated[
        str, typer.Option(help="With --root: address and port of `heddle serve`.")
    ] = "127.0.0.1:15012",
    server_name: Annotated[
        str, typer.Option(help="With --root: the DNS name on the serving certificate.")
    ] = SERVER_NAME,
    *,
    where: Where,
) -> None:
    """Print how far each proxy has come; exit 1 if one rejects anything.

    For each type SYNCED, STALE (sent, or to be sent, and not accepted yet; and for how long),
    NOT_SENT, NOT_ASKED or REJECTED; then what was rejected, since when, and why, in Envoy's own
    words. Of a namespace with -n, without which all must be allowed to be seen. All replicas of a
    control plane are asked.
    """
    if root is not None or token is not None:
        _over_csds(root, token, server, server_name, output)
        return
    found = ask(where, lambda plane: _statuses(plane, proxy, namespace))
    if output in (Report.TABLE, Report.TEXT):
        text = details(found[0]) if proxy is not None else overview(found)
        typer.echo(text + _rejections(found), nl=False)
    else:
        typer.echo(document(Form(output.value), list(found)), nl=False)
    if any(raw.objects(each.get("rejected")) for each in found):
        raise typer.Exit(1)


async def _statuses(plane: Reached, proxy: str | None, namespace: str) -> Sequence[Json]:
    wanted = None if proxy is None else await picked(plane, proxy, namespace)
    within = namespace if wanted is None else wanted.namespace
    every = await statuses(plane, within)
    if wanted is None:
        return every
    one = [each for each in every if each.get("proxy") == wanted.proxy_id]
    if not one:
        raise Unreached(f"{wanted.proxy_id} has gone")
    return one


def overview(found: Sequence[Json]) -> str:
    """A line for each proxy; of several replicas also to which of them it is connected."""
    more = ("REPLICA",) if any("replica" in each for each in found) else ()
    headings = ("NAME", "STATE", "CONNECTED", *(kind.upper() for kind in _COLUMNS), *more)
    return table(
        headings,
        [
            (
                raw.text(each.get("proxy")),
                raw.text(each.get("state")),
                raw.text(each.get("age")) or "-",
                *(_standing(each, kind) for kind in _COLUMNS),
                *(raw.text(each.get(name.lower())) or "-" for name in more),
            )
            for each in found
        ],
    )


def _standing(found: Json, kind: str) -> str:
    """Where a type of a proxy stands, and for how long it has been behind."""
    age = raw.text(raw.mapping(found.get("ages")).get(kind))
    return " ".join(filter(None, (raw.text(raw.mapping(found.get("types")).get(kind)), age)))


def details(found: Json) -> str:
    """A line for each type of a proxy."""
    generations = raw.mapping(found.get("generations"))
    rows = []
    for kind in _COLUMNS:
        reached = raw.mapping(generations.get(kind))
        numbers = (_generation(reached.get(name)) for name in ("sent", "acked"))
        rows.append((kind.upper(), _standing(found, kind), *numbers))
    name, age = raw.text(found.get("proxy")), raw.text(found.get("age"))
    to = f" to {replica}" if (replica := raw.text(found.get("replica"))) else ""
    since = f", connected{to} for {age}" if age else ""
    first = printable(f"{name}: {raw.text(found.get('state'))}{since}")
    return f"{first}\n{table(('TYPE', 'STATUS', 'SENT', 'ACKED'), rows)}"


def _generation(number: object) -> str:
    return str(number) if isinstance(number, int) and number >= 0 else "-"


def _rejections(found: Sequence[Json]) -> str:
    rows = [
        (
            raw.text(each.get("proxy")),
            raw.text(one.get("type")).upper(),
            raw.text(one.get("resource")),
            raw.text(one.get("age")) or "-",
            raw.text(one.get("reason")),
        )
        for each in found
        for one in raw.objects(each.get("rejected"))
    ]
    if not rows:
        return ""
    headings = ("NAME", "TYPE", "RESOURCE", "SINCE", "REASON")
    return f"\nRejected, and kept from the proxy until it changes:\n{table(headings, rows)}"


def _over_csds(
    root: Path | None, token: Path | None, server: str, server_name: str, output: Report
) -> None:
    if root is None or token is None:
        raise fail("--root and --token go together: both are for asking over CSDS")
    inspection = Inspection(server=server, server_name=server_name, root=root, token=token)
    try:
        found = csds_rows(fetch(inspection))
    except OSError as error:
        raise fail(str(error)) from error
    if output is Report.YAML:
        typer.echo(document(Form.YAML, json.loads(csds_as_json(found))), nl=False)
    else:
        shown = csds_as_json if output is Report.JSON else csds_table
        typer.echo(shown(found), nl=False)
    if any(row.rejected for row in found):
        raise typer.Exit(1)
