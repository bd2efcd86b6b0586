"""What the demo needs of a running mesh: narrow, so that the demo's own logic is tested without
one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from crds.problem import Problem


class ProxyState(StrEnum):
    """Where a proxy stands. `REJECTED`: Envoy refused something and keeps what it had before."""

    SYNCED = "synced"
    BEHIND = "behind"
    REJECTED = "rejected"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyStatus:
    """One proxy. `pod` is `namespace/name`, `detail` what Envoy said or why it is gone, "" if
    nothing.
    """

    pod: str
    mode: str
    state: ProxyState
    acknowledged: int
    detail: str = ""


class LoadPod(Protocol):
    """The pod with the load generator: its output and its input."""

    def lines(self) -> AsyncIterator[str]:
        """The lines of its standard output from now on; it ends when the program ends."""
        ...

    async def send(self, line: str) -> None:
        """Write a line, given without its end, to its standard input."""
        ...


class MeshHandle(Protocol):
    """A mesh that runs from a folder, with every pod started and ready."""

    @property
    def mode(self) -> str:
        """`namespaces` or `proxy-port`."""
        ...

    @property
    def mode_reason(self) -> str:
        """Why it is this mode, in one phrase."""
        ...

    @property
    def generation(self) -> int:
        """The newest configuration; it grows with every change of the folder that means
        something.
        """
        ...

    @property
    def load(self) -> LoadPod | None:
        """The first pod that runs the image `heddle-demo/load`, if there is one."""
        ...

    @property
    def urls(self) -> Mapping[str, str]:
        """Where Services of type LoadBalancer, namespace/name, are reached on this machine, by
        URL.
        """
        ...

    @property
    def page(self) -> str:
        """The address of the web page, which lets a browser in once; another one then. `""`: there
        is no page.
        """
        ...

    def proxies(self) -> Sequence[ProxyStatus]:
        """Every injected pod's proxy, connected or not, by pod."""
        ...

    def problems(self) -> Sequence[Problem]:
        """What is wrong with the folder now."""
        ...

    async def settled(self, after: int) -> float:
        """Wait until a generation above `after` is acknowledged by every proxy (-1: any
        generation).

        Returns the loop's time (`asyncio.get_running_loop().time()`) of the last acknowledgement; a
        proxy whose configuration the change does not touch has acknowledged it already.
        """
        ...


class OpenMesh(Protocol):
    """Starts a mesh on entry, once every pod is ready; stops it and cleans up on exit."""

    def __call__(self, *, folder: Path, mode: str) -> AbstractAsyncContextManager[MeshHandle]:
        """`mode` is `auto`, `namespaces` or `proxy-port`."""
        ...
