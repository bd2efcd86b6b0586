"""The CustomResourceDefinition of a kind. All its versions are the same, so that nothing needs
converting, and every one of Istio's is served; the newest is stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds.definitions.constraint import Schema
from crds.definitions.schema import CONSTRAINTS, schema
from crds.definitions.status import status
from crds.kinds import KINDS, NETWORKING, SECURITY, Kind, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What `kubectl get` shows beside the name."""

    name: str
    path: str
    type: str = "string"


def _condition(name: str) -> Column:
    return Column(name=name, path=f'.status.conditions[?(@.type=="{name}")].status')


_AGE = Column(name="Age", path=".metadata.creationTimestamp", type="date")
_HOSTS = Column(name="Hosts", path=".spec.hosts")

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "VirtualService": (Column(name="Gateways", path=".spec.gateways"), _HOSTS),
    "DestinationRule": (Column(name="Host", path=".spec.host"),),
    "ServiceEntry": (
        _HOSTS,
        Column(name="Location", path=".spec.location"),
        Column(name="Resolution", path=".spec.resolution"),
    ),
    "WorkloadEntry": (Column(name="Address", path=".spec.address"),),
    "PeerAuthentication": (Column(name="Mode", path=".spec.mtls.mode"),),
    "AuthorizationPolicy": (Column(name="Action", path=".spec.action"),),
}
"""Istio's, by kind; all kinds show their conditions and their age, too."""

SHORT_NAMES: Mapping[str, str] = {
    "VirtualService": "vs",
    "DestinationRule": "dr",
    "Gateway": "gw",
    "ServiceEntry": "se",
    "WorkloadEntry": "we",
    "WorkloadGroup": "wg",
    "PeerAuthentication": "pa",
    "AuthorizationPolicy": "ap",
    "RequestAuthentication": "ra",
}


def definitions() -> Iterator[tuple[str, Schema]]:
    """Of every kind of the mesh's, with its name: objects of `apiextensions.k8s.io/v1`."""
    ours = ((group, kind) for group, kind in KINDS if group in (NETWORKING, SECURITY))
    for group, kind in sorted(ours, key=lambda each: (each[0], plural(each[1]))):
        name = f"{plural(kind)}.{group}"
        yield name, _definition(name, group, kind, KINDS[group, kind])


def _definition(name: str, group: str, kind: str, said: Kind) -> Schema:
    names: Schema = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural(kind),
        "singular": kind.lower(),
        "categories": ["istio-io", group.replace(".", "-")],
    }
    if kind in SHORT_NAMES:
        names["shortNames"] = [SHORT_NAMES[kind]]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "heddle"},
            # With a definition go all objects of its kind: Helm shall never remove one.
            "annotations": {
                # Where one Argo CD Application holds them and their objects.
                "argocd.argoproj.io/sync-wave": "-1",
                "helm.sh/resource-policy": "keep",
            },
        },
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "conversion": {"strategy": "None"},
            "versions": [
                _version(kind, said, version, stored=version == said.versions[0])
                for version in said.versions
            ],
        },
    }


def _version(kind: str, said: Kind, version: str, *, stored: bool) -> Schema:
    columns = (*COLUMNS.get(kind, ()), _condition("Accepted"), _condition("Programmed"), _AGE)
    return {
        "name": version,
        "served": True,
        "storage": stored,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": column.name, "type": column.type, "jsonPath": column.path}
            for column in columns
        ],
        "schema": {"openAPIV3Schema": _whole(said.type)},
    }


def _whole(message: type) -> Schema:
    found: Schema = {"type": "object"}
    constraints = CONSTRAINTS[message]
    if constraints.required:
        found["required"] = ["spec"]
    return {**found, "properties": {"spec": schema(message), "status": status()}}
