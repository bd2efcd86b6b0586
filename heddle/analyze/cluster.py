"""A cluster as it is now, for a command that looks at it once."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import random  # noqa: TID251 - the composition root hands chance in

from crds.meta import Key
from heddle.cluster_feed import KubernetesSource
from heddle.discovery import Discovery
from sources.cluster import Cluster, ClusterSettings
from sources.errors import ApiError, SourceError
from sources.events import Applied, Event, Synced
from sources.kubernetes import KubernetesApi, kubernetes_api

PATIENCE_SECONDS = 60.0
"""For all that there is in a cluster."""
_ACCOUNTS = "/api/v1/serviceaccounts"
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a cluster holds; `unknown` are kinds of which not all could be read."""

    events: Sequence[Event] = ()
    unknown: frozenset[str] = frozenset()


async def read_cluster(source: KubernetesSource) -> Held:
    """All that a control plane of the revision would read, and the accounts. Raises `SourceError`
    if that cannot be read.
    """
    async with kubernetes_api(source.kubeconfig) as api:
        await api.get(
            "/version"
        )  # else it would be waited for: a control plane outlives its absence
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                events = await _read(api, source)
                accounts = await _accounts(api)
        except TimeoutError as late:
            message = f"the cluster could not be read within {PATIENCE_SECONDS:.0f} seconds"
            raise SourceError(
                f"{message}: may this account list what `heddle serve` reads?"
            ) from late
    unknown = frozenset({"ServiceAccount"} if accounts is None else ())
    return Held(events=(*events, *(accounts or ())), unknown=unknown)


async def _read(api: KubernetesApi, source: KubernetesSource) -> Sequence[Event]:
    cluster = Cluster(
        api,
        ClusterSettings(config=source.config, revision=source.revision),
        Discovery(source.namespace),
        clock=time.monotonic,
        chance=random,
    )
    events: list[Event] = []
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cluster.run())
        async for batch in cluster.batches():
            events += batch
            if any(isinstance(event, Synced) for event in batch):
                break
        running.cancel()
    return events


async def _accounts(api: KubernetesApi) -> Sequence[Event] | None:
    """ServiceAccounts, which a control plane does not read; None if we may not."""
    found: list[Event] = []
    try:
        async for page in api.list(_ACCOUNTS):
            for raw in page.items:
                metadata = raw.get("metadata")
                given = metadata if isinstance(metadata, dict) else {}
                name, namespace = str(given.get("name", "")), str(given.get("namespace", ""))
                kept = {"metadata": {"name": name, "namespace": namespace}}
                found.append(
                    Applied(
                        Key("", "ServiceAccount", namespace, name),
                        {"apiVersion": "v1", "kind": "ServiceAccount", **kept},
                    )
                )
    except ApiError as error:
        if error.status == _FORBIDDEN:
            return None
        raise
    return found
