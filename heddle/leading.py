"""This replica of a cluster's control plane, and what it does for all of them whenever it leads: it
tells mesh objects how they fare, and what others hand in.
"""

import os
import socket
import time
from collections.abc import Iterable, Sequence
from random import random  # noqa: TID251 - the composition root hands chance in

from prometheus_client import CollectorRegistry

from ca.reports import replica_name
from heddle.cluster_objects import ClusterApi
from heddle.control_plane import ControlPlane
from heddle.leader import Leader, LeaderMetrics, Work
from heddle.status_board import StatusBoard
from heddle.status_events import StatusEvents
from heddle.status_metrics import StatusMetrics
from heddle.status_replicas import StatusReplicas
from heddle.status_writer import StatusWriter
from xds.status import Client


class Replica:
    """One of those that a cluster has, in `namespace`."""

    def __init__(self, api: ClusterApi, registry: CollectorRegistry, *, namespace: str) -> None:
        self._api = api
        self._registry = registry
        self._namespace = namespace
        self._name = replica_name(socket.gethostname(), os.getpid())
        self._leader = Leader(
            api,
            namespace=namespace,
            identity=self._name,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            chance=random,
            metrics=LeaderMetrics(registry),
        )

    def leads(self) -> bool:
        """Whether this is the one that writes what one writes for all."""
        return self._leader.leads

    def works(
        self,
        plane: ControlPlane,
        clients: Iterable[Client],
        led: Sequence[Work] = (),
    ) -> Sequence[Work]:
        """What to run as long as we serve; `clients` are the server's, `led` what else is to be
        begun whenever we lead.
        """
        metrics = StatusMetrics(self._registry)
        board = StatusBoard(plane, clients, time.monotonic)
        events = StatusEvents(
            self._api.create,
            instance=self._name,
            clock=time.monotonic,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            metrics=metrics,
        )
        writer = StatusWriter(
            board,
            self._api.patch,
            events,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            metrics=metrics,
        )
        replicas = StatusReplicas(board, self._api, namespace=self._namespace, replica=self._name)
        works = (writer.keep, replicas.listen, *led)
        return replicas.report, lambda: self._leader.run(works)
