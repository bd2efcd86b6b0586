"""What Flagger writes for a Canary of provider `istio`: a VirtualService, and a DestinationRule for
each of the Services that it makes for the canary and the primary.

It writes `v1beta1`, compares the specs that it reads with what it wants (whatever a mesh would add
it would take out again, for ever), and keeps each weight, 0 too (flagger, pkg/router/istio.go). In
an A/B test the route for everybody else has one destination, and its weight is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from e2e.progressive import Json, deployment, manifests, service, written

MANAGER = "flagger"
COOKIE = "flagger-cookie=LpsIaLdoNZ"
STICKY = {"headers": {"Cookie": {"regex": ".*flagger-cookie.*LpsIaLdoNZ.*"}}}
OWNED: Mapping[str, object] = {
    "ownerReferences": [
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "name": "flag",
            "uid": "b6f0b1f6-7d2f-4a60-8f50-3a2f6a1ce1b1",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
}


class Analysis(Enum):
    """How a Canary is looked at."""

    WEIGHTS = auto()
    MATCH = auto()
    """A/B: who has a header gets the canary."""
    SESSIONS = auto()
    """Weights, and who has once been there stays there, by a cookie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """All that is in the cluster of one Canary. The user's Deployment is the canary, and has no
    pods while nothing is new; Flagger's copy of it, the primary, serves.
    """

    analysis: Analysis = Analysis.WEIGHTS
    primary: str = "one"
    """The version that the primary has."""
    canary: str | None = None
    """The version of the canary while it runs."""
    weight: int = 0
    """Of the canary, in percent."""
    mirror: int = 0
    """How much of the traffic the canary sees as well, in percent."""
    ended: bool = False
    """With sessions: the cookies of the last canary are taken back."""

    def to(self, **changes: object) -> "Canary":
        """The same after one update."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are checked at runtime

    def text(self) -> str:
        """All of it, as YAML."""
        running = 0 if self.canary is None else 1
        return manifests(
            deployment("flag", self.canary or self.primary, {"app": "flag"}, running),
            deployment("flag-primary", self.primary, {"app": "flag-primary"}),
            service("flag", {"app": "flag-primary"}),
            service("flag-primary", {"app": "flag-primary"}),
            service("flag-canary", {"app": "flag"}),
            _destination_rule("flag-canary"),
            _destination_rule("flag-primary"),
            self._virtual_service(),
        )

    def _virtual_service(self) -> Json:
        first, *more = self._http()
        if self.mirror:
            percentage = {"mirrorPercentage": {"value": self.mirror}}
            first = {**first, "mirror": {"host": "flag-canary"}, **percentage}
        spec = {"hosts": ["flag"], "gateways": ["mesh"], "http": [first, *more]}
        return written("VirtualService", "v1beta1", "flag", spec, MANAGER, **OWNED)

    def _http(self) -> list[Json]:
        primary, canary = 100 - self.weight, self.weight
        match self.analysis:
            case Analysis.WEIGHTS:
                return [{"route": _split(primary, canary)}]
            case Analysis.MATCH:
                insider = {"headers": {"x-canary": {"exact": "insider"}}}
                others = {"route": [_to("flag-primary", primary)]}
                return [{"match": [insider], "route": _split(primary, canary)}, others]
            case Analysis.SESSIONS:
                return [*self._sticky(), {"route": self._remembered(primary, canary)}]

    def _sticky(self) -> list[Json]:
        if self.weight:
            return [{"name": "sticky-route", "match": [STICKY], "route": _split(0, 100)}]
        if not self.ended:
            return [{"name": "sticky-route", "route": _split(100, 0)}]
        removed = {"response": {"add": {"Set-Cookie": f"{COOKIE}; Max-Age=-1"}}}
        route = {"match": [STICKY], "headers": removed, "route": _split(100, 0)}
        return [{"name": "sticky-route", **route}]

    def _remembered(self, primary: int, canary: int) -> list[Json]:
        if not canary:
            return _split(primary, canary)
        kept = {"response": {"add": {"Set-Cookie": f"{COOKIE}; Max-Age=86400"}}}
        first, second = _split(primary, canary)
        return [first, {**second, "headers": kept}]


def _split(primary: int, canary: int) -> list[Json]:
    return [_to("flag-primary", primary), _to("flag-canary", canary)]


def _to(host: str, weight: int) -> Json:
    return {"destination": {"host": host}, "weight": weight}


def _destination_rule(host: str) -> Json:
    return written("DestinationRule", "v1beta1", host, {"host": host}, MANAGER, **OWNED)
