"""Who a client is and what it may be served: the verified token decides, never what a node says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from envoy.config.core.v3 import base_pb2

from ca.errors import Unauthenticated as BadToken
from ca.tokens import TokenVerifier
from crds.mesh_config import CertificateSource
from heddle.capabilities import takes_virtual_hosts
from heddle.engine import Engine, PartKey
from heddle.pods import Pods
from heddle.workload_secrets import SecretsKey, WorkloadSecrets
from mesh.identity import WorkloadIdentity
from mesh.proxy import Proxy, Role
from xds.auth import Identity, Selection
from xds.errors import Forbidden, NotReady, Unauthenticated

HOSTS_AT_ONCE = 8
"""Hosts that are translated without a pause: some milliseconds, in which no other proxy waits."""

_NODE_TYPES = frozenset(Role)
_NODE_PARTS = 4
"""Of `sidecar~10.0.0.1~<pod>.<namespace>~<namespace>.svc.cluster.local`."""
_NAMESPACE, _ACCOUNT, _NAME = "NAMESPACE", "SERVICE_ACCOUNT", "NAME"
"""What a node's metadata says of its pod, in Istio's names."""


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A pod, as its verified token names it."""

    workload: WorkloadIdentity

    @property
    def name(self) -> str:
        """The pod and its service account, for people."""
        who = self.workload
        return f"{who.namespace}/{who.pod_name} as {who.service_account}"

    @property
    def expires_at(self) -> float | None:
        """When the token expires, in unix seconds."""
        return self.workload.expires


class TokenAuthenticator:
    """Accepts bearer tokens that a verifier accepts."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def __call__(self, metadata: Mapping[str, str], peer: str) -> Identity:
        """The pod behind the `authorization` header; the peer's address proves nothing."""
        del peer
        given = [metadata["authorization"]] if "authorization" in metadata else []
        try:
            return PodIdentity(self._verifier.verify(given))
        except BadToken as error:
            raise Unauthenticated(error.reason) from error


@dataclass(frozen=True, slots=True)
class Held:
    """What a stream was opened for: a pod, and the parts that it was given."""

    workload: WorkloadIdentity
    parts: tuple[PartKey, ...]
    inline: bool

    @property
    def pod(self) -> tuple[str, str]:
        """The pod's namespace and name."""
        return self.workload.namespace, self.workload.pod_name


class PodResolver:
    """Finds the parts of the pod that a token names."""

    def __init__(
        self,
        engine: Engine,
        pods: Pods,
        secrets: WorkloadSecrets | None = None,
        *,
        inline_routes: bool = False,
    ) -> None:
        """`secrets` gives each pod a certificate, if those are to come from us; without it none has
        one. `inline_routes`: no
        client gets virtual hosts as resources of their own.
        """
        self._secrets = secrets
        self._engine = engine
        self._pods = pods
        self._inline = inline_routes

    async def __call__(self, node: base_pb2.Node, identity: Identity) -> Selection:
        """The parts of the pod; `Forbidden` if the node claims to be another one."""
        if not isinstance(identity, PodIdentity):
            raise Forbidden("not a pod")
        who = identity.workload
        if not _claims_nothing_else(node, who):
            raise Forbidden("the node is not the pod that the token is for")
        await self._pods.arrived(who)
        inline = self._inline or not takes_virtual_hosts(node)
        proxy = self._proxy(who)
        while not self._engine.prepare(proxy, inline=inline, hosts=HOSTS_AT_ONCE):
            await asyncio.sleep(0)
            proxy = self._proxy(who)
        parts = self._engine.select(proxy, inline=inline)
        private = self._private(who)
        return Selection(
            parts=(*parts, *private),
            private=private,
            key=Held(who, parts, inline),
            principal=(who.namespace, who.service_account),
        )

    def _private(self, who: WorkloadIdentity) -> tuple[SecretsKey, ...]:
        source = self._engine.mesh.config.certificate_source
        if self._secrets is None or source is not CertificateSource.HEDDLE:
            return ()
        holder = f"{who.pod_name} {who.pod_uid}"
        return (self._secrets.issue(self._pods.identity(who), holder),)

    def still(self, held: "Held") -> bool:
        """Whether a stream holds what its pod would be given now."""
        try:
            proxy = self._proxy(held.workload)
        except (Forbidden, NotReady):
            return False
        return self._engine.selection(proxy, inline=held.inline) == held.parts

    def _proxy(self, who: WorkloadIdentity) -> Proxy:
        self._pods.pod(who)
        found = self._engine.proxy(who.namespace, who.pod_name)
        if found is None:
            raise NotReady("the pod has no sidecar")
        return found[1]


def _claims_nothing_else(node: base_pb2.Node, who: WorkloadIdentity) -> bool:
    """Whether a node says that it is the pod of its token, and contradicts it nowhere. It gets what
    the token is worth in any case; a node that says otherwise is wrong, or tries what it can get.
    """
    of_token = {
        _NAMESPACE: who.namespace,
        _ACCOUNT: who.service_account,
        _NAME: who.pod_name,
    }
    said = node.metadata.fields
    return claimed_pod(node.id) == (who.namespace, who.pod_name) and all(
        said[name].string_value == value for name, value in of_token.items() if name in said
    )


def claimed_pod(node: str) -> tuple[str, str] | None:
    """The namespace and name of the pod that a node id claims."""
    parts = node.split("~")
    if len(parts) != _NODE_PARTS or parts[0] not in _NODE_TYPES:
        return None
    name, dot, namespace = parts[2].rpartition(".")
    return (namespace, name) if dot else None
