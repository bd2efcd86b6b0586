"""`heddle inject`: pods with sidecars, offline."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from crds.problem import Severity
from heddle.exits import fail
from heddle.inject_files import file_settings, injected_text
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE


def inject(
    file: Annotated[
        Path, typer.Option("-f", "--filename", help="A file of Kubernetes YAML or JSON, or -.")
    ],
    revision: Annotated[
        str, typer.Option(help="The control plane that the pods belong to.")
    ] = DEFAULT_REVISION,
    settings: Annotated[
        Path | None,
        typer.Option(help="The injector's settings: what is under `injection` in its ConfigMap."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", help="Of objects that name none.")
    ] = "default",
    system_namespace: Annotated[
        str, typer.Option(help="Where the control plane is.")
    ] = SYSTEM_NAMESPACE,
) -> None:
    """Add sidecars to whatever makes pods in a file, offline, and print all of it.

    What gets no sidecar is printed as it is. Exit 1 if a pod is refused.
    """
    try:
        made = file_settings(settings, revision=revision, system_namespace=system_namespace)
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, ValueError) as error:
        raise fail(str(error)) from error
    shown, problems = injected_text(text, made, namespace)
    typer.echo(shown, nl=False)
    for problem in problems:
        typer.echo(str(problem), err=True)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(1)
