"""Whether the pod that a verified token names is there: as that pod, on that node, not over.

A token may be ahead of the news of its pod, and outlives it. So who asks waits a little for a pod
that is not known yet, and everybody is refused whose pod has gone.
"""

import asyncio

from crds.core import Pod
from crds.meta import Key
from heddle.engine import Engine
from mesh.identity import SpiffeId, WorkloadIdentity
from mesh.proxy import is_injected
from xds.errors import Forbidden, NotReady

PATIENCE_SECONDS = 2.0
"""How long the news of a pod may lag behind its token. Then it is asked to come back."""
OVER = ("Succeeded", "Failed")
"""Phases of pods whose containers have ended for good: their tokens outlive them."""


class _AnotherIncarnation(Forbidden):
    """The token is for a pod of this name, earlier or later than the one that is known."""


class Pods:
    """The pods that are known now. Belongs to one event loop."""

    def __init__(self, engine: Engine, *, patience: float = PATIENCE_SECONDS) -> None:
        """`patience` is how long to wait for the news of a pod, in seconds."""
        self._engine = engine
        self._patience = patience
        self._news = asyncio.Event()
        self.synced = False
        """Whether the source has said all that there was at the start: before, nobody is served."""

    def changed(self) -> None:
        """Something may have become known of a pod."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def pod(self, who: WorkloadIdentity) -> Pod:
        """The pod of a token; `NotReady` if it is not known yet, `Forbidden` if it is not there any
        more, or not as the token says.
        """
        if not self.synced:
            raise NotReady("the configuration is not read yet")
        pod = self._engine.mesh.endpoints.pods.get(Key("", "Pod", who.namespace, who.pod_name))
        if pod is None:
            raise NotReady("the pod is not known")
        if pod.phase in OVER:
            raise Forbidden("the pod has ended")
        if pod.meta.uid != who.pod_uid:
            raise _AnotherIncarnation("the token is for another incarnation of the pod")
        if pod.service_account != who.service_account:
            raise Forbidden("the token is for another service account than the pod's")
        if who.node is not None:
            if not pod.node_name:  # it has one, else it had no token: the news is on its way
                raise NotReady("where the pod runs is not known yet")
            if who.node != pod.node_name:
                raise Forbidden("the token is for a pod on another node")
        return pod

    def proxied(self) -> tuple[str, ...]:
        """The pods that shall have a proxy, by namespace/name."""
        return tuple(
            f"{key.namespace}/{key.name}"
            for key, pod in self._engine.mesh.endpoints.pods.items()
            if is_injected(pod) and pod.phase not in OVER
        )

    def known(self, pod: str) -> bool:
        """Whether there is a pod of this namespace/name."""
        namespace, _, name = pod.partition("/")
        return Key("", "Pod", namespace, name) in self._engine.mesh.endpoints.pods

    def identity(self, who: WorkloadIdentity) -> SpiffeId:
        """The name by which peers know the workload of a token."""
        domain = self._engine.mesh.config.trust_domain
        return SpiffeId(domain, who.namespace, who.service_account)

    async def arrived(self, who: WorkloadIdentity) -> Pod:
        """The same, once the news of the pod has come: it may be a moment behind the token."""
        try:
            async with asyncio.timeout(self._patience if self.synced else 0.0):
                while True:
                    news = self._news
                    try:
                        return self.pod(who)
                    except (NotReady, _AnotherIncarnation):
                        await news.wait()
        except TimeoutError:
            return self.pod(who)
