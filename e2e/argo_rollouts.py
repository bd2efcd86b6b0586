"""What Argo Rollouts writes while a Rollout goes through its steps (`trafficRouting.istio`).

It writes `v1alpha3`, whole objects, one after the other, and waits for no proxy: its `VerifyWeight`
has nothing to ask (argo-rollouts, rollout/trafficrouting/istio/istio.go). Weights that it sets are
written out, 0 too; where it copies destinations, into the route that mirrors, a weight of 0 is left
out. Routes of its own stand before those of the user.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from e2e.progressive import Json, deployment, manifests, service, written

HASH = "rollouts-pod-template-hash"
APP = {"app": "rollout"}
EXPERIMENT = "rollout-experiment"
OLD, NEW = "6c54544bf9", "8b7d5f9c46"
"""Of the ReplicaSets."""
MANAGER = "rollouts-controller"
KEPT = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """All that is in the cluster of one Rollout. With `subsets`, traffic is split among subsets of
    one Service, else between the Services for stable and canary.
    """

    subsets: bool = False
    old: bool = True
    new: bool = False
    """Which ReplicaSets have pods."""
    stable_hash: str = ""
    canary_hash: str = ""
    """What the Services, or the subsets, select; nothing before the first reconciliation."""
    weight: int = 0
    """Of the canary, in percent."""
    experiment: int = 0
    """Of the experiment's own Service, in percent."""
    header: bool = False
    mirror: bool = False

    def to(self, **changes: object) -> "Rollout":
        """The same after one update."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are checked at runtime

    def text(self) -> str:
        """All of it, as YAML."""
        pods = [("old", "old", OLD)] * self.old + [("new", "new", NEW)] * self.new
        return manifests(
            *(deployment(f"rollout-{n}", v, {**APP, HASH: h}) for n, v, h in pods),
            service("rollout", APP),
            *([service(EXPERIMENT, {**APP, HASH: NEW})] if self.experiment else []),
            *([self._destination_rule()] if self.subsets else self._services()),
            self._virtual_service(),
        )

    def _services(self) -> list[Json]:
        return [
            service("rollout-stable", _selector(self.stable_hash)),
            service("rollout-canary", _selector(self.canary_hash)),
        ]

    def _virtual_service(self) -> Json:
        managed = [
            *([self._mirroring()] if self.mirror else []),
            *([self._by_header()] if self.header else []),
        ]
        http = [*managed, {"name": "primary", "route": self._destinations()}]
        spec = {"hosts": ["rollout"], "http": http}
        return written("VirtualService", "v1alpha3", "rollout", spec, MANAGER, annotations=KEPT)

    def _destinations(self) -> list[Json]:
        stable = 100 - self.weight - self.experiment
        weighted = [(self._stable(), stable), (self._canary(), self.weight)]
        if self.experiment:
            weighted.append(({"host": EXPERIMENT}, self.experiment))
        return [{"destination": to, "weight": weight} for to, weight in weighted]

    def _stable(self) -> Json:
        if self.subsets:
            return {"host": "rollout", "subset": "stable"}
        return {"host": "rollout-stable"}

    def _canary(self) -> Json:
        if self.subsets:
            return {"host": "rollout", "subset": "canary"}
        return {"host": "rollout-canary"}

    def _by_header(self) -> Json:
        return {
            "name": "by-header",
            "match": [{"headers": {"x-canary": {"exact": "yes"}}}],
            "route": [{"weight": 100, "destination": self._canary()}],
        }

    def _mirroring(self) -> Json:
        copied = [
            {key: value for key, value in each.items() if (key, value) != ("weight", 0)}
            for each in self._destinations()
        ]
        return {
            "name": "mirroring",
            "match": [{"method": {"exact": "GET"}, "uri": {"prefix": "/mirrored"}}],
            "route": copied,
            "mirror": self._canary(),
            "mirrorPercentage": {"value": 100},
        }

    def _destination_rule(self) -> Json:
        stable = {"name": "stable", "labels": _selector(self.stable_hash)}
        pool = {"connectionPool": {"http": {"http2MaxRequests": 1000}}}
        canary = {"name": "canary", "labels": _selector(self.canary_hash), "trafficPolicy": pool}
        experiment = {"name": EXPERIMENT, "labels": {HASH: NEW}}
        subsets = [canary, stable, *([experiment] if self.experiment else [])]
        spec = {"host": "rollout", "subsets": subsets}
        note = {"argo-rollouts.argoproj.io/managed-by-rollouts": "rollout"}
        notes = {**KEPT, **(note if self.stable_hash else {})}
        return written("DestinationRule", "v1alpha3", "rollout", spec, MANAGER, annotations=notes)


def _selector(pods: str) -> Mapping[str, str]:
    return {**APP, **({HASH: pods} if pods else {})}
