"""The translation of each host, kept until something about the host changes, and shared by all
scopes that see the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crds.fields import EMPTY
from crds.meta import Key
from heddle.encode import Encoded, encode
from heddle.stamps import NO_STAMPS, Stamps
from mesh.host_view import HostView, Selection, selection, view
from mesh.localities import ANYWHERE, Place
from mesh.mesh import Mesh
from mesh.mutual_tls import known_endpoints
from mesh.scope import Scope
from translator import parts
from translator.cluster_secrets import file_secrets
from translator.listeners_shared import Claim, claims
from translator.secrets import FileSecret
from xds.resource import Resource, resource
from xds.types import CDS, EDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host as one scope gets it: its resources, the ports that it needs an HTTP listener for,
    what else it wants of shared listeners, the certificates in files that it needs, which load
    assignments, and itself if its clusters have their endpoints inside (`placed` makes both).
    """

    resources: Encoded = EMPTY
    http_ports: frozenset[int] = frozenset()
    secrets: frozenset[FileSecret] = frozenset()
    claims: tuple[Claim, ...] = ()
    chosen: Selection | None = None
    wanted: tuple[parts.Assignment, ...] = ()
    resolved: HostView | None = None

    def upstream(self) -> "Host":
        """Only what it takes to send there: for gateways, which have routes of their own."""
        if self is ABSENT:
            return self
        clusters = {CDS: self.resources[CDS]}
        return replace(self, resources=clusters, http_ports=frozenset(), claims=())


ABSENT = Host()
"""What a scope has of a host that it does not see."""


class HostCache:
    """Makes a `Host` once for each distinct selection of objects that decide on it."""

    def __init__(self, stamps: Stamps = NO_STAMPS) -> None:
        self._stamps = stamps
        self._made: dict[str, dict[Selection, Host]] = {}
        self._endpoints: dict[str, dict[Key | None, parts.Endpoints]] = {}
        self._assignments: dict[str, dict[_Wanted, Resource]] = {}
        self._resolved: dict[str, dict[tuple[Selection, Place], Mapping[str, Resource]]] = {}

    def forget(self, hosts: frozenset[str]) -> None:
        """What is known of these hosts, but for their endpoints, may no longer be true."""
        for host in hosts:
            self._made.pop(host, None)
            self._resolved.pop(host, None)

    def forget_endpoints(self, hosts: frozenset[str]) -> None:
        """The endpoints of these hosts may have changed."""
        for host in hosts:
            self._endpoints.pop(host, None)
            self._assignments.pop(host, None)
            self._resolved.pop(host, None)

    def clear(self) -> None:
        """Nothing that is known may be true any longer."""
        self._made.clear()
        self._endpoints.clear()
        self._assignments.clear()
        self._resolved.clear()

    def host(self, mesh: Mesh, scope: Scope, name: str) -> Host:
        """What `scope` gets of the host `name`: the very same value for all that see the same."""
        chosen = selection(mesh, scope, name)
        if chosen is None:
            return ABSENT
        made = self._made.setdefault(name, {})
        if chosen not in made:
            made[chosen] = self._make(mesh, scope, chosen)
        return made[chosen]

    def placed(self, mesh: Mesh, host: Host, place: Place) -> Encoded:
        """The load assignments of a host for clients of a place, and the clusters that have theirs
        inside.
        """
        chosen, view = host.chosen, host.resolved
        if chosen is None:
            return EMPTY
        made = {EDS: {a.cluster: self._assignment(mesh, chosen, a, place) for a in host.wanted}}
        return made if view is None else {**made, CDS: self._clusters(mesh, chosen, view, place)}

    def _make(self, mesh: Mesh, scope: Scope, chosen: Selection) -> Host:
        seen = view(mesh, scope, chosen)
        settings, listening = parts.defaults(mesh.config), parts.listening(mesh.config)
        known = self._known(mesh, chosen)
        return Host(
            resources=encode(parts.host(seen, known, settings, listening), self._stamps),
            http_ports=parts.http_ports(seen),
            secrets=file_secrets(seen),
            claims=claims(seen, known),
            chosen=chosen,
            wanted=parts.assignments(seen, mesh.config.locality_lb_setting),
            resolved=seen if parts.is_resolved(seen) else None,
        )

    def _known(self, mesh: Mesh, chosen: Selection) -> parts.Endpoints:
        known = self._endpoints.setdefault(chosen.host, {})
        if chosen.service not in known:
            services = mesh.services.at(chosen.host)
            service = next((s for s in services if s.key == chosen.service), None)
            known[chosen.service] = known_endpoints(mesh, service) if service else {}
        return known[chosen.service]

    def _clusters(
        self, mesh: Mesh, chosen: Selection, seen: HostView, place: Place
    ) -> Mapping[str, Resource]:
        known = self._resolved.setdefault(chosen.host, {})
        asks = parts.asks_place(seen, mesh.config.locality_lb_setting)
        key = (chosen, place if asks else ANYWHERE)
        if key not in known:
            settings = parts.defaults(mesh.config)
            made = parts.resolved(seen, self._known(mesh, chosen), settings, place)
            known[key] = encode(made, self._stamps)[CDS]
        return known[key]

    def _assignment(
        self, mesh: Mesh, chosen: Selection, wanted: parts.Assignment, place: Place
    ) -> Resource:
        known = self._assignments.setdefault(chosen.host, {})
        place = place if wanted.balance else ANYWHERE
        key = (chosen.service, wanted, place)
        if key not in known:
            message = parts.endpoints(wanted, self._known(mesh, chosen), place)
            known[key] = resource(EDS, wanted.cluster, message)
        return known[key]


_Wanted = tuple[Key | None, parts.Assignment, Place]
"""Two services may have one host, each for other clients, and endpoints of its own."""
