"""This replica of a cluster's control plane, and what it does for all of them whenever it leads: it
tells mesh objects how they fare, and what others hand in.

There are two ways to lead. One replica of the mesh, of whichever revision, keeps what a mesh has
one of, and writes of the objects that name no revision: so two revisions never write of the same.
And one of each revision writes of the objects that name it, which the others do not even read.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from random import random  # noqa: TID251 - the composition root hands chance in
from typing import Protocol

from prometheus_client import CollectorRegistry

from heddle.control_plane import ControlPlane
from heddle.findings import Findings
from heddle.leader import LEASE, Leader, LeaderMetrics, Leases, Work, lease_of
from heddle.status_board import Scope, StatusBoard
from heddle.status_events import StatusEvents
from heddle.status_metrics import StatusMetrics
from heddle.status_replicas import Entries, StatusReplicas
from heddle.status_writer import StatusWriter
from xds.status import Client

UNREAD = ("ServiceAccount",)
"""Kinds of which a cluster's source does not say all: none but pods name accounts."""


class Api(Leases, Entries, Protocol):
    """What is needed of an API server. Each raises `ApiError`."""


class Replica:
    """One of those that a cluster has, in `namespace`, of `revision`."""

    def __init__(
        self,
        api: Api,
        registry: CollectorRegistry,
        *,
        namespace: str,
        revision: str,
        name: str,
    ) -> None:
        """`name` is of this process: no other has it, nor had it before."""
        self._api = api
        self._registry = registry
        self._namespace = namespace
        self._revision = revision
        self._name = name
        self._leading = LeaderMetrics(registry)

    def works(
        self,
        plane: ControlPlane,
        clients: Iterable[Client],
        led: Sequence[Work] = (),
    ) -> Sequence[Work]:
        """What to run as long as we serve; `clients` are the server's, `led` what else is to be
        begun whenever we lead the mesh.
        """
        board = StatusBoard(plane, clients, time.monotonic, revision=self._revision, analyzed=True)
        findings = Findings(plane, board.find, time.monotonic, unknown=UNREAD)
        writer = self._writers(board)
        replicas = StatusReplicas(board, self._api, namespace=self._namespace, replica=self._name)
        mesh, revision = self._candidate(LEASE), self._candidate(lease_of(self._revision))
        each = (findings.keep, replicas.listen)
        of_mesh = (writer(Scope.MESH).keep, *each, *led)
        of_revision = (writer(Scope.REVISION).keep, *each)
        return replicas.report, lambda: mesh.run(of_mesh), lambda: revision.run(of_revision)

    def _candidate(self, lease: str) -> Leader:
        return Leader(
            self._api,
            namespace=self._namespace,
            identity=self._name,
            lease=lease,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            chance=random,
            metrics=self._leading,
        )

    def _writers(self, board: StatusBoard) -> Callable[[Scope], StatusWriter]:
        """Makes who writes the statuses of a scope; they count, and hold back Events, as one."""
        metrics = StatusMetrics(self._registry)
        events = StatusEvents(
            self._api.create,
            instance=self._name,
            clock=time.monotonic,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            metrics=metrics,
        )
        return lambda scope: StatusWriter(
            board,
            self._api.patch,
            events,
            scope=scope,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            metrics=metrics,
        )
