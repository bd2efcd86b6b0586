"""How a client secures its connections, by a DestinationRule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.problem import Problem, error


class TLSmode(StrEnum):
    """How the client secures the connection; ISTIO_MUTUAL uses the mesh's own certificates."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTLSSettings:
    """Paths are in the proxy's container; `credential_name` is a Secret."""

    mode: TLSmode = TLSmode.DISABLE
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None
    ca_crl: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether clients speak TLS with other certificates than those of the mesh."""
        return self.mode in (TLSmode.SIMPLE, TLSmode.MUTUAL)


def check_tls(path: str, tls: ClientTLSSettings) -> Iterator[Problem]:
    """Of a policy."""
    files = {
        "clientCertificate": tls.client_certificate,
        "privateKey": tls.private_key,
        "caCertificates": tls.ca_certificates,
        "caCrl": tls.ca_crl,
    }
    if tls.credential_name:
        yield from _check_credential(path, tls.credential_name, files)
    elif tls.mode is TLSmode.MUTUAL:
        for name in ("clientCertificate", "privateKey"):
            if not files[name]:
                message = "is missing: MUTUAL needs it, or credentialName"
                yield error("no-certificate", f"{path}.{name}", message)
        yield from checks.key_file(path, tls.client_certificate, tls.private_key)
    if tls.insecure_skip_verify and tls.is_foreign:
        for name, given in (
            ("caCertificates", tls.ca_certificates),
            ("subjectAltNames", tls.subject_alt_names),
        ):
            if given:
                message = "contradicts insecureSkipVerify: keep one of the two"
                yield error("one-of", f"{path}.{name}", message)


def _check_credential(path: str, name: str, files: Mapping[str, str]) -> Iterator[Problem]:
    for field, value in files.items():
        if value:
            message = "has no place beside credentialName: keep one of the two"
            yield error("one-of", f"{path}.{field}", message, value)
    if name.startswith("configmap://") and "/" in name.removeprefix("configmap://"):
        message = "a ConfigMap of another namespace cannot be used"
        yield error("bad-credential", f"{path}.credentialName", message, name)
