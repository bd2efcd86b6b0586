"""What tools for progressive delivery work on: pods of some versions, and their Services."""

import json
from collections.abc import Mapping

NAMESPACE = "e2e"

Json = Mapping[str, object]


def manifests(*objects: Json) -> str:
    """YAML of these objects."""
    return "\n---\n".join(json.dumps(item) for item in objects)


def deployment(name: str, version: str, labels: Mapping[str, str], replicas: int = 1) -> Json:
    """Pods that say which version they are."""
    env = {"VERSION": version, "PORT": "8080"}
    container = {
        "name": "echo",
        "image": "heddle-e2e/echo",
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    annotations = {"proxy.istio.io/config": "concurrency: 1"}
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": [container]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def service(name: str, selector: Mapping[str, str]) -> Json:
    """A Service for HTTP at port 8080."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 8080}]},
    }


def written(kind: str, version: str, name: str, spec: Json, manager: str, **meta: object) -> Json:
    """A mesh object with all that an API server keeps beside it for its last writer."""
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": f"networking.istio.io/{version}",
        "time": "2026-11-21T12:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:http": {}}},
    }
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "generation": 7,
        "resourceVersion": "4711",
        "uid": "0c5ad1f4-6a0e-4c0b-9ad2-4a9f0f6d7a11",
        "creationTimestamp": "2026-11-21T11:00:00Z",
        "managedFields": [entry],
        **meta,
    }
    return {
        "apiVersion": f"networking.istio.io/{version}",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }
