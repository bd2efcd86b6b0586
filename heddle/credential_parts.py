"""The certificates of all workloads that are held, each its own."""

from collections.abc import Hashable, Iterable, Mapping

from heddle.credentials import CredentialsKey, Secrets
from mesh.advance import Dirty
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.store import Change
from xds.publisher import PartChange, Publisher
from xds.types import SDS


class CredentialParts:
    """The Secrets, and the workloads whose servers and clusters name some."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._secrets = Secrets()
        self._held: dict[CredentialsKey, Proxy] = {}
        self._ruled = False
        """Whether rules named Secrets when they were last looked at."""

    def update(
        self, mesh: Mesh, changes: Iterable[Change], dirty: Dirty
    ) -> Mapping[Hashable, PartChange]:
        """Takes changes in; what they make different."""
        touched = self._secrets.take(changes)
        called = self._ruled and _is_called_differently(dirty)
        self._ruled = bool(mesh.rules.credentials)
        called = called or (self._ruled and _is_called_differently(dirty))
        return {
            key: self._made(mesh, key)
            for key, proxy in self._held.items()
            if called or proxy.namespace in touched or _serves_differently(mesh, proxy, dirty)
        }

    def hold(self, mesh: Mesh, key: CredentialsKey, proxy: Proxy) -> Mapping[Hashable, PartChange]:
        """What is to be published so that a workload's certificates exist."""
        if key in self._held:
            return {}
        self._held[key] = proxy
        return {key: self._made(mesh, key)}

    def _made(self, mesh: Mesh, key: CredentialsKey) -> PartChange:
        found = self._secrets.resources(mesh, self._held[key])
        return self._publisher.difference(key, {SDS: found.values()})

    def held(self) -> Mapping[CredentialsKey, Proxy]:
        """What is kept, each with a proxy of the workload."""
        return dict(self._held)

    def drop(self, key: CredentialsKey) -> None:
        """Lets go of a workload's."""
        self._held.pop(key, None)
        self._publisher.drop(key)


def _is_called_differently(dirty: Dirty) -> bool:
    """Whether clusters may name other Secrets than before."""
    return bool(dirty.everything or dirty.hosts or dirty.seen or dirty.sidecars)


def _serves_differently(mesh: Mesh, proxy: Proxy, dirty: Dirty) -> bool:
    """Whether the servers of a gateway, or a Sidecar, may name other Secrets than before."""
    if proxy.is_gateway:
        return dirty.gateways or proxy.namespace in dirty.inbound
    own = {proxy.namespace, mesh.config.root_namespace}
    return dirty.everything or not own.isdisjoint(dirty.sidecars)
