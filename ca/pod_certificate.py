"""PodCertificateRequests of Kubernetes (certificates.k8s.io): the kubelet makes a key for a pod and
asks a signer for its certificate; the key never leaves the node.

Who asks is not doubted here: the API server has compared the request with the pod, its account and
its node, of which the kubelet has to be the one, and has seen that the kubelet has the key
(v1beta1, `PodCertificateRequestSpec`). Whether that pod is there now is asked elsewhere. Values in,
values out.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ca import keys
from ca.authority import BACKDATE
from ca.errors import AuthorityError, RequestError
from ca.workload import WorkloadCertificate
from crds.times import time_text
from mesh.identity import WorkloadIdentity

SHORTEST = timedelta(hours=1)
"""The API server takes no certificate that lives less."""
UNSUPPORTED_KEY, BAD_ANNOTATIONS = "UnsupportedKeyType", "InvalidUnverifiedUserAnnotations"
"""Kubernetes' reasons of a denial."""
NO_POD, UNREADABLE = "PodNotFound", "InvalidRequest"
"""Ours."""

Raw = Mapping[str, object]


class Denied(RequestError):
    """A request that must be refused. The text is for who looks at it; `reason` is one word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCertificateRequest:
    """What a kubelet asks for, for the pod `who`."""

    who: WorkloadIdentity
    key: keys.PublicKey
    longest: timedelta


def is_open(request: Raw) -> bool:
    """Whether nobody has answered it yet."""
    status = request.get("status")
    return not (isinstance(status, Mapping) and status.get("conditions"))


def asked(request: Raw) -> PodCertificateRequest:
    """What is asked for; raises `Denied` for what we do not sign."""
    spec, meta = request.get("spec"), request.get("metadata")
    if not isinstance(spec, Mapping) or not isinstance(meta, Mapping):
        _unreadable()
    if spec.get("unverifiedUserAnnotations"):
        raise Denied(BAD_ANNOTATIONS, "this signer knows no user annotations: leave them out")
    seconds = spec.get("maxExpirationSeconds")
    return PodCertificateRequest(
        who=WorkloadIdentity(
            namespace=_text(meta, "namespace"),
            service_account=_text(spec, "serviceAccountName"),
            pod_name=_text(spec, "podName"),
            pod_uid=_text(spec, "podUID"),
            node=_text(spec, "nodeName"),
            expires=0.0,
        ),
        key=_key(spec),
        longest=timedelta(seconds=seconds) if isinstance(seconds, int) else timedelta(days=1),
    )


def lifetime(request: PodCertificateRequest, wanted: timedelta) -> timedelta:
    """How long after now the certificate may end: what is `wanted`, within what was asked for and
    what the API server takes, which counts from before now.
    """
    return min(max(wanted, SHORTEST), request.longest - BACKDATE)


def issued(certificate: WorkloadCertificate, refresh: datetime, now: datetime) -> Raw:
    """The status of a request that was granted; the kubelet asks anew at `refresh`."""
    margin = timedelta(minutes=10)
    begin = min(max(refresh, certificate.not_before + margin), certificate.not_after - margin)
    return {
        "certificateChain": certificate.chain_pem.decode(),
        "notBefore": time_text(certificate.not_before),
        "notAfter": time_text(certificate.not_after),
        "beginRefreshAt": time_text(begin),
        "conditions": [_condition("Issued", "Signed", "signed by Heddle's authority", now)],
    }


def denied(reason: Denied, now: datetime) -> Raw:
    """The status of a request that is refused for good."""
    return {"conditions": [_condition("Denied", reason.reason, str(reason), now)]}


def _condition(kind: str, reason: str, message: str, now: datetime) -> Raw:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": time_text(now),
    }


def _key(spec: Raw) -> keys.PublicKey:
    try:
        request, key = (_der(spec, name) for name in ("stubPKCS10Request", "pkixPublicKey"))
        found = (
            x509.load_der_x509_csr(request).public_key() if request else load_der_public_key(key)
        )
    except UnsupportedAlgorithm:
        found = None
    except (ValueError, TypeError):
        _unreadable()
    try:
        return keys.check_size(keys.check_strength(found))
    except AuthorityError as error:
        raise Denied(UNSUPPORTED_KEY, f"{error}: use ECDSAP256") from None


def _der(spec: Raw, name: str) -> bytes:
    value = spec.get(name)
    return b64decode(value, validate=True) if isinstance(value, str) else b""


def _text(where: Raw, name: str) -> str:
    value = where.get(name)
    if isinstance(value, str) and value:
        return value
    _unreadable()


def _unreadable() -> NoReturn:
    raise Denied(UNREADABLE, "this is not a PodCertificateRequest of v1beta1")
