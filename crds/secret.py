"""Secret: the certificates and keys of a gateway. Nothing else of a Secret is ever read.

Two shapes are understood, as in Istio: that of type `kubernetes.io/tls` (`tls.crt`, `tls.key`,
`ca.crt`, `ca.crl`) and a generic one (`cert`, `key`, `cacert`, `crl`).
"""

from dataclasses import dataclass, field

from crds.fields import wire
from crds.meta import Meta
from crds.secret_bytes import SecretBytes, SecretText

TLS_TYPE = "kubernetes.io/tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretData:
    """The keys that are read, in base64."""

    tls_crt: SecretBytes | None = field(default=None, metadata=wire("tls.crt"))
    tls_key: SecretBytes | None = field(default=None, metadata=wire("tls.key"))
    ca_crt: SecretBytes | None = field(default=None, metadata=wire("ca.crt"))
    ca_crl: SecretBytes | None = field(default=None, metadata=wire("ca.crl"))
    cert: SecretBytes | None = None
    key: SecretBytes | None = None
    cacert: SecretBytes | None = None
    crl: SecretBytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretStringData:
    """The same keys, as text; Kubernetes lets them win."""

    tls_crt: SecretText | None = field(default=None, metadata=wire("tls.crt"))
    tls_key: SecretText | None = field(default=None, metadata=wire("tls.key"))
    ca_crt: SecretText | None = field(default=None, metadata=wire("ca.crt"))
    ca_crl: SecretText | None = field(default=None, metadata=wire("ca.crl"))
    cert: SecretText | None = None
    key: SecretText | None = None
    cacert: SecretText | None = None
    crl: SecretText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Its values show nothing of themselves."""

    meta: Meta
    type: str = "Opaque"
    data: SecretData = SecretData()
    string_data: SecretStringData = SecretStringData()

    @property
    def certificate(self) -> SecretBytes | None:
        """The certificate and what signed it, as PEM."""
        given, text = self.data, self.string_data
        return text.tls_crt or given.tls_crt or text.cert or given.cert

    @property
    def private_key(self) -> SecretBytes | None:
        """The key of the certificate, as PEM."""
        given, text = self.data, self.string_data
        return text.tls_key or given.tls_key or text.key or given.key

    @property
    def roots(self) -> SecretBytes | None:
        """The authorities of clients, as PEM."""
        given, text = self.data, self.string_data
        return text.ca_crt or given.ca_crt or text.cacert or given.cacert

    @property
    def revoked(self) -> SecretBytes | None:
        """The list of revoked certificates, as PEM."""
        given, text = self.data, self.string_data
        return text.ca_crl or given.ca_crl or text.crl or given.crl
