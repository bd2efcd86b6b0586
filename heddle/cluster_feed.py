"""A cluster as the source of a control plane: `heddle serve --kubernetes`."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import random  # noqa: TID251 - the composition root hands chance in

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from crds.meta import Key
from heddle.discovery import Discovery
from heddle.feed import Feed
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE
from sources.cluster import Cluster, ClusterSettings

NAME = "heddle"
"""Of the ConfigMap with MeshConfig; with the revision behind it, if that has a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSource:
    """A cluster: that of a kubeconfig, or the one around us; `namespace` is our own there."""

    kubeconfig: Path | None = None
    namespace: str = SYSTEM_NAMESPACE
    revision: str = DEFAULT_REVISION

    @property
    def config(self) -> Key:
        """The ConfigMap with MeshConfig."""
        plain = self.revision in ("", DEFAULT_REVISION)
        name = NAME if plain else f"{NAME}-{self.revision}"
        return Key("", "ConfigMap", self.namespace, name)


class Silences(Collector):
    """For how long the API server has said nothing of each kind that we read."""

    def __init__(self, silences: Callable[[], Iterable[tuple[str, float]]]) -> None:
        self._silences = silences

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauge, as it is now."""
        gauge = GaugeMetricFamily(
            "heddle_watch_silence_seconds",
            "How long the API server has said nothing of a kind; a word comes every minute",
            labels=("resource",),
        )
        for resource, seconds in self._silences():
            gauge.add_metric((resource,), seconds)
        yield gauge


@asynccontextmanager
async def cluster_feed(
    source: KubernetesSource, registry: CollectorRegistry
) -> AsyncIterator[Feed]:
    """What an API server says. Raises `SourceError` if there is none."""
    # Here, and not above: it takes a second to import, which nobody else is to wait for.
    from sources.kubernetes import kubernetes_api

    async with kubernetes_api(source.kubeconfig) as api:
        cluster = Cluster(
            api,
            ClusterSettings(config=source.config, revision=source.revision),
            Discovery(source.namespace),
            clock=time.monotonic,
            chance=random,
        )
        registry.register(Silences(lambda: cluster.silences().items()))
        name = str(source.kubeconfig or "the cluster around us")
        yield Feed(
            name=name,
            batches=cluster.batches(),
            config=source.config,
            works=(cluster.run,),
            api=api,
            pods=api,
        )
