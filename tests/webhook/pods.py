"""Pods, namespaces and settings that the tests of the webhook start from."""

from collections.abc import Mapping

from mesh.proxy import Mode
from webhook.settings import InjectSettings, ProxyFacts

SDS_TOKEN = '{"resources":[{"name":"xds-token"}]}'
SDS_CA = '{"resources":[{"name":"xds-ca"}]}'


def small_bootstrap(facts: ProxyFacts) -> Mapping[str, object]:
    """Stands in for the real one, with a placeholder and a dollar sign that is none."""
    address = "127.0.0.1" if facts.mode is Mode.REDIRECT else "$(POD_IP)"
    probes = [str(probe) for probe in facts.probes]
    return {
        "node": {"id": "sidecar~$(POD_NAME).$(POD_NAMESPACE)", "cluster": facts.cluster},
        "admin": {"address": address, "note": "costs $5, $(NOTHING) more"},
        **({"probes": probes} if probes else {}),
    }


def settings(**changes: object) -> InjectSettings:
    values: dict[str, object] = {
        "bootstrap": small_bootstrap,
        "sds_token": SDS_TOKEN,
        "sds_ca": SDS_CA,
    }
    return InjectSettings(**{**values, **changes})  # type: ignore[arg-type]  # any field


def namespace(name: str = "shop", **labels: str) -> dict[str, object]:
    found = {key.replace("_", "-"): value for key, value in labels.items()}
    return {"kind": "Namespace", "metadata": {"name": name, "labels": found}}


MESH = namespace(istio_injection="enabled")


def pod(
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    spec: Mapping[str, object] | None = None,
) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-0",
            "namespace": "shop",
            "labels": {"app": "web", **(labels or {})},
            "annotations": dict(annotations or {}),
        },
        "spec": {"containers": [{"name": "web", "image": "web"}], **(spec or {})},
    }
