"""What is added to a pod: two containers and four volumes, around a stock Envoy and no agent.

Envoy's bootstrap travels as JSON in its arguments (JSON is YAML, and needs no quoting rules), with
`$(POD_NAME)` and its like left for the kubelet to fill in.
"""

import json
from collections.abc import Mapping

from mesh.interception import METRICS_PORT, READINESS_PORT
from mesh.own_files import SDS_FOLDER
from webhook import certificates, iptables
from webhook.annotations import Options
from webhook.iptables import PROXY_UID, Interception
from webhook.settings import (
    PLACEHOLDERS,
    ROOT_CONFIG_MAP,
    ROOT_FILE,
    ROOT_FOLDER,
    ROOT_KEY,
    TOKEN_FOLDER,
    InjectSettings,
    Quantities,
    RootSource,
)
from webhook.variables import escape

INIT = "heddle-init"
PROXY = "istio-proxy"
"""Istio's name for the sidecar, because tools look for it."""
CONTAINERS = (INIT, PROXY)

TOKEN_VOLUME = "heddle-token"
ROOT_VOLUME = "heddle-root"
SDS_VOLUME = "heddle-sds"
SCRATCH_VOLUME = "heddle-scratch"
VOLUMES = (TOKEN_VOLUME, ROOT_VOLUME, SDS_VOLUME, SCRATCH_VOLUME)

SDS_TOKEN_ANNOTATION = "heddle.io/sds-token"
SDS_CA_ANNOTATION = "heddle.io/sds-ca"

READINESS_PATH = "/healthz/ready"

_FIELDS = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "POD_IP": "status.podIP",
    iptables.ADDRESSES: "status.podIPs",
    "SERVICE_ACCOUNT": "spec.serviceAccountName",
    "NODE_NAME": "spec.nodeName",
}


def init_container(settings: InjectSettings, interception: Interception) -> dict[str, object]:
    """Sets up the redirection, then ends. Nothing else needs a privilege."""
    return {
        "name": INIT,
        "image": settings.init_image,
        **_pulled(settings),
        "command": ["/bin/sh", "-c"],
        "args": [escape(iptables.script(interception))],
        "env": [field_variable(iptables.ADDRESSES)],
        "resources": _quantities(settings.init_resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "runAsUser": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # The old form of iptables has its lock there.
        "volumeMounts": [{"name": SCRATCH_VOLUME, "mountPath": "/run"}],
    }


def proxy_container(
    options: Options, bootstrap: Mapping[str, object], settings: InjectSettings
) -> dict[str, object]:
    """The Envoy. A native sidecar is ready before any container of the user's starts, and ends
    after all of them; another one waits a while before it ends.
    """
    container: dict[str, object] = {
        "name": PROXY,
        "image": options.proxy_image,
        **_pulled(settings),
        "command": ["/usr/local/bin/envoy"],
        "args": _arguments(options, bootstrap),
        "env": [field_variable(name) for name in PLACEHOLDERS],
        "ports": [{"name": "http-envoy-prom", "containerPort": METRICS_PORT, "protocol": "TCP"}],
        "startupProbe": _probe({"periodSeconds": 1, "failureThreshold": settings.startup_seconds}),
        "readinessProbe": _probe(
            {
                "initialDelaySeconds": options.readiness.initial_delay,
                "periodSeconds": options.readiness.period,
                "failureThreshold": options.readiness.failure_threshold,
            }
        ),
        "resources": _quantities(options.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": PROXY_UID,
            "runAsNonRoot": True,
            "runAsUser": PROXY_UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": TOKEN_VOLUME, "mountPath": TOKEN_FOLDER, "readOnly": True},
            {"name": ROOT_VOLUME, "mountPath": ROOT_FOLDER, "readOnly": True},
            {"name": SDS_VOLUME, "mountPath": SDS_FOLDER, "readOnly": True},
            {"name": SCRATCH_VOLUME, "mountPath": "/tmp"},
            *certificates.mounts(options.source),
        ],
    }
    return container | {"restartPolicy": "Always"} if options.native_sidecar else container


def volumes(settings: InjectSettings) -> list[dict[str, object]]:
    """Token and roots rotate without a restart; the SDS files never change."""
    token = {
        "audience": settings.token_audience,
        "expirationSeconds": settings.token_seconds,
        "path": "token",
    }
    own = {name: certificates.ANNOTATIONS[name] for name in settings.sds_own}
    files = {"token.yaml": SDS_TOKEN_ANNOTATION, "ca.yaml": SDS_CA_ANNOTATION, **own}
    items = [
        {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
        for path, annotation in files.items()
    ]
    return [
        {"name": TOKEN_VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}},
        {"name": ROOT_VOLUME, **_roots(settings)},
        {"name": SDS_VOLUME, "downwardAPI": {"items": items}},
        {"name": SCRATCH_VOLUME, "emptyDir": {}},
        *certificates.volumes(settings),
    ]


def _roots(settings: InjectSettings) -> dict[str, object]:
    if settings.roots is RootSource.CLUSTER_TRUST_BUNDLE:
        bundle = certificates.trust_bundle(settings.certificate_signer, ROOT_FILE)
        return {"projected": {"sources": [bundle]}}
    items = [{"key": ROOT_KEY, "path": ROOT_FILE}]
    return {"configMap": {"name": ROOT_CONFIG_MAP, "items": items}}


def _pulled(settings: InjectSettings) -> dict[str, object]:
    policy = settings.image_pull_policy
    return {"imagePullPolicy": policy} if policy else {}


def _quantities(given: Quantities) -> dict[str, object]:
    return {kind: dict(values) for kind, values in given.items()}


def field_variable(name: str) -> dict[str, object]:
    """An environment variable that the kubelet fills from the pod itself."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": _FIELDS[name]}}}


def _arguments(options: Options, bootstrap: Mapping[str, object]) -> list[str]:
    text = json.dumps(bootstrap, sort_keys=True, separators=(",", ":"))
    arguments = ["--config-yaml", escape(text, keep=PLACEHOLDERS)]
    if options.concurrency:
        arguments += ["--concurrency", str(options.concurrency)]
    arguments += ["--drain-time-s", str(options.drain_seconds)]
    # Or connections that are open when a policy changes are judged by the old one until then.
    arguments += ["--drain-strategy", "immediate", "--log-level", options.log_level]
    if options.component_log_level:
        arguments += ["--component-log-level", options.component_log_level]
    return [*arguments, "--disable-hot-restart"]


def _probe(timing: Mapping[str, int]) -> dict[str, object]:
    get = {"path": READINESS_PATH, "port": READINESS_PORT}
    return {"httpGet": get, "timeoutSeconds": 3, **timing}
