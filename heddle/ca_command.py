"""`heddle ca`: the certificate authority of a mesh, and the rotation of its root."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ca.errors import AuthorityError, NotYet, RotationRefused
from ca.rotation import Phase, Rotation
from heddle.authority_place import AuthorityPlace, FolderPlace
from heddle.ca_show import as_text, as_values, now_is
from heddle.ca_steps import PAUSE, Care, made, progress, step, step_back
from heddle.certificates import TRUST_DOMAIN
from heddle.exits import fail
from heddle.injection import SYSTEM_NAMESPACE
from sources.errors import SourceError

app = typer.Typer(
    help="Make the certificate authority of a mesh, and rotate its root without a failed request.",
    no_args_is_help=True,
)

_POLL_SECONDS = 0.5

FolderOption = Annotated[
    Path | None,
    typer.Option("--ca-folder", help="The folder that `heddle serve --ca-folder` was given."),
]
KubernetesOption = Annotated[
    bool,
    typer.Option(
        "--kubernetes",
        help="The authority of the control plane in a cluster: its Secret heddle-ca.",
    ),
]
KubeconfigOption = Annotated[
    Path | None,
    typer.Option(
        help="With --kubernetes: where the cluster is. By default what KUBECONFIG names, or the "
        "cluster that this runs in."
    ),
]
NamespaceOption = Annotated[
    str, typer.Option(help="With --kubernetes: the namespace of the control plane.")
]
FromOption = Annotated[
    Path | None,
    typer.Option(
        "--from",
        help="Folder with the authority to use, by Istio's file names (ca-cert.pem, ca-key.pem, "
        "root-cert.pem, cert-chain.pem) or cert-manager's. Without it a new root is made.",
    ),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Take all steps, each as soon as every proxy is ready.")
]
TimeoutOption = Annotated[
    float, typer.Option(min=0, help="With --wait: how many seconds each step may take.")
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Leave out proxies that do not have the step before: they lose their connections.",
    ),
]


class Form(StrEnum):
    """How `status` prints."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """Where the authority is kept, as the options say."""

    folder: Path | None
    kubernetes: bool
    kubeconfig: Path | None
    namespace: str

    @asynccontextmanager
    async def place(self) -> AsyncIterator[AuthorityPlace]:
        """Raises `SourceError` if there is no API server to ask."""
        if self.folder is not None:
            yield FolderPlace(self.folder)
            return
        # It takes a second to import: only who talks to an API server does.
        from heddle.authority_secret import ClusterPlace, SecretPlace
        from sources.kubernetes import kubernetes_api

        async with kubernetes_api(self.kubeconfig) as api:
            yield SecretPlace(api, ClusterPlace(namespace=self.namespace), _now)


def _where(
    folder: Path | None, kubernetes: bool, kubeconfig: Path | None, namespace: str
) -> _Where:
    if (folder is None) != (kubernetes or kubeconfig is not None):
        raise fail("say where the authority is kept: --ca-folder FOLDER, or --kubernetes")
    return _Where(folder=folder, kubernetes=kubernetes, kubeconfig=kubeconfig, namespace=namespace)


@app.command()
def init(
    ca_folder: FolderOption = None,
    kubernetes: KubernetesOption = False,
    kubeconfig: KubeconfigOption = None,
    namespace: NamespaceOption = SYSTEM_NAMESPACE,
    given: FromOption = None,
    trust_domain: Annotated[
        str, typer.Option(help="Named in the authority's own certificates.")
    ] = TRUST_DOMAIN,
) -> None:
    """Make an authority: a root, and an intermediate below it that signs.

    `heddle serve` does so by itself at its first start. Keep `current/root-key.pem` elsewhere if
    you make intermediates there.
    """
    where = _where(ca_folder, kubernetes, kubeconfig, namespace)

    async def act(place: AuthorityPlace) -> None:
        _say(await made(place, _now(), trust_domain, given))

    _run(where, act)


@app.command()
def status(
    ca_folder: FolderOption = None,
    kubernetes: KubernetesOption = False,
    kubeconfig: KubeconfigOption = None,
    namespace: NamespaceOption = SYSTEM_NAMESPACE,
    output: Annotated[Form, typer.Option("-o", "--output", help="text or json")] = Form.TEXT,
) -> None:
    """Print who signs, who is trusted, how far a rotation is and whom it waits for."""
    where = _where(ca_folder, kubernetes, kubeconfig, namespace)

    async def act(place: AuthorityPlace) -> None:
        found = await progress(place, _now())
        if output is Form.JSON:
            typer.echo(json.dumps(as_values(found), indent=2))
        else:
            typer.echo(as_text(found), nl=False)

    _run(where, act)


@app.command()
def rotate(
    ca_folder: FolderOption = None,
    kubernetes: KubernetesOption = False,
    kubeconfig: KubeconfigOption = None,
    namespace: NamespaceOption = SYSTEM_NAMESPACE,
    given: FromOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = 600.0,
    force: ForceOption = False,
    pause: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds that the step before the last takes at least, so that the new root "
            "reaches the file that each pod's bootstrap names.",
        ),
    ] = PAUSE.total_seconds(),
) -> None:
    """Begin to rotate the root, or take the next step.

    An intermediate of the same root (--from) signs at once; to another root it takes three steps.

    Three steps: trust the new root beside the old one; sign with the new one; trust the old one no
    longer. Each needs every proxy to have acknowledged the one before; exit 1, with their names, if
    some have not. The control planes that share the authority follow at once.
    """
    care = Care(force=force, pause=timedelta(seconds=pause))
    where = _where(ca_folder, kubernetes, kubeconfig, namespace)
    patience = timeout if wait else None
    _run(where, lambda place: _steps(lambda: step(place, _now(), care, given), patience))


@app.command()
def rollback(
    ca_folder: FolderOption = None,
    kubernetes: KubernetesOption = False,
    kubeconfig: KubeconfigOption = None,
    namespace: NamespaceOption = SYSTEM_NAMESPACE,
    wait: WaitOption = False,
    timeout: TimeoutOption = 600.0,
    force: ForceOption = False,
) -> None:
    """Take back the last step of a rotation; with --wait, all of them.

    After the last step there is nothing to take back: rotate anew.
    """
    care = Care(force=force)
    where = _where(ca_folder, kubernetes, kubeconfig, namespace)
    patience = timeout if wait else None
    _run(where, lambda place: _steps(lambda: step_back(place, _now(), care), patience))


async def _steps(take: Callable[[], Awaitable[Rotation]], patience: float | None) -> None:
    """One step, or with `patience` (in seconds, for each) all of them."""
    rotation = await _taken(take, patience or 0.0)
    _say(rotation)
    while patience is not None and rotation.phase is not Phase.STABLE:
        rotation = await _taken(take, patience)
        _say(rotation)


async def _taken(take: Callable[[], Awaitable[Rotation]], patience: float) -> Rotation:
    """The state after a step, which may have to wait."""
    deadline, told = time.monotonic() + patience, ""
    while True:
        try:
            return await take()
        except NotYet as reason:
            if time.monotonic() >= deadline:
                raise
            if str(reason) != told:
                told = str(reason)
                typer.echo(f"waiting: {told}", err=True)
        await asyncio.sleep(_POLL_SECONDS)


def _run(where: _Where, act: Callable[[AuthorityPlace], Coroutine[None, None, None]]) -> None:
    """Does it; what is wrong ends the command."""

    async def run() -> None:
        async with where.place() as place:
            await act(place)

    try:
        asyncio.run(run())
    except RotationRefused as error:
        raise fail(str(error), 1) from error
    except (AuthorityError, SourceError, OSError) as error:
        raise fail(str(error)) from error


def _say(rotation: Rotation) -> None:
    typer.echo(now_is(rotation))


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge hands the clock in
