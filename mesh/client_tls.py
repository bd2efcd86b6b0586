"""Which client TLS settings can be obeyed. What cannot is closed: its clusters have no
endpoints.
"""

from dataclasses import dataclass

from crds.client_tls import ClientTLSSettings, TLSmode

_NO_SELECTOR = (
    "a sidecar needs a workloadSelector beside credentialName, so these requests get a 503 (Istio "
    "would send them in the clear); add one, or name files"
)
_NO_CREDENTIALS = (
    "credentialName is not served to sidecars yet, so these requests get a 503; name files in the "
    "proxy's container (clientCertificate, privateKey, caCertificates)"
)


def is_closed(tls: ClientTLSSettings | None) -> bool:
    """Whether nothing may be sent by this policy, for it cannot be secured as asked."""
    if tls is None or tls.mode is TLSmode.DISABLE:
        return False
    return tls.mode is not TLSmode.ISTIO_MUTUAL and bool(tls.credential_name)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a policy is closed: the code of the problem, the field at fault, its value, and what the
    user reads.
    """

    code: str
    field: str
    value: str
    message: str


def fault(tls: ClientTLSSettings, *, selected: bool) -> Fault | None:
    """`selected`: whether the rule has a workloadSelector."""
    if not is_closed(tls):
        return None
    if not selected:
        code, message = "credential-without-selector", _NO_SELECTOR
    else:
        code, message = "credential-not-served", _NO_CREDENTIALS
    return Fault(code, "credentialName", tls.credential_name, message)
