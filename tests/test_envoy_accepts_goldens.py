"""The real Envoy takes the whole configuration of every golden, not only the part that it shows.

One bootstrap holds all of them, because a call of Envoy costs far more than a resource: each case's
names, listener ports and sockets are made its own, routes and load assignments are put in place.
Within a case nothing is hidden: two clusters of one name, two listeners of one address, two virtual
hosts of one domain are refused here as they would be in a live proxy.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.translations import translations
from tests.translator.envoy import as_json, refusal
from tests.translator.placed import placed
from tests.translator.static_secrets import by_name, in_files, of_secrets, of_workload
from translator.config import Config

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
        whole = placed(config)
        for cluster in whole.clusters:
            cluster.name = f"{case} {cluster.name}"
            by_name(cluster)
            clusters.append(as_json(cluster))
        for listener in whole.listeners:
            listener.name = f"{case} {listener.name}"
            by_name(listener)
            port = listener.address.socket_address.port_value
            others = (each.address for each in listener.additional_addresses)
            for address in (listener.address, *others):
                if address.HasField("socket_address"):
                    address.socket_address.port_value = ports.setdefault(
                        (case, port), FIRST_PORT + len(ports)
                    )
                else:
                    address.pipe.path += f"-{len(listeners)}"
            listeners.append(as_json(listener))
    every = (secret for config in configs.values() for secret in config.secrets)
    given = (*of_workload(), *in_files(every, folder), *of_secrets(clusters))
    secrets = [as_json(secret) for secret in given]
    return {
        "node": {"id": "test", "cluster": "test"},
        "static_resources": {"clusters": clusters, "listeners": listeners, "secrets": secrets},
    }
