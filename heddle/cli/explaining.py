"""What `trace`, `authz check` and `describe` share: where answers come from, and how they print.

From a folder they are worked out here; else the control plane of a mesh that runs is asked, which
knows the same and where it is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from crds.problem import printable
from heddle.cli.folder import folder_of
from heddle.cli.output import Form, document
from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached
from heddle.exits import fail
from heddle.explained.situation import Situation
from webhook import raw

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "-f",
        "--folder",
        help="A folder of Kubernetes and Istio YAML; by default the mesh that runs is asked.",
    ),
]
Answer = Mapping[str, object]


def answered(
    folder: Path | None,
    where: Where,
    offline: Callable[[Situation], Answer],
    page: str,
    query: Mapping[str, str],
) -> Answer:
    """The answer, from a folder or from a mesh that runs. Without one the command ends."""
    if folder is None:
        return ask(where, lambda plane: _asked(plane, page, query))
    read = folder_of(folder)
    try:
        situation = Situation(mesh=read.mesh, proxies=read.proxies, origin=read.origins.get)
        return offline(situation)
    except ValueError as error:
        raise fail(str(error)) from error


async def _asked(plane: Reached, page: str, query: Mapping[str, str]) -> Answer:
    return raw.mapping(
        await plane.json(page, {name: value for name, value in query.items() if value})
    )


def shown(form: Form, answer: Answer, lines: Callable[[Answer], Iterable[str]]) -> None:
    """Prints an answer: `lines` make the table of it, in which nothing steers the terminal."""
    if form is Form.TABLE:
        for line in lines(answer):
            typer.echo(printable(line))
    else:
        typer.echo(document(form, answer), nl=False)


def rows(steps: object) -> Iterator[str]:
    """Steps, each with what decided it, and what is wrong with that."""
    listed = parts(steps)
    width = max((len(str(each["at"])) for each in listed), default=0)
    for each in listed:
        mark = " " if each["ok"] else "!"
        yield f"{mark} {str(each['at']).ljust(width)}  {each['name']}: {each['says']}"
        for cause in parts(each["causes"]):
            yield f"{' ' * width}    by {place(cause)}"
        for problem in parts(each["problems"]):
            code = f"{problem['severity']}[{problem['code']}]"
            yield f"{' ' * width}    {code} {place(problem)}: {problem['message']}"


def place(cause: Mapping[str, object]) -> str:
    """An object and where it is written, such as `VirtualService shop/web (web.yaml:12)`."""
    line = f"{cause['file']}:{cause['line']}" if cause.get("file") else str(cause.get("path", ""))
    return f"{cause['object']} ({line})" if line else str(cause["object"])


def parts(value: object) -> list[Mapping[str, object]]:
    """A list of objects in an answer."""
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, Mapping)]
