"""The real Envoy takes the whole configuration of every golden, not only the part that it shows.

One bootstrap holds all of them, because a call of Envoy costs far more than a resource: each case's
names and listener ports are made its own, routes and load assignments are put in place. Within a
case nothing is hidden: two clusters of one name, two listeners of one address, two virtual hosts
of one domain are refused here as they would be in a live proxy.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from tests.translations import translations
from tests.translator.envoy import as_json, refusal
from tests.translator.static_secrets import by_name, in_files
from translator import pb
from translator.config import Config
from translator.http_messages import HttpConnectionManager
from translator.translate import in_place

FIRST_PORT = 10_000

pytestmark = pytest.mark.envoy


def test_envoy_accepts_every_golden(envoy_binary: Path, tmp_path: Path) -> None:
    configs = {name: case.config() for name, case in translations().items()}
    if not refusal(envoy_binary, tmp_path, bootstrap(configs, tmp_path)):
        return
    found = {
        name: refusal(envoy_binary, tmp_path, bootstrap({name: config}, tmp_path))
        for name, config in configs.items()
    }
    assert {name: reason for name, reason in found.items() if reason} == {}


def test_this_check_would_notice_a_duplicate_domain(envoy_binary: Path, tmp_path: Path) -> None:
    """An error in any case must fail the batch."""
    config = translations()["routes/canary"].config()
    twice = Config(
        clusters=config.clusters,
        endpoints=config.endpoints,
        listeners=config.listeners,
        routes=config.routes,
        virtual_hosts=(*config.virtual_hosts, *config.virtual_hosts[-1:]),
    )
    said = refusal(envoy_binary, tmp_path, bootstrap({"a": config, "b": twice}, tmp_path))
    assert "Only unique" in said


def bootstrap(configs: Mapping[str, Config], folder: Path) -> dict[str, object]:
    """One bootstrap of several proxies' configurations."""
    clusters: list[dict[str, object]] = []
    listeners: list[dict[str, object]] = []
    ports: dict[tuple[str, int], int] = {}
    for case, config in configs.items():
        placed = in_place(config)
        clusters += (as_json(each) for each in _clusters(case, placed))
        routes = {route.name: route for route in placed.routes}
        for listener in placed.listeners:
            own = _listener(case, listener, routes)
            port = own.address.socket_address.port_value
            own.address.socket_address.port_value = ports.setdefault(
                (case, port), FIRST_PORT + len(ports)
            )
            listeners.append(as_json(own))
    every = (secret for config in configs.values() for secret in config.secrets)
    secrets = [as_json(secret) for secret in in_files(every, folder)]
    return {
        "node": {"id": "test", "cluster": "test"},
        "static_resources": {"clusters": clusters, "listeners": listeners, "secrets": secrets},
    }


def _clusters(case: str, config: Config) -> Iterator[Cluster]:
    assignments = {each.cluster_name: each for each in config.endpoints}
    for cluster in config.clusters:
        own = Cluster()
        own.CopyFrom(cluster)
        own.name = f"{case} {cluster.name}"
        if cluster.type == Cluster.EDS:
            own.type = Cluster.STATIC
            own.ClearField("eds_cluster_config")
            own.load_assignment.CopyFrom(assignments[cluster.name])
        by_name(own)
        yield own


def _listener(case: str, listener: Listener, routes: Mapping[str, RouteConfiguration]) -> Listener:
    own = Listener()
    own.CopyFrom(listener)
    own.name = f"{case} {listener.name}"
    for chain in (*own.filter_chains, own.default_filter_chain):
        for each in chain.filters:
            _put_routes_in_place(each, routes)
    return own


def _put_routes_in_place(each: Filter, routes: Mapping[str, RouteConfiguration]) -> None:
    manager = HttpConnectionManager()
    if not each.typed_config.Unpack(manager) or not manager.HasField("rds"):
        return
    route = RouteConfiguration()
    route.CopyFrom(routes[manager.rds.route_config_name])
    route.ClearField("vhds")
    manager.route_config.CopyFrom(route)
    each.typed_config.CopyFrom(pb.any_of(manager))
