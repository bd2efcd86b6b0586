"""Asks a running server over CSDS how far each of its clients has come."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from envoy.service.status.v3 import csds_pb2

METHOD: Final = "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus"
_PATIENCE: Final = 10.0
_MESSAGE_BYTES: Final = 64 << 20
"""Some hundred bytes for each client."""

_REMEDIES: Final = {
    grpc.StatusCode.UNAUTHENTICATED: "the token is not one that it takes, or has expired",
    grpc.StatusCode.PERMISSION_DENIED: (
        "pods of the token's service account may not look: name it with `heddle serve --inspector`"
    ),
    grpc.StatusCode.UNAVAILABLE: (
        "nothing answers there, or its certificate is not for this name or not signed by this root"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Whom to ask, and what to show: `root` signed the certificate of `server`, which is for
    `server_name`; `token` is a file with the token of a pod that may look.
    """

    server: str
    server_name: str
    root: Path
    token: Path


def fetch(inspection: Inspection) -> csds_pb2.ClientStatusResponse:
    """What the server says. Raises `OSError` if it says nothing, with the way out."""
    metadata = (("authorization", f"Bearer {inspection.token.read_text().strip()}"),)
    credentials = grpc.ssl_channel_credentials(inspection.root.read_bytes())
    options = (
        ("grpc.ssl_target_name_override", inspection.server_name),
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    )
    with grpc.secure_channel(inspection.server, credentials, options) as channel:
        ask: grpc.UnaryUnaryMultiCallable[
            csds_pb2.ClientStatusRequest, csds_pb2.ClientStatusResponse
        ] = channel.unary_unary(
            METHOD,
            request_serializer=csds_pb2.ClientStatusRequest.SerializeToString,
            response_deserializer=csds_pb2.ClientStatusResponse.FromString,
        )
        try:
            return ask(csds_pb2.ClientStatusRequest(), timeout=_PATIENCE, metadata=metadata)
        except grpc.RpcError as error:
            raise OSError(f"{inspection.server}: {_reason(error)}") from error


def _reason(error: grpc.RpcError) -> str:
    if not isinstance(error, grpc.Call):
        return str(error)
    code = error.code()
    return _REMEDIES.get(code, f"{code.name}: {error.details()}")
