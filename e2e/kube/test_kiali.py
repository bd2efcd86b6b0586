"""Kiali's own server against a control plane and proxies of ours: its proxy pages."""

import json
import sys
from collections.abc import Mapping

import pytest

from e2e.kube.cluster import Cluster
from e2e.kube.kiali import PORT, PROMETHEUS
from e2e.kube.test_seen import heddle
from tests.charts.helm import NAMESPACE, Helm, find_helm
from tests.kube.programs import KIALI, obstacle, program

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(obstacle(KIALI) is not None, reason="no Kiali: run `scripts/kube kiali`"),
]

READ = ["get", "list", "watch"]
ISTIO = ("networking", "security", "extensions", "telemetry")
RULES = [
    {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create", "get"]},
    {"apiGroups": ["", "apps", "batch"], "resources": ["*"], "verbs": READ},
    {"apiGroups": [f"{each}.istio.io" for each in ISTIO], "resources": ["*"], "verbs": READ},
    {
        "apiGroups": ["apiextensions.k8s.io", "admissionregistration.k8s.io"],
        "resources": ["*"],
        "verbs": READ,
    },
]
UNREAD = {
    "Telemetry": ("telemetry.istio.io", "telemetries", ("v1", "v1alpha1")),
    "WasmPlugin": ("extensions.istio.io", "wasmplugins", ("v1alpha1",)),
    "EnvoyFilter": ("networking.istio.io", "envoyfilters", ("v1alpha3",)),
}
"""Kinds that Kiali waits for, and our chart does not bring."""


FAR = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: far, namespace: shop}
spec:
  hosts: [far.example.com]
  ports: [{number: 443, name: tls, protocol: TLS}]
  resolution: DNS
"""


def definition(kind: str, group: str, plural: str, versions: tuple[str, ...]) -> object:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {"name": each, "served": True, "storage": each == versions[0], "schema": schema}
                for each in versions
            ],
        },
    }


@pytest.fixture(scope="module")
def told(running: Cluster, pod: str) -> Mapping[str, object]:
    """What Kiali says of a pod, and of us."""
    helm = find_helm()
    assert helm is not None
    text = Helm(helm).template("--set", "kialiCompat.enabled=true")
    running.kubectl("apply", "--server-side", "-f", "-", text=text)
    running.rolled_out(NAMESPACE, "heddle")
    running.gone(NAMESPACE)
    for kind, (group, plural, versions) in UNREAD.items():
        running.apply(json.dumps(definition(kind, group, plural, versions)))
    running.apply(FAR)
    running.kubectl("wait", "--for=condition=Programmed", "serviceentry/far", "-n", "shop")
    command = (sys.executable, "-m", "e2e.kube.kiali", str(program(KIALI)))
    given = (configured(running), str(running.folder), f"shop/{pod}")
    code, said, errors = running.run(*command, *given)
    running.kubectl("delete", "serviceentry", "far", "-n", "shop")
    assert code == 0, errors
    found = json.loads(said)
    assert isinstance(found, dict)
    return found


def configured(cluster: Cluster) -> str:
    """The file of Kiali's configuration, with an account that may what its chart lets it."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    cluster.apply(json.dumps({**role, "metadata": {"name": "kiali"}, "rules": RULES}))
    cluster.kubectl("create", "serviceaccount", "kiali", "-n", NAMESPACE)
    account = f"--serviceaccount={NAMESPACE}:kiali"
    cluster.kubectl("create", "clusterrolebinding", "kiali", "--clusterrole=kiali", account)
    cluster.allows(f"{NAMESPACE}:kiali", "create", "pods", "--subresource=portforward")
    token = cluster.kubectl("create", "token", "kiali", "-n", NAMESPACE)
    service = ("get", "svc", "heddle", "-n", NAMESPACE)
    address = cluster.kubectl(*service, "-o", "jsonpath={.spec.clusterIP}")
    config = {
        "in_cluster": False,
        "istio_namespace": NAMESPACE,
        "auth": {"strategy": "anonymous"},
        "deployment": {
            "cluster_wide_access": True,
            "accessible_namespaces": ["**"],
            "namespace": NAMESPACE,
            "remote_secret_path": cluster.kubeconfig(token, "kiali"),
        },
        "external_services": {
            "custom_dashboards": {"enabled": False},
            "grafana": {"enabled": False},
            "tracing": {"enabled": False},
            "istio": {
                "root_namespace": NAMESPACE,
                "url_service_version": f"http://{address}:15014/version",
                "istiod_polling_interval_seconds": 5,
            },
            "prometheus": {"url": f"http://127.0.0.1:{PROMETHEUS}"},
        },
        "login_token": {"signing_key": "0123456789abcdef"},
        "server": {
            "port": PORT,
            "address": "127.0.0.1",
            "web_root": "/kiali",
            "static_content_root_directory": str(cluster.folder),
        },
    }
    file = cluster.folder / "kiali.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    return str(file)


def test_we_are_a_control_plane_that_is_healthy(told: Mapping[str, object]) -> None:
    status = told["status"]
    assert isinstance(status, list)
    assert {"name": "heddle", "status": "Healthy", "is_core": True} in status


def test_a_host_that_only_a_service_entry_brings_is_known_by_our_registryz(
    told: Mapping[str, object],
) -> None:
    found = told["services"]
    assert isinstance(found, dict)
    registries = {each["name"]: each["serviceRegistry"] for each in found["services"]}
    assert registries["far.example.com"] == "External"
    assert registries["reviews"] == "Kubernetes"


def test_a_pod_is_in_sync_by_our_syncz(told: Mapping[str, object], pod: str) -> None:
    workload = told["workload"]
    assert isinstance(workload, dict)
    (shown,) = [each["proxyStatus"] for each in workload["pods"] if each["name"] == pod]
    assert shown == dict.fromkeys(("CDS", "EDS", "LDS", "RDS"), "Synced")


def test_the_pages_of_a_proxy_name_what_an_object_became(told: Mapping[str, object]) -> None:
    clusters, routes, listeners = (told[each] for each in ("clusters", "routes", "listeners"))
    assert isinstance(clusters, dict)
    subsets = [(c["subset"], c["destination_rule"]) for c in clusters["clusters"]]
    assert ("v1", "reviews.shop") in subsets
    assert isinstance(routes, dict)
    assert "payments.shop" in [each["virtual_service"] for each in routes["routes"]]
    assert isinstance(listeners, dict)
    assert "Route: 9080" in [each["destination"] for each in listeners["listeners"]]
    assert "BootstrapConfigDump" in str(told["dump"])


def test_kiali_sets_the_level_of_a_log(
    running: Cluster, told: Mapping[str, object], kubeconfig: str, pod: str
) -> None:
    assert told
    said = heddle(running, kubeconfig, "proxy-config", "log", f"{pod}.shop")
    assert "info" in said
