"""The headers with which a route sends a request on."""

from collections.abc import Mapping

import pytest
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import Route, RouteAction, WeightedCluster

from explain.sent_headers import sent_headers

SET = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
APPEND = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD


def option(
    name: str, value: str, action: HeaderValueOption.HeaderAppendAction.ValueType = SET
) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=action)


def split(*, added: tuple[HeaderValueOption, ...] = (), removed: tuple[str, ...] = ()) -> Route:
    """A route to two clusters, of which the first changes headers."""
    share = WeightedCluster.ClusterWeight
    first = share(name="a", request_headers_to_add=added, request_headers_to_remove=removed)
    action = RouteAction(weighted_clusters=WeightedCluster(clusters=(first, share(name="b"))))
    return Route(route=action, request_headers_to_add=(option("x-by", "route"),))


@pytest.mark.parametrize(
    ("route", "cluster", "sent"),
    [
        (Route(), "a", {"x-old": "1"}),
        (Route(request_headers_to_remove=("X-Old",)), "a", {}),
        (Route(request_headers_to_add=(option("X-Old", "2"),)), "a", {"x-old": "2"}),
        (Route(request_headers_to_add=(option("x-old", "2", APPEND),)), "a", {"x-old": "1,2"}),
        (
            Route(request_headers_to_add=(option("x-new", "5%%", APPEND),)),
            "a",
            {"x-old": "1", "x-new": "5%"},
        ),
        (split(removed=("x-old",)), "a", {"x-by": "route"}),
        (split(removed=("x-old",)), "b", {"x-by": "route", "x-old": "1"}),
        (split(added=(option("x-by", "share"),)), "a", {"x-old": "1", "x-by": "route"}),
    ],
)
def test_what_a_route_and_its_share_make_of_headers(
    route: Route, cluster: str, sent: Mapping[str, str]
) -> None:
    assert sent_headers(route, cluster, {"X-Old": "1"}) == sent
