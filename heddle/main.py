"""The command line."""

import asyncio
import json
import sys
from enum import StrEnum
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import typer

from ca.errors import AuthorityError
from crds.problem import Problem, Severity
from heddle.analyze.command import analyze_command
from heddle.ca_command import app as ca_app
from heddle.check.command import check
from heddle.cli.authz import app as authz_app
from heddle.cli.config_dump import config_dump
from heddle.cli.dashboard import dashboard_command
from heddle.cli.describe import describe_command
from heddle.cli.proxy_config import app as proxy_config_app
from heddle.cli.proxy_status import proxy_status
from heddle.cli.trace import trace_command
from heddle.compatibility import compatibility as compatibility_document
from heddle.definitions import stream as definition_stream
from heddle.demo.command import DemoSettings
from heddle.demo.command import run as run_demo
from heddle.exits import fail
from heddle.folder import Folder, read_folder
from heddle.inject_files import file_settings, injected_text
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE
from heddle.local.errors import LocalError
from heddle.logs import log_to_stderr
from heddle.running_mesh import enter_sandbox, mesh_opener
from heddle.serve_command import InlineRoutesOption, serve
from heddle.show import as_json, as_yaml, document
from mesh.proxy import Mode, Proxy
from sources.errors import SourceError
from translator.translate import translate as translate_proxy

app = typer.Typer(
    help="A service mesh control plane that drives stock Envoy sidecars.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(ca_app, name="ca")
app.add_typer(authz_app, name="authz")
app.command("trace")(trace_command)
app.command("describe")(describe_command)
app.command()(serve)
app.command()(proxy_status)
app.command("ps", hidden=True)(proxy_status)
app.add_typer(proxy_config_app, name="proxy-config")
app.add_typer(proxy_config_app, name="pc", hidden=True)
app.command()(config_dump)
app.command("analyze")(analyze_command)
app.command("dashboard")(dashboard_command)
app.command()(check)

FolderOption = Annotated[
    Path, typer.Option("-f", "--folder", help="Folder of Kubernetes and Istio YAML.")
]


class Output(StrEnum):
    """How a command prints."""

    YAML = "yaml"
    JSON = "json"


class Report(StrEnum):
    """How `validate` prints."""

    TEXT = "text"
    JSON = "json"


def _read(folder: Path, mode: Mode = Mode.REDIRECT) -> Folder:
    try:
        return read_folder(folder, mode)
    except SourceError as error:
        raise fail(str(error)) from error


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(package_version("heddle"))


@app.command()
def compatibility() -> None:
    """Print what becomes of each field of Istio's API, as Markdown (docs/compatibility.md)."""
    typer.echo(compatibility_document(), nl=False)


@app.command()
def crds() -> None:
    """Print the CustomResourceDefinitions, for `kubectl apply -f -` (charts/heddle-crds)."""
    typer.echo(definition_stream(), nl=False)


@app.command()
def validate(
    folder: FolderOption,
    output: Annotated[Report, typer.Option("-o", "--output", help="text or json")] = Report.TEXT,
) -> None:
    """Check a folder: exit 1 if anything in it is an error."""
    problems = _read(folder).problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if output is Report.JSON:
        typer.echo(json.dumps([_as_dict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(f"{errors} errors, {len(problems) - errors} warnings", err=True)
    if errors:
        raise typer.Exit(1)


def _as_dict(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "object": str(problem.object) if problem.object else None,
        "path": problem.path,
        "value": problem.value,
        "message": problem.message,
        "file": place.file if place else None,
        "document": place.document if place else None,
        "line": place.line if place else None,
    }


@app.command()
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
    read = _read(folder, mode)
    for problem in read.problems:
        typer.echo(str(problem), err=True)
    found = _proxy(read, proxy)
    shown = document(translate_proxy(read.mesh, found))
    typer.echo(as_json(shown) if output is Output.JSON else as_yaml(shown), nl=False)


@app.command()
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


class DemoMode(StrEnum):
    """How pods run."""

    AUTO = "auto"
    NAMESPACES = "namespaces"
    PROXY_PORT = "proxy-port"


@app.command()
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
