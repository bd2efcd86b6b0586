"""What every Kubernetes object has: its name in the cluster, where it was read, its metadata. And
the well-known labels and annotations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from crds.fields import EMPTY, wire

NO_LABELS: Mapping[str, str] = EMPTY


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The identity of an object: API group (`""` is core), kind, namespace (`""` if cluster-scoped)
    and name.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else f"{self.kind} {self.name}"
        )


class Lines(Protocol):
    """Knows the lines of one object's fields."""

    def line(self, path: str) -> int | None:
        """Where a field such as `spec.http[0].route` stands in its file, from 1: its key, or the
        item. Of one that is missing, what it would be in; `None` if that cannot be told.
        """


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where an object was read: a file, the document in it (from 1) and the line that the document
    starts on (from 1). Without these two, it is the file or folder as a whole.

    `lines` finds those of the object's fields, when asked. It may hold a Secret, so it does not
    show; nor is a place another one because of what is written there.
    """

    file: str
    document: int | None = None
    line: int | None = None
    lines: Lines | None = field(default=None, repr=False, compare=False)

    def of(self, path: str) -> "Origin":
        """Where one field of the object is: the file, and the field's own line."""
        found = self.lines.line(path) if self.lines is not None and path else None
        return Origin(self.file, self.document, self.line if found is None else found)

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        document = "" if self.document is None else f" (document {self.document})"
        return f"{self.file}{line}{document}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """The parts of `metadata` that are read. `created` is RFC 3339 as given, `""` when absent
    (files have none); `deleted`, too: since when the object is about to go.
    """

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = NO_LABELS
    annotations: Mapping[str, str] = NO_LABELS
    created: str = field(default="", metadata=wire("creationTimestamp"))
    deleted: str = field(default="", metadata=wire("deletionTimestamp"))
    uid: str = ""
    generation: int = 0


NO_META = Meta(name="")
"""Of a message that is a top-level object elsewhere: a WorkloadEntry inside a ServiceEntry."""


class Label:
    """Labels that are read or written, by Istio's and Kubernetes' names."""

    INJECTION = "istio-injection"
    INJECT = "sidecar.istio.io/inject"
    REVISION = "istio.io/rev"
    SERVICE_NAME = "kubernetes.io/service-name"
    POD_TEMPLATE_HASH = "pod-template-hash"
    TLS_MODE = "security.istio.io/tlsMode"
    AUTO_ALLOCATE = "networking.istio.io/enable-autoallocate-ip"
    GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
    CANONICAL_NAME = "service.istio.io/canonical-name"
    CANONICAL_REVISION = "service.istio.io/canonical-revision"


class Annotation:
    """Annotations that are read or written, by Istio's names."""

    INJECT = "sidecar.istio.io/inject"
    STATUS = "sidecar.istio.io/status"
    INTERCEPTION_MODE = "sidecar.istio.io/interceptionMode"
    EXPORT_TO = "networking.istio.io/exportTo"
    PROXY_CONFIG = "proxy.istio.io/config"
    PROXY_IMAGE = "sidecar.istio.io/proxyImage"
    TEMPLATES = "inject.istio.io/templates"
    DRY_RUN = "istio.io/dry-run"
    DNS_CAPTURE = "heddle.io/dns-capture"
    """Ours: the injector has led the pod's questions for addresses to its sidecar."""
    SUPPRESS = "galley.istio.io/analyze-suppress"


PER_POD_LABELS = frozenset(
    {
        Label.POD_TEMPLATE_HASH,
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "rollouts-pod-template-hash",
    }
)
"""Labels that name one pod or one rollout: never part of what a proxy's configuration depends on.
"""
