"""What the injector is told: about the mesh once, about the proxy of one pod each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from crds.mesh_config import CertificateSource
from mesh.app_probes import AppProbe
from mesh.proxy import Mode, Role

PLACEHOLDERS = ("POD_NAME", "POD_NAMESPACE", "POD_IP", "SERVICE_ACCOUNT", "NODE_NAME")
"""Environment variables of the sidecar; a bootstrap may name them, as `$(POD_NAME)`."""

TOKEN_FOLDER = "/var/run/secrets/heddle"
"""Where the sidecar, and only it, has its token, in the file `token`."""
ROOT_FOLDER = "/var/run/heddle/root"
"""Where the sidecar has the mesh's root certificates, in the file `root.pem`."""


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
    certificate_signer: str = "heddle.io/workload"
    """Who signs pod certificates (`spec.signerName`)."""
    init_image: str = "heddle/init:0.1.0"
    revision: str = "default"
    token_audience: str = "heddle"
    token_seconds: int = 3600
    root_config_map: str = "heddle-root"
    mode: Mode = Mode.REDIRECT
    native_sidecar: bool = True
    proxy_image: str = "envoyproxy/envoy:distroless-v1.40.0"
    concurrency: int = 2
    """Worker threads; 0 is one for each CPU."""
    drain_seconds: int = 45
    log_level: str = "warning"
