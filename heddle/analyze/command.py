"""`heddle analyze` on the command line."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from analysis.analyzers import ANALYZERS
from analysis.codes import CODES
from analysis.engine import analyze
from analysis.message import Message
from analysis.severity import Severity
from analysis.suppression import Suppression, suppression, unsuppressed
from crds.decode import DEFAULT_NAMESPACE
from heddle.analyze import report
from heddle.analyze.files import STDIN, read_files
from heddle.analyze.sarif import as_sarif
from heddle.analyze.subject import Chosen, Subject, subject
from heddle.cli import output as plain
from heddle.exits import fail
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE
from mesh.advance import CONFIG_KEY
from sources.errors import SourceError


class Form(StrEnum):
    """How findings are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    SARIF = "sarif"


class UseKube(StrEnum):
    """Whether the objects of a cluster count."""

    AUTO = "auto"
    TRUE = "true"
    FALSE = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What to look at."""

    files: Sequence[str]
    recursive: bool
    use_kube: UseKube
    kubeconfig: Path | None
    namespace: str | None
    all_namespaces: bool
    system_namespace: str
    revision: str


def analyze_command(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Files and folders of YAML or JSON; - is what is piped in."),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-R", "--recursive", help="Read the folders within folders, too.")
    ] = False,
    use_kube: Annotated[
        UseKube,
        typer.Option(
            help="Lay the files over what a cluster holds; false: the files are all that there "
            "is. By default the cluster counts if KUBECONFIG or a pod's environment names one."
        ),
    ] = UseKube.AUTO,
    kubeconfig: Annotated[
        Path | None,
        typer.Option("-c", "--kubeconfig", help="The cluster; by default that of KUBECONFIG."),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "-n",
            "--namespace",
            help="Report on objects of this namespace only; objects in files that name none are "
            "in it. By default on all objects of files, and on those of a cluster in `default`.",
        ),
    ] = None,
    all_namespaces: Annotated[
        bool, typer.Option("-A", "--all-namespaces", help="Report on objects of all namespaces.")
    ] = False,
    suppress: Annotated[
        list[str] | None,
        typer.Option(
            "-S",
            "--suppress",
            help='Findings to leave out, as "IST0102=Namespace shop" or "IST0103=Pod *.shop". May '
            "be given several times. An object's annotation galley.istio.io/analyze-suppress "
            "does it, too.",
        ),
    ] = None,
    failure_threshold: Annotated[
        Severity, typer.Option(help="Exit with 1 from this severity on.")
    ] = Severity.ERROR,
    output_threshold: Annotated[
        Severity, typer.Option(help="Print findings from this severity on.")
    ] = Severity.INFO,
    output: Annotated[
        Form, typer.Option("-o", "--output", help="table, json, yaml or sarif")
    ] = Form.TABLE,
    list_analyzers: Annotated[
        bool, typer.Option("-L", "--list-analyzers", help="List all analyzers and codes.")
    ] = False,
    system_namespace: Annotated[
        str, typer.Option("-i", help="Where the control plane is, with its ConfigMap.")
    ] = SYSTEM_NAMESPACE,
    revision: Annotated[
        str, typer.Option("-r", "--revision", help="The control plane to look at it for.")
    ] = DEFAULT_REVISION,
) -> None:
    """Say what is wrong in files, in a cluster, or in a cluster once files were applied to it.

    Exit 1 if anything is as bad as --failure-threshold, 2 if nothing could be analyzed.
    """
    if list_analyzers:
        typer.echo(report.listing(ANALYZERS, CODES.values()), nl=False)
        return
    suppressions = [_suppression(each) for each in suppress or ()]
    asked = _Asked(
        files=files or (),
        recursive=recursive,
        use_kube=use_kube,
        kubeconfig=kubeconfig,
        namespace=namespace,
        all_namespaces=all_namespaces,
        system_namespace=system_namespace,
        revision=revision,
    )
    try:
        found = _subject(asked)
    except (SourceError, OSError) as error:
        raise fail(str(error)) from error
    every = analyze(found.facts, ANALYZERS, found.problems, found.place)
    kept = unsuppressed(every, found.facts, suppressions)
    shown = [each for each in kept if each.severity.rank <= output_threshold.rank]
    # https://no-color.org; without it, a terminal has colours and a file has none.
    colour = False if os.environ.get("NO_COLOR") else None
    typer.echo(_shown(shown, output), nl=False, color=colour)
    if output is Form.TABLE:
        typer.echo(report.summary(kept, len(every) - len(kept)), err=True)
    if any(each.severity.rank <= failure_threshold.rank for each in kept):
        raise typer.Exit(1)


def _suppression(text: str) -> Suppression:
    found = suppression(text, CODES)
    if found is None:
        raise fail(f'--suppress is "CODE=Kind name.namespace" with a code of -L, not {text!r}')
    return found


def _subject(asked: _Asked) -> Subject:
    if asked.namespace is not None and asked.all_namespaces:
        raise SourceError("give --namespace or --all-namespaces, not both")
    own = asked.namespace or DEFAULT_NAMESPACE
    stdin = sys.stdin.buffer.read() if STDIN in asked.files else b""
    events = read_files(asked.files, recursive=asked.recursive, stdin=stdin, namespace=own)
    chosen = Chosen(
        namespace=None if asked.all_namespaces else own, all_files=asked.namespace is None
    )
    if not _uses_kube(asked):
        if not asked.files:
            raise SourceError("name files or folders, or a cluster with --kubeconfig")
        return subject(events, chosen=chosen, config=CONFIG_KEY, revision=asked.revision)
    # Here, and not above: it takes a second to import, which files need not wait for.
    import asyncio

    from heddle.analyze.cluster import read_cluster
    from heddle.cluster_feed import KubernetesSource

    source = KubernetesSource(
        kubeconfig=asked.kubeconfig, namespace=asked.system_namespace, revision=asked.revision
    )
    held = asyncio.run(read_cluster(source))
    return subject(
        events,
        held.events,
        chosen=chosen,
        config=source.config,
        revision=asked.revision,
        unknown=held.unknown,
    )


def _uses_kube(asked: _Asked) -> bool:
    match asked.use_kube:
        case UseKube.TRUE:
            return True
        case UseKube.FALSE:
            return False
        case UseKube.AUTO:
            return asked.kubeconfig is not None or _is_named()


def _is_named() -> bool:
    """Whether the environment says where a cluster is: a user's, or that of a pod."""
    return any(os.environ.get(name) for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"))


def _shown(messages: Sequence[Message], form: Form) -> str:
    match form:
        case Form.TABLE:
            return report.text(messages)
        case Form.SARIF:
            return as_sarif(messages, version("heddle"))
        case _:
            return plain.document(
                plain.Form(form.value), [report.fields(each) for each in messages]
            )
