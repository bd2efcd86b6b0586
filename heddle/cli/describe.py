"""`heddle describe pod|service`: which objects act on it, and which lost."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from heddle.cli.explaining import Answer, FolderOption, answered, rows, shown
from heddle.cli.output import Form, OutputOption
from heddle.cli.reach import Where
from heddle.cli.where import reaching
from heddle.debug.addresses import DESCRIBE
from heddle.explained.describing import described


class Described(StrEnum):
    """What can be described."""

    POD = "pod"
    SERVICE = "service"


@reaching
def describe_command(
    kind: Annotated[Described, typer.Argument(help="pod or service.")],
    name: Annotated[str, typer.Argument(help="[kind/]name[.namespace]; of a service also a host.")],
    folder: FolderOption = None,
    output: OutputOption = Form.TABLE,
    *,
    where: Where,
) -> None:
    """Say which objects act on a pod or a service, what comes of it, and which of them lost."""
    query = {"kind": kind.value, "name": name}
    answer = answered(folder, where, lambda now: described(now, kind.value, name), DESCRIBE, query)
    shown(output, answer, _lines)


def _lines(answer: Answer) -> Iterator[str]:
    yield str(answer["name"])
    yield ""
    yield from rows(answer["acting"])
