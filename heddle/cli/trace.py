"""`heddle trace`: the way of a call, and which object and line decided each step."""

from collections.abc import Iterator
from typing import Annotated

import typer

from heddle.cli.explaining import Answer, FolderOption, answered, rows, shown
from heddle.cli.output import Form, OutputOption
from heddle.cli.reach import Where
from heddle.cli.where import reaching
from heddle.debug.addresses import TRACE
from heddle.exits import fail
from heddle.explained.tracing import Called, headers_of, headers_text, traced


@reaching
def trace_command(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="[kind/]name[.namespace] of who calls; of a gateway, for a call from outside.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(help="What is called: http://HOST:PORT/PATH, or https, tcp, tls."),
    ],
    method: Annotated[str, typer.Option(help="Of the request.")] = "GET",
    header: Annotated[
        list[str] | None, typer.Option("-H", "--header", help="`name: value`; may be repeated.")
    ] = None,
    folder: FolderOption = None,
    output: OutputOption = Form.TABLE,
    *,
    where: Where,
) -> None:
    """Say which way a call takes, step by step, and which object and line decided it.

    Exit 1 if it fails. Nothing is sent: it is worked out from the configuration of the sidecars.
    """
    try:
        called = Called(url=to, method=method, headers=headers_of(header or ()))
    except ValueError as error:
        raise fail(str(error)) from error
    query = {
        "from": source,
        "to": to,
        "method": method,
        "headers": headers_text(called.headers),
    }
    answer = answered(folder, where, lambda now: traced(now, source, called), TRACE, query)
    shown(output, answer, _lines)
    if not answer["ok"]:
        raise typer.Exit(1)


def _lines(answer: Answer) -> Iterator[str]:
    yield from rows(answer["steps"])
    yield ""
    yield f"{answer['to']} from {answer['from']} {answer['verdict']}"
