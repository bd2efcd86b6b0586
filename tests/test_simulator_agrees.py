"""The simulator and the real Envoy do the same with the same requests.

Every route configuration of every golden is served by one Envoy, each at a socket of its own, with
an upstream for each cluster that says what it received. `tests/probes.py` makes the requests from
the routes themselves: names, paths, headers and queries that hit, and some that miss by one thing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crds.decode import decode
from explain.request import Request
from explain.simulate import Outcome, decide
from mesh.proxy import Proxy
from tests import http_rules
from tests.meshes import destination_rule, mesh_of, service, virtual_service
from tests.probes import probes
from tests.strategies import examples
from tests.translations import translations
from tests.translator.running import Answer, Running, serving_each
from translator import names, pb
from translator.config import Config
from translator.filters import fault
from translator.translate import in_place, translate

pytestmark = pytest.mark.envoy

DESTINATIONS = st.sampled_from(
    ({"host": "a"}, {"host": "a", "subset": "v1"}, {"host": "b"}, {"host": "nowhere"})
)
rules = http_rules.rules(DESTINATIONS)

ROUTES = {
    f"{case} {route.name}": route
    for case, translation in translations().items()
    for route in in_place(translation.config()).routes
}


@pytest.mark.timeout(300)
def test_the_simulator_and_envoy_agree(envoy_binary: Path, tmp_path: Path) -> None:
    assert not (found := disagreements(envoy_binary, tmp_path, ROUTES)), "\n".join(found)


@pytest.mark.timeout(300)
@settings(
    max_examples=examples(4),
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # an Envoy for each example: too slow to make it small
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.lists(rules, min_size=1, max_size=4), min_size=4, max_size=7))
def test_they_agree_on_random_rules(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory, written: list[list[str]]
) -> None:
    """With every field that an HTTP rule can have."""
    configs = {str(number): _config(http) for number, http in enumerate(written)}
    routes = {
        f"{number} {route.name}": route
        for number, config in configs.items()
        for route in in_place(config).routes
    }
    found = disagreements(envoy_binary, tmp_path_factory.mktemp("random"), routes)
    assert not found, "\n".join(found)


def _config(http: list[str]) -> Config:
    """What a client of `a` gets whose VirtualService has these rules; none that is refused."""
    vs = virtual_service("v", f"{{hosts: [a], http: [{', '.join(http)}]}}")
    accepted = vs if decode(yaml.safe_load(vs)).object is not None else ""
    subsets = destination_rule("a", "{host: a, subsets: [{name: v1}]}")
    mesh = mesh_of(service("a") + service("b") + subsets + accepted)
    client = Proxy(namespace="shop", name="p", labels={"app": "a"}, service_account="default")
    return translate(mesh, client)


def disagreements(envoy: Path, folder: Path, routes: Mapping[str, RouteConfiguration]) -> list[str]:
    """The requests with which the simulator and Envoy do not do the same, the first few."""
    served = {name: _for_the_test(route) for name, route in routes.items()}
    upstreams = sorted({each for route in served.values() for each in _clusters(route)})
    found: list[str] = []
    with serving_each(envoy, folder, served, upstreams) as fronts:
        for name, route in routes.items():
            for request in _requests(route):
                simulated, real = decide(route, request), _ask(fronts[name], request)
                if not _agree(request, simulated, real):
                    found.append(f"{name}: {request}\n  simulated {simulated}\n  real {real}")
    return found[:5]


def _for_the_test(given: RouteConfiguration) -> RouteConfiguration:
    """Complete, without delays and limits of time, and without sending anything twice."""
    made = RouteConfiguration()
    made.CopyFrom(given)
    made.ClearField("vhds")
    for route in (route for host in made.virtual_hosts for route in host.routes):
        if route.HasField("route"):
            for waits in ("request_mirror_policies", "retry_policy", "timeout"):
                route.route.ClearField(waits)
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


def _requests(routes: RouteConfiguration) -> Iterator[Request]:
    for host in routes.virtual_hosts:
        yield from filter(_is_sendable, probes(host))


def _is_sendable(request: Request) -> bool:
    """By the client of these tests: ASCII, and a path that is one."""
    text = "".join((request.authority, request.path, *request.headers.values()))
    return text.isascii() and request.path.startswith("/") and " " not in request.path


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
        and real.headers["seen-host"] in simulated.authorities[cluster]
        and real.headers["seen-method"] == request.method
    )


def test_the_requests_reach_nearly_every_route() -> None:
    """Guards the test above: requests that reach nothing would agree on a 404. Not all can be
    reached: some routes ask for https, some lie behind others. Tunnels are not tried."""
    reached: set[tuple[str, str, int]] = set()
    every: set[tuple[str, str, int]] = set()
    for name, route in ROUTES.items():
        outcomes = [decide(route, request) for request in _requests(route)]
        reached |= {(name, each.virtual_host, each.position) for each in outcomes}
        every |= {
            (name, host.name, position)
            for host in route.virtual_hosts
            for position, each in enumerate(host.routes)
            if not each.match.HasField("connect_matcher")
        }
    assert len(every - reached) <= len(every) // 20, sorted(every - reached)
