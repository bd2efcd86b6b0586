"""From an empty API server to traffic: the charts, the example, and updates under load."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from e2e.kube.cluster import Cluster
from tests.charts.helm import NAMESPACE

pytestmark = pytest.mark.timeout(600)

SYSTEM = NAMESPACE
RATE = 200
URL = "http://catalog.shop:9080/"

CLIENT, STRANGER = "visitors/client", "visitors/stranger"


def asked(cluster: Cluster, pod: str) -> Mapping[str, object]:
    """What becomes of one request to the shop."""
    command = {"do": "http", "url": URL, "headers": {}, "method": "GET", "body": "", "times": 1}
    found = cluster.ask(pod, command)
    assert isinstance(found, list)
    (answer,) = found
    assert isinstance(answer, dict)
    return answer


@contextmanager
def load(cluster: Cluster) -> Iterator[dict[str, object]]:
    """200 requests a second while the block runs; filled with what became of them."""
    counted: dict[str, object] = {}
    command = {"load": "steady", "url": URL, "headers": {}, "rate": RATE}
    cluster.ask(CLIENT, {"do": "load", **command})
    try:
        yield counted
    finally:
        found = cluster.ask(CLIENT, {"do": "stop", "load": "steady"})
        assert isinstance(found, dict)
        counted |= found


def test_every_pod_of_the_shop_has_a_sidecar_of_the_real_webhook(running: Cluster) -> None:
    path = "{range .items[*]}{.spec.initContainers[*].name}{'\\n'}{end}"
    found = running.kubectl("get", "pods", "-n", "shop", "-o", f"jsonpath={path}").split("\n")
    assert all("istio-proxy" in line for line in found if line), found


def test_heddle_check_has_nothing_to_say_of_it(running: Cluster) -> None:
    """Every check is made: of pods, proxies and nodes, too."""
    code, said = running.check("--wait", "20", "-o", "json")
    odd = [(each["check"], each["findings"]) for each in checks(said) if each["result"] != "ok"]
    assert not odd, odd
    assert code == 0


def checks(said: str) -> list[dict[str, Any]]:
    found = json.loads(said)["checks"]
    assert isinstance(found, list)
    return found


def test_traffic_flows_and_only_with_mutual_tls(running: Cluster) -> None:
    assert asked(running, CLIENT).get("status") == 200
    assert "error" in asked(running, STRANGER), "who has no certificate has no connection either"


@pytest.mark.parametrize(
    ("namespace", "name"), [("shop", "catalog"), (SYSTEM, "heddle")], ids=["app", "heddle"]
)
def test_a_rolling_update_fails_no_request(running: Cluster, namespace: str, name: str) -> None:
    with load(running) as counted:
        running.kubectl("rollout", "restart", "-n", namespace, f"deploy/{name}")
        running.rolled_out(namespace, name)
        running.gone(namespace)
    outcomes = counted["outcomes"]
    assert isinstance(outcomes, dict)
    assert set(outcomes) == {"200"}, outcomes
    seconds = counted["seconds"]
    assert isinstance(seconds, float)
    assert outcomes["200"] / seconds > RATE / 2, "the load was none"
