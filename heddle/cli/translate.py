"""`heddle translate`: what a proxy would get, offline."""

from enum import StrEnum
from typing import Annotated

import typer

from heddle.cli.folder import FolderOption, folder_of
from heddle.exits import fail
from heddle.folder import Folder
from heddle.show import as_json, as_yaml, document
from mesh.proxy import Mode, Proxy
from translator.translate import translate as translate_proxy


class Output(StrEnum):
    """How a command prints."""

    YAML = "yaml"
    JSON = "json"


def translate(
    folder: FolderOption,
    proxy: Annotated[
        str, typer.Option(help="NAMESPACE/POD, or NAMESPACE/DEPLOYMENT for a pod of it.")
    ],
    output: Annotated[Output, typer.Option("-o", "--output", help="yaml or json")] = Output.YAML,
    mode: Annotated[
        Mode, typer.Option(help="REDIRECT, or NONE for the local runner's proxy-port mode.")
    ] = Mode.REDIRECT,
) -> None:
    """Print the exact configuration that a proxy would get, offline.

    One document with the lists clusters, endpoints, listeners and routes in Envoy's own form. What
    is wrong with the folder goes to stderr.
    """
    read = folder_of(folder, mode)
    for problem in read.problems:
        typer.echo(str(problem), err=True)
    found = _proxy(read, proxy)
    shown = document(translate_proxy(read.mesh, found))
    typer.echo(as_json(shown) if output is Output.JSON else as_yaml(shown), nl=False)


def _proxy(read: Folder, name: str) -> Proxy:
    namespace, slash, pod = name.partition("/")
    if not slash:
        raise fail(f"--proxy is NAMESPACE/POD or NAMESPACE/DEPLOYMENT, not {name!r}")
    exact = [p for p in read.proxies if (p.namespace, p.name) == (namespace, pod)]
    made = [p for p in read.proxies if read.owners.get(f"{p.namespace}/{p.name}") == name]
    if exact or made:
        return (exact or made)[0]
    for skipped, reason in read.skipped.items():
        if skipped == name or skipped.startswith(f"{name}-"):
            raise fail(f"{skipped} has no sidecar: {reason}")
    known = ", ".join(f"{p.namespace}/{p.name}" for p in read.proxies) or "none"
    raise fail(f"there is no injected pod {name}; there are: {known}")
