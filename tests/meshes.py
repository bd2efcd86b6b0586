"""Meshes from YAML text, and from random order of the same objects."""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping

import yaml

from crds.decode import decode
from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG, MeshConfig
from crds.meta import Key
from crds.problem import Severity
from mesh.advance import advance
from mesh.mesh import EMPTY_MESH, Mesh
from mesh.store import Change


def objects_of(text: str) -> dict[Key, Object]:
    """The objects in YAML text; one that cannot be read fails the test."""
    objects: dict[Key, Object] = {}
    for raw in yaml.safe_load_all(text):
        if raw is None:
            continue
        decoded = decode(raw)
        errors = [problem for problem in decoded.problems if problem.severity is Severity.ERROR]
        assert not errors, errors
        assert decoded.key is not None
        assert decoded.object is not None, decoded.key
        objects[decoded.key] = decoded.object
    return objects


def additions(objects: Mapping[Key, Object]) -> tuple[Change, ...]:
    """The changes that bring objects into an empty mesh."""
    return tuple(Change(key, None, objects[key]) for key in objects)


def mesh_of(text: str, config: MeshConfig = DEFAULT_MESH_CONFIG) -> Mesh:
    """The mesh that YAML text describes."""
    return advance(EMPTY_MESH, additions(objects_of(text)), config)[0]


def service(
    name: str, namespace: str = "shop", ports: Iterable[str] = ("http:80",), ip: str = ""
) -> str:
    """YAML of a Service; each port is `name:number` or `name:number:target`."""
    lines = ["---", "apiVersion: v1", "kind: Service"]
    lines += [f"metadata: {{name: {name}, namespace: {namespace}}}", "spec:"]
    lines += [f"  clusterIP: {ip}"] if ip else []
    lines += [f"  selector: {{app: {name}}}", "  ports:"]
    for port in ports:
        label, number, *target = port.split(":")
        extra = f", targetPort: {target[0]}" if target else ""
        lines.append(f"  - {{name: {label}, port: {number}{extra}}}")
    return "\n".join(lines) + "\n"


def virtual_service(name: str, spec: str, namespace: str = "shop", created: str = "") -> str:
    """YAML of a VirtualService with `spec` in flow style."""
    return _istio("VirtualService", name, spec, namespace, created)


def destination_rule(name: str, spec: str, namespace: str = "shop", created: str = "") -> str:
    """YAML of a DestinationRule with `spec` in flow style."""
    return _istio("DestinationRule", name, spec, namespace, created)


def gateway(name: str, spec: str, namespace: str = "shop", created: str = "") -> str:
    """YAML of a Gateway with `spec` in flow style."""
    return _istio("Gateway", name, spec, namespace, created)


def secret(name: str, namespace: str, /, **contents: bytes) -> str:
    """YAML of a Secret; in its keys `_` is a dot."""
    data = {key.replace("_", "."): b64encode(value).decode() for key, value in contents.items()}
    return (
        f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"data: {json.dumps(data)}\n"
    )


def _istio(kind: str, name: str, spec: str, namespace: str, created: str) -> str:
    stamp = f", creationTimestamp: '{created}'" if created else ""
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}{stamp}}}\nspec: {spec}\n"
    )


def sidecar(name: str, spec: str, namespace: str = "shop", created: str = "") -> str:
    """YAML of a Sidecar with `spec` in flow style."""
    return _istio("Sidecar", name, spec, namespace, created)


def authorization_policy(name: str, spec: str, namespace: str = "shop") -> str:
    """YAML of an AuthorizationPolicy with `spec` in flow style."""
    return (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )
