"""Where a proxy is told to get its own certificate and what it trusts."""

from typing import assert_never

from envoy.config.core.v3.config_source_pb2 import (
    ApiConfigSource,
    ApiVersion,
    ConfigSource,
    PathConfigSource,
)
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig

from crds.mesh_config import CertificateSource
from mesh.own_files import CERTIFICATE_FILE, SDS_FOLDER, TRUST_FILE
from translator import pb
from translator.bootstrap_secrets import CERTIFICATE, SPIRE_CLUSTER, TRUST

_FILES = {CERTIFICATE: CERTIFICATE_FILE, TRUST: TRUST_FILE}


def own_secret(name: str, source: CertificateSource) -> SdsSecretConfig:
    """`CERTIFICATE` or `TRUST`, from there."""
    return SdsSecretConfig(name=name, sds_config=_config_source(name, source))


def _config_source(name: str, source: CertificateSource) -> ConfigSource:
    match source:
        case CertificateSource.HEDDLE:
            return pb.over_ads()
        case CertificateSource.SPIRE:
            return ConfigSource(api_config_source=_spire(), resource_api_version=ApiVersion.V3)
        case CertificateSource.POD_CERTIFICATE:
            path = PathConfigSource(path=f"{SDS_FOLDER}/{_FILES[name]}")
            return ConfigSource(path_config_source=path, resource_api_version=ApiVersion.V3)
        case _:
            assert_never(source)


def _spire() -> ApiConfigSource:
    """SPIRE's agent speaks state of the world only."""
    return ApiConfigSource(
        api_type=ApiConfigSource.GRPC,
        transport_api_version=ApiVersion.V3,
        set_node_on_first_message_only=True,
        grpc_services=(GrpcService(envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=SPIRE_CLUSTER)),),
    )
