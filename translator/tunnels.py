"""Routes for CONNECT: requests for a tunnel. They have no path, so no other route takes them."""

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.route.v3.route_components_pb2 import (
    Route,
    RouteAction,
    RouteMatch,
    WeightedCluster,
)

from mesh.routing import Missing, Target
from translator import pb
from translator.route_action import unavailable
from translator.shares import Share, shares


def passed_on(name: str, cluster: str, told: Metadata | None = None) -> Route:
    """They go on as they are, to the proxy that the client believes to talk to."""
    return Route(
        name=name,
        match=_match(),
        route=RouteAction(cluster=cluster, timeout=pb.seconds(0)),
        metadata=told,
    )


def opened(targets: Sequence[Target | Missing], told: Metadata | None = None) -> Route:
    """They end here: the bytes in the tunnel are carried to one of the targets."""
    parts = shares(targets)
    if not parts:
        missing = [target.reason for target in targets if isinstance(target, Missing)]
        return Route(
            name="tunnel",
            match=_match(),
            direct_response=unavailable(missing or ["the rule sends to no destination"]),
            metadata=told,
        )
    only = parts[0].cluster if len(parts) == 1 else None
    return Route(
        name="tunnel",
        match=_match(),
        route=RouteAction(
            cluster=only,
            weighted_clusters=None if only else _weighted(parts),
            timeout=pb.seconds(0),
            upgrade_configs=(
                RouteAction.UpgradeConfig(
                    upgrade_type="CONNECT",
                    connect_config=RouteAction.UpgradeConfig.ConnectConfig(),
                ),
            ),
        ),
        metadata=told,
    )


def _weighted(parts: Sequence[Share]) -> WeightedCluster:
    return WeightedCluster(
        clusters=[
            WeightedCluster.ClusterWeight(name=part.cluster, weight=pb.uint32(part.weight))
            for part in parts
        ]
    )


def _match() -> RouteMatch:
    return RouteMatch(connect_matcher=RouteMatch.ConnectMatcher())
