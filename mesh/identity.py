"""Who a workload is: what a verified token says, and the SPIFFE id that follows from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadIdentity:
    """The identity in a verified service account token that is bound to a pod. `expires` is in
    seconds since the epoch.
    """

    namespace: str
    service_account: str
    pod_name: str
    pod_uid: str
    expires: float
    node: str | None = None
    """Where the pod runs; Kubernetes says so from 1.30 on."""


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """`spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, the only form of identity that
    the mesh uses.
    """

    trust_domain: str
    namespace: str
    service_account: str

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"
