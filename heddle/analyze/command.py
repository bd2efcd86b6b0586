"""`heddle analyze` on the command line."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from analysis import own_codes
from analysis.analyzers import ANALYZERS
from analysis.codes import CODES
from analysis.engine import analyze
from analysis.message import Message
from analysis.severity import Severity
from analysis.suppression import Suppression, suppression, unsuppressed
from crds.decode import DEFAULT_NAMESPACE
from crds.meta import Key
from crds.scalars import duration
from heddle.analyze import report
from heddle.analyze.files import STDIN, mesh_config, read_files
from heddle.analyze.sarif import as_sarif
from heddle.analyze.subject import Chosen, Subject, subject
from heddle.cli import output as plain
from heddle.cli.uncollected import uncollected
from heddle.exits import fail
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE
from mesh.advance import CONFIG_KEY
from sources.errors import SourceError
from sources.events import Event


class Form(StrEnum):
    """How findings are printed; `log` is istioctl's word for `table`."""

    TABLE = "table"
    LOG = "log"
    JSON = "json"
    YAML = "yaml"
    SARIF = "sarif"


class Wish(StrEnum):
    """Yes, no, or as it is fit."""

    AUTO = "auto"
    TRUE = "true"
    FALSE = "false"


PATIENCE_SECONDS = 60.0
"""For all that there is in a cluster."""
_FOR_PEOPLE = (Form.TABLE, Form.LOG)
UNKNOWN = (own_codes.NOT_AN_OBJECT, own_codes.UNREADABLE_FILE)
"""What --ignore-unknown leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What to look at."""

    files: Sequence[str]
    recursive: bool
    use_kube: Wish
    kubeconfig: Path | None
    context: str | None
    patience: float
    mesh_config: Path | None
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
        Wish,
        typer.Option(
            case_sensitive=False,
            help="Lay the files over what a cluster holds; false: the files are all that there "
            "is. By default the cluster counts if KUBECONFIG or a pod's environment names one.",
        ),
    ] = Wish.AUTO,
    kubeconfig: Annotated[
        Path | None,
        typer.Option("-c", "--kubeconfig", help="The cluster; by default that of KUBECONFIG."),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(help="Which context of the kubeconfig, if not the current one."),
    ] = None,
    timeout: Annotated[
        str, typer.Option(help="How long all that is read of a cluster may take.")
    ] = f"{PATIENCE_SECONDS:.0f}s",
    mesh_config: Annotated[
        Path | None,
        typer.Option(
            "--meshConfigFile",
            "--mesh-config-file",
            help="A file with MeshConfig, in place of the ConfigMap's.",
        ),
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
        Severity, typer.Option(case_sensitive=False, help="Exit with 1 from this severity on.")
    ] = Severity.ERROR,
    output_threshold: Annotated[
        Severity, typer.Option(case_sensitive=False, help="Print findings from this severity on.")
    ] = Severity.INFO,
    output: Annotated[
        Form,
        typer.Option(
            "-o", "--output", case_sensitive=False, help="table (or log), json, yaml or sarif"
        ),
    ] = Form.TABLE,
    color: Annotated[
        Wish,
        typer.Option(
            case_sensitive=False, help="By default on a terminal, unless NO_COLOR is set."
        ),
    ] = Wish.AUTO,
    ignore_unknown: Annotated[
        bool,
        typer.Option(
            "--ignore-unknown",
            help="Say nothing of files that hold no Kubernetes objects, such as templates.",
        ),
    ] = False,
    list_analyzers: Annotated[
        bool, typer.Option("-L", "--list-analyzers", help="List all analyzers and codes.")
    ] = False,
    system_namespace: Annotated[
        str,
        typer.Option(
            "-i",
            "--system-namespace",
            "--istioNamespace",
            help="Where the control plane is, with its ConfigMap.",
        ),
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
        context=context,
        patience=_seconds(timeout),
        mesh_config=mesh_config,
        namespace=namespace,
        all_namespaces=all_namespaces,
        system_namespace=system_namespace,
        revision=revision,
    )
    try:
        with uncollected():
            found = _subject(asked)
            every = analyze(found.facts, ANALYZERS, found.problems, found.place)
    except (SourceError, OSError) as error:
        raise fail(str(error)) from error
    known = [each for each in every if not (ignore_unknown and each.code in UNKNOWN)]
    kept = unsuppressed(known, found.facts, suppressions)
    shown = [each for each in kept if each.severity.rank <= output_threshold.rank]
    typer.echo(_shown(shown, output), nl=False, color=_colour(color))
    if output in _FOR_PEOPLE:
        typer.echo(report.summary(kept, len(known) - len(kept)), err=True)
    if any(each.severity.rank <= failure_threshold.rank for each in kept):
        raise typer.Exit(1)


def _colour(wish: Wish) -> bool | None:
    """None: as a terminal has it, and a file has not (https://no-color.org)."""
    if wish is Wish.AUTO:
        return False if os.environ.get("NO_COLOR") else None
    return wish is Wish.TRUE


def _seconds(text: str) -> float:
    found = duration(text)
    if found is None or found.nanos <= 0:
        raise fail(f"--timeout is a duration such as 30s, not {text!r}")
    return found.seconds


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
        events += _mesh_config(asked, CONFIG_KEY)
        return subject(events, chosen=chosen, config=CONFIG_KEY, revision=asked.revision)
    # Here, and not above: it takes a second to import, which files need not wait for.
    import asyncio

    from heddle.analyze.cluster import read_cluster
    from heddle.cluster_feed import KubernetesSource

    source = KubernetesSource(
        kubeconfig=asked.kubeconfig, namespace=asked.system_namespace, revision=asked.revision
    )
    held = asyncio.run(read_cluster(source, asked.context, asked.patience))
    events += _mesh_config(asked, source.config)
    return subject(
        events,
        held.events,
        chosen=chosen,
        config=source.config,
        revision=asked.revision,
        unknown=held.unknown,
    )


def _mesh_config(asked: _Asked, key: Key) -> list[Event]:
    return [] if asked.mesh_config is None else [mesh_config(asked.mesh_config, key)]


def _uses_kube(asked: _Asked) -> bool:
    match asked.use_kube:
        case Wish.TRUE:
            return True
        case Wish.FALSE:
            return False
        case Wish.AUTO:
            return bool(asked.kubeconfig or asked.context) or _is_named()


def _is_named() -> bool:
    """Whether the environment says where a cluster is: a user's, or that of a pod."""
    return any(os.environ.get(name) for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"))


def _shown(messages: Sequence[Message], form: Form) -> str:
    match form:
        case Form.TABLE | Form.LOG:
            return report.text(messages)
        case Form.SARIF:
            # Here, and not above: it takes as long to import as all analyzers do.
            from importlib.metadata import version

            return as_sarif(messages, version("heddle"))
        case _:
            return plain.document(
                plain.Form(form.value), [report.fields(each) for each in messages]
            )
