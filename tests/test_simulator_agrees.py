"""The simulator and the real Envoy do the same with the same requests.

Every route configuration of every golden is served by one Envoy, each at a socket of its own, with
an upstream for each cluster that says what it received. `tests/probes.py` makes the requests from
the routes themselves: names, paths, headers and queries that hit, and some that miss by one thing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault

from tests.probes import probes
from tests.simulate import Outcome, Request, decide
from tests.translations import translations
from tests.translator.running import Answer, Running, serving_each
from translator import names, pb
from translator.filters import fault
from translator.translate import in_place

pytestmark = pytest.mark.envoy

ROUTES = {
    f"{case} {route.name}": route
    for case, translation in translations().items()
    for route in in_place(translation.config()).routes
}


@pytest.fixture(scope="module")
def fronts(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Running]]:
    """An Envoy that serves them all."""
    served = {name: _for_the_test(route) for name, route in ROUTES.items()}
    upstreams = sorted({each for route in served.values() for each in _clusters(route)})
    folder = tmp_path_factory.mktemp("agree")
    with serving_each(envoy_binary, folder, served, upstreams) as running:
        yield running


def _for_the_test(given: RouteConfiguration) -> RouteConfiguration:
    """Complete, without delays, and without sending anything anywhere twice."""
    made = RouteConfiguration()
    made.CopyFrom(given)
    made.ClearField("vhds")
    for route in (route for host in made.virtual_hosts for route in host.routes):
        if route.HasField("route"):
            route.route.ClearField("request_mirror_policies")
        if fault.NAME in route.typed_per_filter_config:
            faults = HTTPFault()
            assert route.typed_per_filter_config[fault.NAME].Unpack(faults)
            faults.ClearField("delay")
            route.typed_per_filter_config[fault.NAME].CopyFrom(pb.any_of(faults))
    return made


def _clusters(routes: RouteConfiguration) -> Iterator[str]:
    for action in (route.route for host in routes.virtual_hosts for route in host.routes):
        every = (action.cluster, *(each.name for each in action.weighted_clusters.clusters))
        yield from (name for name in every if name not in ("", names.BLACKHOLE))


@pytest.mark.timeout(300)
def test_the_simulator_and_envoy_agree(fronts: Mapping[str, Running]) -> None:
    found = [
        f"{name}: {request}\n  simulated {simulated}\n  real {answer}"
        for name, route in ROUTES.items()
        for request in _requests(route)
        if not _agree(
            request,
            simulated := decide(route, request),
            answer := _ask(fronts[name], request),
        )
    ]
    assert not found, "\n".join([f"{len(found)} disagree:", *found[:5]])


def _requests(routes: RouteConfiguration) -> Iterator[Request]:
    for host in routes.virtual_hosts:
        yield from probes(host)


def _ask(front: Running, request: Request) -> Answer:
    return front.ask(request.authority, request.path, request.method, request.headers)


def _agree(request: Request, simulated: Outcome, real: Answer) -> bool:
    if real.status in simulated.aborts:
        return True
    if simulated.status:
        seen = "seen-cluster" in real.headers
        same = real.headers.get("location", "") == simulated.location
        return real.status == simulated.status and same and not seen
    cluster = real.headers.get("seen-cluster", "")
    if not cluster:  # the share of a destination that does not exist
        return real.status == 503 and names.BLACKHOLE in simulated.clusters
    return (
        simulated.clusters.get(cluster, 0) > 0
        and real.headers["seen-path"] == simulated.path
        and real.headers["seen-host"] == simulated.authorities[cluster]
        and real.headers["seen-method"] == request.method
    )


def test_the_requests_reach_nearly_every_route() -> None:
    """Guards the test above: requests that reach nothing would agree on a 404. Not all can be
    reached: some routes ask for https, some lie behind others."""
    reached: set[tuple[str, str, int]] = set()
    every: set[tuple[str, str, int]] = set()
    for name, route in ROUTES.items():
        outcomes = [decide(route, request) for request in _requests(route)]
        reached |= {(name, each.virtual_host, each.position) for each in outcomes}
        every |= {(name, h.name, i) for h in route.virtual_hosts for i in range(len(h.routes))}
    assert len(every - reached) <= len(every) // 20, sorted(every - reached)
