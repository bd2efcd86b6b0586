"""Where a control plane's events come from: a folder, as a cluster would have it, or a cluster."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crds.meta import Key
from heddle.cluster_objects import ClusterApi
from heddle.local_cluster import LocalCluster
from mesh.advance import CONFIG_KEY
from sources.directory import Directory
from sources.events import Event

if TYPE_CHECKING:  # it takes a quarter of a second to import, which no command is to wait for
    from sources.port_forward import Upgrading

Work = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """`name` is for people; `config` is the ConfigMap with MeshConfig; `works` are what has to run
    meanwhile.
    """

    name: str
    batches: AsyncIterator[Sequence[Event]] = field(repr=False)
    config: Key = CONFIG_KEY
    works: Sequence[Work] = ()
    api: ClusterApi | None = field(default=None, repr=False)
    """The API server; a folder has none."""
    pods: "Upgrading | None" = field(default=None, repr=False)
    """The same, as a way to the pods."""


def folder_feed(folder: Path, cluster: LocalCluster) -> Feed:
    """What the files of a folder say."""
    return Feed(name=str(folder), batches=_events(folder, cluster))


async def _events(folder: Path, cluster: LocalCluster) -> AsyncIterator[Sequence[Event]]:
    async with contextlib.aclosing(Directory(folder).events()) as batches:
        async for batch in batches:
            yield cluster.apply(batch)
