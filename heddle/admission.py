"""What the webhook answers by: what the control plane knows now."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from prometheus_client import CollectorRegistry

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message
from analysis.problems import code_of
from analysis.severity import Severity
from analysis.suppression import unsuppressed
from crds.kinds import Object
from crds.meta import Key
from crds.problem import Problem, warning
from heddle.control_plane import ControlPlane
from heddle.injection import having
from mesh.advance import advance
from mesh.check import check
from mesh.store import Change
from webhook.admit import admit_pod
from webhook.errors import NotReady
from webhook.metrics import Metrics
from webhook.review import Answer, Review
from webhook.server import WebhookServer, parameters
from webhook.settings import InjectSettings
from webhook.tls import server_context
from webhook.validate import admit_object
from webhook.values import with_values
from xds.tls import Certificate


class Admission:
    """The two judges of the webhook. Both may be asked on any thread."""

    def __init__(
        self, plane: ControlPlane, base: InjectSettings, *, unknown: Collection[str] = ()
    ) -> None:
        """`base` are the settings that the mesh's own configuration is laid over, `unknown` kinds
        of which the plane's source does not say all.
        """
        self._plane = plane
        self._unknown = unknown
        self._base = base

    @property
    def settings(self) -> InjectSettings:
        """How pods are injected now."""
        made = with_values(self._base, self._plane.injection)
        return having(made, self._plane.config)

    def inject(self, asked: Review, path: str) -> Answer:
        """Istio's parameters in the path say in which cluster and network the pod is. Raises
        `NotReady` before the settings are known: the images of a default could be out of reach.
        """
        if not self._plane.pods.synced:
            raise NotReady("the injector's settings are not read yet")
        settings, given = self.settings, parameters(path)
        cluster, network = given.get("cluster", ""), given.get("net", "")
        settings = replace(
            settings,
            cluster_id=cluster or settings.cluster_id,
            network=network or settings.network,
        )
        return admit_pod(asked, settings)

    def validate(self, asked: Review, _: str) -> Answer:
        """By the object itself, and by all others that are known."""
        return admit_object(asked, self.references, coded)

    def references(self, key: Key, item: Object) -> Iterable[Problem]:
        """What would be wrong with the object among all others, as `heddle analyze` says it.
        Nothing before all are known.
        """
        plane = self._plane
        if not plane.pods.synced:
            return
        change = Change(key, plane.object(key), item)
        mesh, _ = advance(plane.engine.mesh, (change,), plane.config)
        objects = {**plane.everything(), key: item}
        facts = Facts(mesh=mesh, objects=objects, focus=[key], unknown=self._unknown)
        for message in unsuppressed(analyze(facts, ANALYZERS, check(mesh, key)), facts):
            if message.severity is not Severity.INFO:
                yield _problem(message)


def coded(problem: Problem) -> Problem:
    """The problem under the code that `heddle analyze` gives it."""
    return replace(problem, code=code_of(problem).id)


def _problem(message: Message) -> Problem:
    return replace(
        warning(message.code.id, message.path, message.advice, message.value), object=message.object
    )


@asynccontextmanager
async def admitting(
    admission: Admission,
    *,
    host: str,
    port: int,
    current: Callable[[], Certificate],
    registry: CollectorRegistry,
) -> AsyncIterator[int]:
    """Answers at `/inject` and `/validate`; the port."""
    server = WebhookServer(
        {"/inject": admission.inject, "/validate": admission.validate},
        context=server_context(current),
        metrics=Metrics(registry),
    )
    try:
        yield await server.start(host, port)
    finally:
        await server.stop()
