"""What a pod has so that its sidecar finds its certificate, where that does not come from us: the
socket of SPIRE's agent, or a certificate that the kubelet keeps in files.
"""

from collections.abc import Mapping

from crds.mesh_config import CertificateSource
from mesh.own_files import (
    CERTIFICATE_FILE,
    CERTIFICATE_FOLDER,
    CHAIN,
    KEY,
    ROOTS,
    SPIRE_FOLDER,
    TRUST_FILE,
)
from webhook.settings import InjectSettings

SOCKET_VOLUME = "workload-socket"
"""Istio's name, which templates for SPIRE know."""
CERTIFICATE_VOLUME = "heddle-certificate"
VOLUMES: Mapping[CertificateSource, tuple[str, ...]] = {
    CertificateSource.HEDDLE: (),
    CertificateSource.SPIRE: (SOCKET_VOLUME,),
    CertificateSource.POD_CERTIFICATE: (CERTIFICATE_VOLUME,),
}
"""The volumes that each source needs."""

ANNOTATIONS: Mapping[str, str] = {
    CERTIFICATE_FILE: "heddle.io/sds-certificate",
    TRUST_FILE: "heddle.io/sds-trust",
}
"""Which annotation an SDS file is written from."""


def volumes(settings: InjectSettings) -> list[dict[str, object]]:
    """The volumes beside those of every sidecar."""
    match settings.source:
        case CertificateSource.SPIRE:
            csi = {"driver": "csi.spiffe.io", "readOnly": True}
            return [{"name": SOCKET_VOLUME, "csi": csi}]
        case CertificateSource.POD_CERTIFICATE:
            sources = _sources(settings.certificate_signer)
            return [{"name": CERTIFICATE_VOLUME, "projected": {"sources": sources}}]
        case _:
            return []


def mounts(source: CertificateSource) -> list[dict[str, object]]:
    """Where the sidecar, and only it, has them."""
    match source:
        case CertificateSource.SPIRE:
            return [{"name": SOCKET_VOLUME, "mountPath": SPIRE_FOLDER, "readOnly": True}]
        case CertificateSource.POD_CERTIFICATE:
            return [{"name": CERTIFICATE_VOLUME, "mountPath": CERTIFICATE_FOLDER, "readOnly": True}]
        case _:
            return []


def _sources(signer: str) -> list[dict[str, object]]:
    return [
        {
            "podCertificate": {
                "signerName": signer,
                "keyType": "ECDSAP256",
                "keyPath": KEY,
                "certificateChainPath": CHAIN,
            }
        },
        trust_bundle(signer, ROOTS),
    ]


def trust_bundle(signer: str, path: str) -> dict[str, object]:
    """The source of a projected volume that has all that a signer has certified with."""
    # An empty selector is for all bundles of the signer; none at all would be for no bundle.
    return {"clusterTrustBundle": {"signerName": signer, "labelSelector": {}, "path": path}}
