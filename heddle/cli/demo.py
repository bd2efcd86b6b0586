"""`heddle demo`: a mesh on this machine."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ca.errors import AuthorityError
from heddle.demo.command import DemoSettings
from heddle.demo.command import run as run_demo
from heddle.exits import fail
from heddle.local.errors import LocalError
from heddle.logs import log_to_stderr
from heddle.running_mesh import enter_sandbox, mesh_opener
from heddle.serve_command import InlineRoutesOption
from sources.errors import SourceError


class DemoMode(StrEnum):
    """How pods run."""

    AUTO = "auto"
    NAMESPACES = "namespaces"
    PROXY_PORT = "proxy-port"


def demo(
    folder: Annotated[
        Path, typer.Option("-f", "--folder", help="Folder of Kubernetes and Istio YAML.")
    ] = Path("examples/shop"),
    mode: Annotated[
        DemoMode,
        typer.Option(help="namespaces (root: real interception), proxy-port, or what works."),
    ] = DemoMode.AUTO,
    once: Annotated[
        bool, typer.Option("--once", help="One bounded run and its verdict, without a terminal.")
    ] = False,
    as_one_json: Annotated[
        bool, typer.Option("--json", help="With --once: the last line is one JSON object.")
    ] = False,
    requests: Annotated[
        int, typer.Option(min=100, help="With --once: how many requests a split is judged by.")
    ] = 2000,
    edits: Annotated[
        int, typer.Option(min=1, max=200, help="With --once: how many edits are made under load.")
    ] = 5,
    envoy: Annotated[str | None, typer.Option(help="The Envoy to run; also HEDDLE_ENVOY.")] = None,
    ca_folder: Annotated[
        Path | None,
        typer.Option(help="Keep the certificate authority there, for `heddle ca` to rotate."),
    ] = None,
    inline_routes: InlineRoutesOption = False,
) -> None:
    """Run a mesh on this machine from a folder of YAML, with real Envoys and a live view."""
    settings = DemoSettings(
        folder=folder,
        mode=mode.value,
        once=once,
        json=as_one_json,
        requests=requests,
        edits=edits,
    )
    try:
        enter_sandbox(mode.value)
        log_to_stderr(quiet=not once)
        opener = mesh_opener(envoy, inline_routes=inline_routes, ca_folder=ca_folder)
        code = asyncio.run(run_demo(settings, opener))
    except (LocalError, SourceError, AuthorityError, OSError) as error:
        raise fail(str(error)) from error
    raise typer.Exit(code)
