"""The headers of a request as a route sends it on to one of its clusters: what is removed and added
for the cluster first, then what is for the route, as Envoy does.

A value with a command of Envoy's, such as `%PROTOCOL%`, stays as it is written: what it comes to is
not known here.
"""

from collections.abc import Iterable, Mapping, Sequence

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import Route

Operations = tuple[Sequence[str], Sequence[HeaderValueOption]]


def sent_headers(route: Route, cluster: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """By names in lower case. Where several shares go to the same cluster, the first counts."""
    found = {name.lower(): value for name, value in headers.items()}
    for removed, added in _operations(route, cluster):
        for name in removed:
            found.pop(name.lower(), None)
        for option in added:
            _add(found, option)
    return found


def _operations(route: Route, cluster: str) -> Iterable[Operations]:
    shares = route.route.weighted_clusters.clusters
    for share in [each for each in shares if each.name == cluster][:1]:
        yield share.request_headers_to_remove, share.request_headers_to_add
    yield route.request_headers_to_remove, route.request_headers_to_add


def _add(headers: dict[str, str], option: HeaderValueOption) -> None:
    name, value = option.header.key.lower(), option.header.value.replace("%%", "%")
    appends = option.append_action == HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
    headers[name] = f"{headers[name]},{value}" if appends and name in headers else value
