"""What the injector is told: about the mesh once, about the proxy of one pod each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from crds.fields import FrozenMap
from crds.label_selector import LabelSelector
from crds.mesh_config import CertificateSource
from mesh.app_probes import AppProbe
from mesh.proxy import Mode, Role

PLACEHOLDERS = ("POD_NAME", "POD_NAMESPACE", "POD_IP", "SERVICE_ACCOUNT", "NODE_NAME")
"""Environment variables of the sidecar; a bootstrap may name them, as `$(POD_NAME)`."""

TOKEN_FOLDER = "/var/run/secrets/heddle"
"""Where the sidecar, and only it, has its token, in the file `token`."""
ROOT_FOLDER, ROOT_FILE = "/var/run/heddle/root", "root.pem"
"""Where the sidecar has the mesh's root certificates, and in which file."""


SIGNER = "heddle.io/workload"
"""Who signs pod certificates (`spec.signerName`)."""
ROOT_CONFIG_MAP, ROOT_KEY = "heddle-ca-root-cert", "root-cert.pem"
"""What has the mesh's root certificates in every namespace that is injected; the key is Istio's."""

Quantities = Mapping[str, Mapping[str, str]]
"""`requests` and `limits` of a container."""

PROXY_RESOURCES: Quantities = FrozenMap(
    {
        "requests": FrozenMap({"cpu": "100m", "memory": "128Mi"}),
        "limits": FrozenMap({"cpu": "2000m", "memory": "1024Mi"}),
    }
)
INIT_RESOURCES: Quantities = FrozenMap(
    {
        "requests": FrozenMap({"cpu": "10m", "memory": "16Mi"}),
        "limits": FrozenMap({"cpu": "200m", "memory": "64Mi"}),
    }
)


class RootSource(StrEnum):
    """Where a sidecar has the mesh's roots from: a ConfigMap of its namespace, or the
    ClusterTrustBundles of the signer of pod certificates, where the cluster has those.
    """

    CONFIG_MAP = "CONFIG_MAP"
    CLUSTER_TRUST_BUNDLE = "CLUSTER_TRUST_BUNDLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFacts:
    """What a bootstrap may depend on, besides the placeholders. `cluster` is Istio's
    `<canonical name>.<namespace>`; in mode `NONE` whatever listens binds to `$(POD_IP)`.
    """

    cluster: str
    mode: Mode
    role: Role = Role.SIDECAR
    source: CertificateSource = CertificateSource.HEDDLE
    probes: tuple[AppProbe, ...] = ()
    """What the kubelet asks the sidecar about the application."""
    cluster_id: str = ""
    network: str = ""
    """Of the cluster that the pod is in, if it has a name."""


class BootstrapFor(Protocol):
    """Makes the bootstrap of one pod's Envoy, as JSON values with placeholders."""

    def __call__(self, facts: ProxyFacts, /) -> Mapping[str, object]:
        """Equal facts give equal bootstraps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectSettings:
    """The same for all pods. `mode` and what follows it are defaults that annotations override."""

    bootstrap: BootstrapFor
    sds_token: str
    """Contents of the SDS file that names the token; it has to lie in `TOKEN_FOLDER`."""
    sds_ca: str
    """Contents of the SDS file that names the roots and the control plane's name."""
    source: CertificateSource = CertificateSource.HEDDLE
    """Where workloads have their certificates from."""
    sds_own: Mapping[str, str] = field(default_factory=dict)
    """Contents of the SDS files that name the workload's own certificate, by their names, if those
    are in files."""
    certificate_signer: str = SIGNER
    """Who signs pod certificates (`spec.signerName`)."""
    init_image: str = "heddle/init:0.1.0"
    init_resources: Quantities = INIT_RESOURCES
    image_pull_policy: str = ""
    """Of both images; Kubernetes' own default if it is empty."""
    image_pull_secrets: tuple[str, ...] = ()
    redirects: bool = True
    """Whether pods redirect their own traffic; if not, a CNI plugin does it."""
    by_default: bool = True
    """Whether pods that say nothing themselves get a sidecar where the labels choose them."""
    never: tuple[LabelSelector, ...] = ()
    """Pods that say nothing themselves and get no sidecar; this comes before `always`."""
    always: tuple[LabelSelector, ...] = ()
    """Those that get one even if not `by_default`."""
    injected_annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations that every injected pod gets; its own come first."""
    default_annotations: Mapping[str, str] = field(default_factory=dict)
    """What a pod's author says who leaves an annotation out."""
    cluster_id: str = ""
    network: str = ""
    revision: str = "default"
    token_audience: str = "heddle"
    token_seconds: int = 3600
    roots: RootSource = RootSource.CONFIG_MAP
    startup_seconds: int = 600
    """How long a sidecar may take to have its first configuration."""
    resources: Quantities = PROXY_RESOURCES
    mode: Mode = Mode.REDIRECT
    native_sidecar: bool = True
    proxy_image: str = "envoyproxy/envoy:distroless-v1.40.0"
    concurrency: int = 2
    """Worker threads; 0 is one for each CPU."""
    drain_seconds: int = 45
    """How long a sidecar takes to close the connections of a listener that is replaced."""
    termination_drain_seconds: int = 5
    """How long applications (and a sidecar that is no native one) go on when their pod ends, for
    everybody to hear that it does."""
    log_level: str = "warning"
    dns_capture: bool = False
    """Whether sidecars answer their applications' questions for addresses."""
