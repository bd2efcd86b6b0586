"""What of a proxy's own certificate is in its bootstrap or in files beside it. The names are the
same everywhere: Istio's, and those that SPIRE's agent serves unless it is told otherwise.
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
    SPIRE_SOCKET,
    TRUST_FILE,
)

CERTIFICATE, TRUST = "default", "ROOTCA"
"""The names of a workload's own secrets."""

SPIRE_CLUSTER = "sds-grpc"
"""The cluster of SPIRE's agent in the bootstrap, by Istio's name."""

Json = dict[str, object]
_SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def protocol(name: str, **common: object) -> Json:
    """The `typed_extension_protocol_options` of a cluster in the bootstrap that speaks one version
    of HTTP, and `common_http_protocol_options`.
    """
    options: Json = {"@type": f"type.googleapis.com/{_HTTP_OPTIONS}"}
    if common:
        options["common_http_protocol_options"] = common
    return {_HTTP_OPTIONS: {**options, "explicit_http_config": {name: {}}}}


def clusters(source: CertificateSource) -> tuple[Json, ...]:
    """The clusters that secrets come from: Envoy wants them in its bootstrap."""
    if source is not CertificateSource.SPIRE:
        return ()
    pipe = {"path": f"{SPIRE_FOLDER}/{SPIRE_SOCKET}"}
    endpoint = {"endpoint": {"address": {"pipe": pipe}}}
    return (
        {
            "name": SPIRE_CLUSTER,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": SPIRE_CLUSTER,
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
            "typed_extension_protocol_options": protocol("http2_protocol_options"),
        },
    )


def files(source: CertificateSource) -> Mapping[str, Json]:
    """The SDS files beside the bootstrap, by name. They never change; what they name does.

    Certificate and key are not taken from one file, which the kubelet could write too: Envoy shows
    the file that it has a certificate from in its /config_dump, with the key. It changes all files
    at once.
    """
    if source is not CertificateSource.POD_CERTIFICATE:
        return {}
    chain, key = ({"filename": f"{CERTIFICATE_FOLDER}/{name}"} for name in (CHAIN, KEY))
    watched = {"path": CERTIFICATE_FOLDER}
    return {
        CERTIFICATE_FILE: _file(
            CERTIFICATE,
            "tls_certificate",
            {"certificate_chain": chain, "private_key": key, "watched_directory": watched},
        ),
        TRUST_FILE: _file(
            TRUST,
            "validation_context",
            {
                "trusted_ca": {"filename": f"{CERTIFICATE_FOLDER}/{ROOTS}"},
                "watched_directory": watched,
            },
        ),
    }


def _file(name: str, kind: str, content: Mapping[str, object]) -> Json:
    return {"resources": [{"@type": _SECRET, "name": name, kind: dict(content)}]}
