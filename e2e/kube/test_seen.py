"""Commands of a user who has a token and the role of docs/debug-endpoints.md, and no more: the API
server lets him through to the control plane and into pods.
"""

import json
import re

import pytest

from e2e.kube.cluster import Cluster
from e2e.kube.commands import CLI
from tests.kube.programs import program

pytestmark = pytest.mark.timeout(600)

KUBECTL = str(program("kubectl"))


def heddle(cluster: Cluster, kubeconfig: str, *arguments: str) -> str:
    """What a command prints that ends well."""
    code, said, errors = cluster.run(CLI, *arguments, "--kubeconfig", kubeconfig)
    assert code == 0, (arguments, said, errors)
    return said


def test_kubectl_forwards_a_port_that_is_on_the_pods_loopback(
    running: Cluster, kubeconfig: str, pod: str
) -> None:
    command = (KUBECTL, f"--kubeconfig={kubeconfig}", "port-forward", "-n", "shop", pod, ":15000")
    found = running.opened(*command, pattern=r"(127\.0\.0\.1:\d+)", path="http://{}/ready")
    assert found == (200, "LIVE\n")


def test_proxy_status_shows_every_proxy(running: Cluster, kubeconfig: str, pod: str) -> None:
    """Of both replicas. A proxy may just have come back from one that others have restarted."""
    states: dict[str, str] = {}
    while set(states.values()) != {"synced"}:
        shown = json.loads(heddle(running, kubeconfig, "proxy-status", "-o", "json"))
        states = {each["proxy"]: each["state"] for each in shown}
    assert f"{pod}.shop" in states


def test_proxy_config_reads_the_pod_itself(running: Cluster, kubeconfig: str) -> None:
    said = heddle(running, kubeconfig, "proxy-config", "cluster", "deployment/catalog.shop")
    assert re.search(r"reviews\.shop\.svc\.cluster\.local +9080 +v1 +outbound +EDS +reviews", said)


def test_a_proxy_holds_what_it_is_to_hold(running: Cluster, kubeconfig: str, pod: str) -> None:
    shown = heddle(running, kubeconfig, "config-dump", f"{pod}.shop", "--diff", "--all")
    assert "outbound|9080|v1|reviews.shop.svc.cluster.local" in shown


def test_a_trace_follows_a_call_to_the_object_that_decides(
    running: Cluster, kubeconfig: str
) -> None:
    """Worked out from the API server's objects, with their names: no file is behind them."""
    url = "http://reviews.shop.svc.cluster.local:9080/"
    arguments = ("trace", "--from", "deploy/catalog.shop", "--to", url, "-o", "json")
    found = json.loads(heddle(running, kubeconfig, *arguments))
    causes = {step["at"]: step["causes"] for step in found["steps"]}
    assert causes["route"][0]["object"] == "VirtualService shop/reviews"
    assert causes["route"][0]["path"].startswith("spec.http[")
    assert causes["mutual TLS"][0]["object"].endswith("/default")
    assert not any("file" in cause for listed in causes.values() for cause in listed)
    assert (found["steps"][-1]["at"], found["ok"]) == ("authorization", True)


def test_describe_names_what_acts_on_a_service(running: Cluster, kubeconfig: str) -> None:
    shown = json.loads(
        heddle(running, kubeconfig, "describe", "service", "reviews.shop", "-o", "json")
    )
    acting = {each["at"] for each in shown["acting"]}
    assert acting >= {"service", "routes", "rule", "subset", "endpoints"}
    pod = heddle(running, kubeconfig, "describe", "pod", "deploy/reviews-v1.shop")
    assert "PeerAuthentication heddle-system/default" in pod


def test_authz_check_says_what_would_be_denied(running: Cluster, kubeconfig: str) -> None:
    """STRICT keeps out who comes without a certificate; who has one may call."""
    check = ("authz", "check", "deploy/reviews-v1.shop", "--kubeconfig", kubeconfig)
    code, said, _ = running.run(CLI, *check, "--from", "outside")
    assert (code, "DENIED" in said, "PeerAuthentication" in said) == (1, True, True), said
    code, said, _ = running.run(CLI, *check, "--from", "deploy/catalog.shop")
    assert (code, "ALLOWED" in said) == (0, True), said


def test_the_dashboard_opens(running: Cluster, kubeconfig: str) -> None:
    command = (CLI, "dashboard", "--no-browser", "--kubeconfig", kubeconfig)
    status, body = running.opened(*command, pattern=r"(http://\S+)")
    assert status == 200
    assert "catalog" in body


def test_who_has_no_role_gets_nowhere(running: Cluster) -> None:
    token = running.kubectl("create", "token", "default", "-n", "visitors")
    code, _, errors = running.run(
        CLI, "proxy-status", "--kubeconfig", running.kubeconfig(token, "nobody")
    )
    assert code
    assert "forbidden" in errors.lower(), errors
