"""PeerAuthentications, and which mode holds at a port of a workload (istio-api.md S-26 to S-32).

Both sides ask `modes`: the server for its filter chains, the client for each endpoint. What one
of them would do differently, the other could not talk to.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crds.meta import Key
from crds.peer_authentication import Mode, MutualTLS, PeerAuthentication
from mesh.by_namespace import ByNamespace
from mesh.source import Source

PeerAuthentications = ByNamespace[PeerAuthentication]


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """What a workload takes: at `ports`, its own ports, and at all others. Never UNSET."""

    default: Mode
    ports: Mapping[str, Mode] = field(default_factory=dict)

    def at(self, port: int) -> Mode:
        """The mode at one port of the workload."""
        return self.ports.get(str(port), self.default)


PLAIN_OR_MUTUAL = Modes(default=Mode.PERMISSIVE)
"""Where no policy says anything."""


def modes(
    policies: PeerAuthentications, root: str, namespace: str, labels: Mapping[str, str]
) -> Modes:
    """The modes of a workload: its own policy before its namespace's before the mesh's; UNSET takes
    what is around it, and at last PERMISSIVE.
    """
    own, levels = _levels(policies, root, namespace, labels)
    said = (mode for mode in (_mode(each.mtls) for each in levels) if mode is not Mode.UNSET)
    default = next(said, Mode.PERMISSIVE)
    ports = own.port_level_mtls if own else {}
    return Modes(
        default=default,
        ports={
            port: mode if mode is not Mode.UNSET else default
            for port, mode in ((port, _mode(each)) for port, each in ports.items())
        },
    )


def deciding(
    policies: PeerAuthentications, root: str, namespace: str, labels: Mapping[str, str], port: int
) -> Source | None:
    """The policy by which `modes` has what it has at one port of a workload; nothing if none says
    anything.
    """
    own, levels = _levels(policies, root, namespace, labels)
    if own and _mode(own.port_level_mtls.get(str(port))) is not Mode.UNSET:
        return Source(object=_key(own), path=f"spec.portLevelMtls.{port}.mode")
    said = next((each for each in levels if _mode(each.mtls) is not Mode.UNSET), None)
    return Source(object=_key(said), path="spec.mtls.mode") if said else None


def _levels(
    policies: PeerAuthentications, root: str, namespace: str, labels: Mapping[str, str]
) -> tuple[PeerAuthentication | None, list[PeerAuthentication]]:
    """The workload's own policy, and all that have a say for it: its own first, the mesh's last."""
    own = next(_selecting(policies.of(namespace), labels), None)
    around = [*_general(policies.of(namespace)), *_general(policies.of(root))]
    return own, [own, *around] if own else around


def _key(policy: PeerAuthentication) -> Key:
    meta = policy.meta
    return Key("security.istio.io", "PeerAuthentication", meta.namespace, meta.name)


def shadowed(policies: PeerAuthentications, namespace: str) -> Iterator[tuple[Key, Key]]:
    """Policies of a namespace that have no effect, each with the older one that has."""
    winners: dict[frozenset[tuple[str, str]], Key] = {}
    for key in policies.keys(namespace):
        selector = policies.objects[key].selector
        labels = frozenset(selector.match_labels.items()) if selector else frozenset()
        if labels in winners:
            yield key, winners[labels]
        winners.setdefault(labels, key)


def _selecting(
    policies: Iterable[PeerAuthentication], labels: Mapping[str, str]
) -> Iterator[PeerAuthentication]:
    for each in policies:
        wanted = each.selector.match_labels if each.selector else {}
        if wanted and wanted.items() <= labels.items():
            yield each


def _general(policies: Iterable[PeerAuthentication]) -> list[PeerAuthentication]:
    """The oldest one that is for a whole namespace."""
    return [each for each in policies if not (each.selector and each.selector.match_labels)][:1]


def _mode(mutual_tls: MutualTLS | None) -> Mode:
    return mutual_tls.mode if mutual_tls else Mode.UNSET
