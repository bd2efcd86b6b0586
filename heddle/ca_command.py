"""`heddle ca`: the certificate authority of a mesh, and the rotation of its root."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ca.errors import AuthorityError, NotYet, RotationRefused
from ca.rotation import Phase, Rotation
from heddle.ca_show import as_text, as_values, now_is
from heddle.ca_steps import PAUSE, Care, made, progress, step, step_back
from heddle.certificates import TRUST_DOMAIN
from heddle.exits import fail

app = typer.Typer(
    help="Make the certificate authority of a mesh, and rotate its root without a failed request.",
    no_args_is_help=True,
)

_POLL_SECONDS = 0.5

Result = TypeVar("Result")

FolderOption = Annotated[
    Path,
    typer.Option("--ca-folder", help="The folder that `heddle serve --ca-folder` was given."),
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


@app.command()
def init(
    ca_folder: FolderOption,
    given: FromOption = None,
    trust_domain: Annotated[
        str, typer.Option(help="Named in the authority's own certificates.")
    ] = TRUST_DOMAIN,
) -> None:
    """Make an authority: a root, and an intermediate below it that signs.

    `heddle serve` does so by itself at its first start. Keep `current/root-key.pem` elsewhere if
    you make intermediates there.
    """
    _say(_done(lambda: made(ca_folder, _now(), trust_domain, given)))


@app.command()
def status(
    ca_folder: FolderOption,
    output: Annotated[Form, typer.Option("-o", "--output", help="text or json")] = Form.TEXT,
) -> None:
    """Print who signs, who is trusted, how far a rotation is and whom it waits for."""
    found = _done(lambda: progress(ca_folder, _now()))
    if output is Form.JSON:
        typer.echo(json.dumps(as_values(found), indent=2))
    else:
        typer.echo(as_text(found), nl=False)


@app.command()
def rotate(
    ca_folder: FolderOption,
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
    some have not. Running `heddle serve --ca-folder` of the folder follow at once.
    """
    care = Care(force=force, pause=timedelta(seconds=pause))
    _steps(lambda: step(ca_folder, _now(), care, given), wait=wait, timeout=timeout)


@app.command()
def rollback(
    ca_folder: FolderOption,
    wait: WaitOption = False,
    timeout: TimeoutOption = 600.0,
    force: ForceOption = False,
) -> None:
    """Take back the last step of a rotation; with --wait, all of them.

    After the last step there is nothing to take back: rotate anew.
    """
    care = Care(force=force)
    _steps(lambda: step_back(ca_folder, _now(), care), wait=wait, timeout=timeout)


def _steps(take: Callable[[], Rotation], *, wait: bool, timeout: float) -> None:
    rotation = _taken(take, timeout if wait else 0.0)
    _say(rotation)
    while wait and rotation.phase is not Phase.STABLE:
        rotation = _taken(take, timeout)
        _say(rotation)


def _taken(take: Callable[[], Rotation], patience: float) -> Rotation:
    """The state after a step, which may have to wait."""
    deadline, told = time.monotonic() + patience, ""
    while True:
        try:
            return _done(take)
        except NotYet as reason:
            if time.monotonic() >= deadline:
                raise fail(str(reason), 1) from reason
            if str(reason) != told:
                told = str(reason)
                typer.echo(f"waiting: {told}", err=True)
            time.sleep(_POLL_SECONDS)


def _done(act: Callable[[], Result]) -> Result:
    """What it gives; what is wrong ends the command, but for what may be right in a while."""
    try:
        return act()
    except NotYet:
        raise
    except RotationRefused as error:
        raise fail(str(error), 1) from error
    except (AuthorityError, OSError) as error:
        raise fail(str(error)) from error


def _say(rotation: Rotation) -> None:
    typer.echo(now_is(rotation))


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge hands the clock in
