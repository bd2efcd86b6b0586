"""The messages of Istio's certificate service, `istio.v1.auth.IstioCertificateService`: what a
client that keeps its own key asks, and what it is answered.

Three fields that have not changed for years are not worth a compiler: they are written out here,
with Istio's names, numbers and types, and protobuf does the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf import descriptor_pool, json_format, message_factory, struct_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import DecodeError, Message

from ca.errors import RequestError

SERVICE: Final = "istio.v1.auth.IstioCertificateService"
METHOD: Final = "CreateCertificate"
IMPERSONATED: Final = "ImpersonatedIdentity"
"""Where the metadata of a node's proxy names the workload that it asks for."""

MAX_REQUEST_BYTES: Final = 64 << 10
"""A request for an RSA key of 8192 bits takes 4 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """A signing request in PEM. `seconds` is the lifetime that is wished for; 0 is no wish."""

    csr: str
    seconds: int = 0
    impersonates: bool = False


def decoded(body: bytes) -> CertificateRequest:
    """The request; raises `RequestError` for bytes that are none."""
    if len(body) > MAX_REQUEST_BYTES:
        raise RequestError(f"the request has more than {MAX_REQUEST_BYTES} bytes")
    try:
        fields = json_format.MessageToDict(
            _REQUEST.FromString(body), preserving_proto_field_name=True
        )
    except (DecodeError, json_format.Error, ValueError, RecursionError):
        raise RequestError("this is not an IstioCertificateRequest") from None
    return CertificateRequest(
        csr=fields.get("csr", ""),
        seconds=int(fields.get("validity_duration", 0)),
        impersonates=IMPERSONATED in fields.get("metadata", {}),
    )


def encoded(chain: Sequence[str]) -> bytes:
    """The answer: PEM texts, first the leaf, last the roots."""
    return _RESPONSE(cert_chain=chain).SerializeToString()


def _field(
    name: str, number: int, kind: "FieldDescriptorProto.Type.ValueType", type_name: str = ""
) -> FieldDescriptorProto:
    return FieldDescriptorProto(
        name=name,
        number=number,
        type=kind,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type_name=type_name or None,
    )


def _messages() -> tuple[type[Message], type[Message]]:
    chain = _field("cert_chain", 1, FieldDescriptorProto.TYPE_STRING)
    chain.label = FieldDescriptorProto.LABEL_REPEATED
    file = FileDescriptorProto(
        name="heddle/istio_ca.proto",
        package=SERVICE.rpartition(".")[0],
        syntax="proto3",
        dependency=[struct_pb2.DESCRIPTOR.name],
        message_type=[
            DescriptorProto(
                name="IstioCertificateRequest",
                field=[
                    _field("csr", 1, FieldDescriptorProto.TYPE_STRING),
                    _field("validity_duration", 3, FieldDescriptorProto.TYPE_INT64),
                    _field(
                        "metadata",
                        4,
                        FieldDescriptorProto.TYPE_MESSAGE,
                        ".google.protobuf.Struct",
                    ),
                ],
            ),
            DescriptorProto(name="IstioCertificateResponse", field=[chain]),
        ],
    )
    # A pool of its own: whoever else in this process knows Istio's messages is not disturbed.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    made = pool.AddSerializedFile(file.SerializeToString())
    request, response = (
        message_factory.GetMessageClass(made.message_types_by_name[f"IstioCertificate{name}"])
        for name in ("Request", "Response")
    )
    return request, response


_REQUEST, _RESPONSE = _messages()
