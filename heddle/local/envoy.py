"""Which Envoy the sidecars are."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from heddle.local.errors import ProgramMissing

VARIABLE = "HEDDLE_ENVOY"
OLDEST = (1, 37)
"""Older ones cannot put `Bearer ` in front of the token."""

# Where `make setup` puts it, below the top of a checkout.
_WHEEL = ".envoy/envoy/_bin/envoy"
_VERSION = re.compile(r"/(\d+)\.(\d+)\.(\d+)[^/]*/")
_HOW = f"Run `make setup`, or name one with --envoy or in {VARIABLE}."


def find_envoy(setting: str | None, environment: Mapping[str, str], checkout: Path) -> Path:
    """The binary: the setting, `HEDDLE_ENVOY`, the checkout's, the one on PATH, in this order.

    Raises `ProgramMissing` if there is none, or one was named that is not there.
    """
    for named, source in ((setting, "--envoy"), (environment.get(VARIABLE), VARIABLE)):
        if named:
            found = shutil.which(named, path=environment.get("PATH"))
            if found is None:
                raise ProgramMissing(f"{source} names {named}, which is not a program. {_HOW}")
            return Path(os.path.realpath(found))
    own = checkout / _WHEEL
    if os.access(own, os.X_OK):
        return Path(os.path.realpath(own))  # a container sees no link that leads elsewhere
    found = shutil.which("envoy", path=environment.get("PATH"))
    if found is None:
        raise ProgramMissing(f"There is no Envoy here. {_HOW}")
    return Path(os.path.realpath(found))


def check_envoy(binary: Path) -> str:
    """Its version, such as `1.40.0`. Raises `ProgramMissing` if it is too old or does not run."""
    try:
        done = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ProgramMissing(f"{binary} does not run as Envoy: {error}. {_HOW}") from error
    return checked_version(done.stdout, str(binary))


def checked_version(output: str, binary: str) -> str:
    """The version in the output of `envoy --version`. Raises `ProgramMissing` if it is too old."""
    found = _VERSION.search(output)
    if found is None:
        raise ProgramMissing(f"{binary} does not say which version of Envoy it is. {_HOW}")
    version = tuple(int(part) for part in found.groups())
    if version[:2] < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise ProgramMissing(
            f"{binary} is Envoy {'.'.join(found.groups())}, and {needed} is the oldest that works."
            f" {_HOW}"
        )
    return ".".join(found.groups())
