"""`heddle authz check`: the policies of a pod, and what they say of a call."""

from collections.abc import Iterator
from typing import Annotated

import typer

from heddle.cli.explaining import Answer, FolderOption, answered, parts, place, shown
from heddle.cli.output import Form, OutputOption
from heddle.cli.reach import Where
from heddle.cli.where import reaching
from heddle.columns import aligned
from heddle.debug.addresses import AUTHZ
from heddle.exits import fail
from heddle.explained.tracing import Peer, checked, headers_of, headers_text

app = typer.Typer(help="Who may call whom.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Who may call whom."""


@app.command()
@reaching
def check(
    pod: Annotated[str, typer.Argument(help="Who is called: [kind/]name[.namespace].")],
    source: Annotated[
        str,
        typer.Option("--from", help="Who calls, in the same way; `outside`: nobody of the mesh."),
    ] = "",
    path: Annotated[str, typer.Option(help="Of the request.")] = "/",
    method: Annotated[str, typer.Option(help="Of the request.")] = "GET",
    host: Annotated[str, typer.Option(help="That the request asks for.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The pod's own; 0: its first.")] = 0,
    header: Annotated[
        list[str] | None, typer.Option("-H", "--header", help="`name: value`; may be repeated.")
    ] = None,
    plaintext: Annotated[
        bool, typer.Option("--plaintext", help="The caller comes without a certificate.")
    ] = False,
    tcp: Annotated[bool, typer.Option("--tcp", help="A connection, and no request.")] = False,
    folder: FolderOption = None,
    output: OutputOption = Form.TABLE,
    *,
    where: Where,
) -> None:
    """List the AuthorizationPolicies of a pod; with --from, say which of them decides on a call.

    Exit 1 if the call is denied.
    """
    try:
        headers = headers_of(header or ())
    except ValueError as error:
        raise fail(str(error)) from error
    peer = Peer(
        source=source,
        port=port,
        path=path,
        method=method,
        host=host,
        headers=headers,
        plaintext=plaintext,
        tcp=tcp,
    )
    answer = answered(folder, where, lambda now: checked(now, pod, peer), AUTHZ, _query(pod, peer))
    shown(output, answer, _lines)
    if answer.get("decision") == "denied":
        raise typer.Exit(1)


def _query(pod: str, peer: Peer) -> dict[str, str]:
    return {
        "at": pod,
        "from": peer.source,
        "port": str(peer.port),
        "path": peer.path,
        "method": peer.method,
        "host": peer.host,
        "headers": headers_text(peer.headers),
        "plaintext": "yes" if peer.plaintext else "",
        "tcp": "yes" if peer.tcp else "",
    }


def _lines(answer: Answer) -> Iterator[str]:
    policies = parts(answer["policies"])
    if not policies:
        yield f"{answer['pod']}: no AuthorizationPolicy selects it"
    else:
        cells = [
            (
                f"{each['action']}{' (dry run)' if each['dry_run'] else ''}",
                str(each["rules"]),
                place(each),
            )
            for each in policies
        ]
        yield from aligned([("ACTION", "RULES", "POLICY"), *cells])
    if "decision" in answer:
        yield ""
        yield from _judged(answer)


def _judged(answer: Answer) -> Iterator[str]:
    yield f"{str(answer['decision']).upper()}: {answer['why']}"
    for each in parts(answer["decided_by"]):
        yield f"  by {place(each)}"
    for each in parts(answer["rules"]):
        if not each["matched"]:
            yield f"  not {each['action']} by {place(each)}: {each['why']}"
