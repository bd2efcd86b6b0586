"""The folder of YAML that an offline command reads."""

from pathlib import Path
from typing import Annotated

import typer

from heddle.cli.uncollected import uncollected
from heddle.exits import fail
from heddle.folder import Folder, read_folder
from mesh.proxy import Mode
from sources.errors import SourceError

FolderOption = Annotated[
    Path, typer.Option("-f", "--folder", help="Folder of Kubernetes and Istio YAML.")
]


def folder_of(path: Path, mode: Mode = Mode.REDIRECT) -> Folder:
    """What is in it. Ends the command if that cannot be read."""
    try:
        with uncollected():
            return read_folder(path, mode)
    except SourceError as error:
        raise fail(str(error)) from error
