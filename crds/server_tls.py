"""How a server of a Gateway, or a port of a sidecar, secures its connections."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.names import is_object_name
from crds.path import did_you_mean
from crds.problem import Problem, error, warning


class ServerTLSmode(StrEnum):
    """`PASSTHROUGH` is what no mode means, as in Istio."""

    PASSTHROUGH = "PASSTHROUGH"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    AUTO_PASSTHROUGH = "AUTO_PASSTHROUGH"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"
    OPTIONAL_MUTUAL = "OPTIONAL_MUTUAL"

    @property
    def terminates(self) -> bool:
        """Whether the gateway itself speaks TLS with the client."""
        return self not in (ServerTLSmode.PASSTHROUGH, ServerTLSmode.AUTO_PASSTHROUGH)

    @property
    def verifies(self) -> bool:
        """Whether a certificate of the client is verified, if only when it shows one."""
        return self.demands or self is ServerTLSmode.OPTIONAL_MUTUAL

    @property
    def demands(self) -> bool:
        """Whether nobody is served without a certificate."""
        return self in (ServerTLSmode.MUTUAL, ServerTLSmode.ISTIO_MUTUAL)

    @property
    def is_of_the_mesh(self) -> bool:
        """Whether both sides show the certificates that the mesh gave them."""
        return self is ServerTLSmode.ISTIO_MUTUAL


class TLSProtocol(StrEnum):
    """Versions of TLS, the oldest first."""

    TLS_AUTO = "TLS_AUTO"
    TLSV1_0 = "TLSV1_0"
    TLSV1_1 = "TLSV1_1"
    TLSV1_2 = "TLSV1_2"
    TLSV1_3 = "TLSV1_3"


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSCertificate:
    """One certificate in files of the proxy's container."""

    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTLSSettings:
    """Paths are in the proxy's container; credential names are Secrets of the proxy's namespace."""

    https_redirect: bool = False
    mode: ServerTLSmode = ServerTLSmode.PASSTHROUGH
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    credential_name: str = ""
    credential_names: tuple[str, ...] = ()
    ca_cert_credential_name: str = ""
    tls_certificates: tuple[TLSCertificate, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    min_protocol_version: TLSProtocol = TLSProtocol.TLS_AUTO
    max_protocol_version: TLSProtocol = TLSProtocol.TLS_AUTO
    cipher_suites: tuple[str, ...] = ()
    ecdh_curves: tuple[str, ...] = ()
    insecure_skip_verify: bool | None = None

    @property
    def credentials(self) -> tuple[str, ...]:
        """The Secrets of the certificates."""
        return self.credential_names or ((self.credential_name,) if self.credential_name else ())

    @property
    def certificate_files(self) -> tuple[tuple[str, str], ...]:
        """The files of the certificates, each with its key."""
        if self.server_certificate:
            return ((self.server_certificate, self.private_key),)
        return tuple((c.server_certificate, c.private_key) for c in self.tls_certificates)

    @property
    def asks_roots(self) -> bool:
        """Whether the authorities of clients are to be in a Secret."""
        return self.mode.verifies and not (self.mode.is_of_the_mesh or self.roots_file)

    @property
    def roots_credential(self) -> str:
        """What the authorities of clients are looked for by, where they are in no file."""
        return self.ca_cert_credential_name or self.credential_name

    @property
    def roots_file(self) -> str:
        """The file of the authorities of clients, if they are in one."""
        listed = (each.ca_certificates for each in self.tls_certificates if each.ca_certificates)
        return self.ca_certificates or next(listed, "")


CIPHER_SUITES = frozenset(
    f"{exchange}{cipher}"
    for exchange in ("ECDHE-ECDSA-", "ECDHE-RSA-", "")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA")
) | {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"}
"""Those of TLS 1.2 and before that Envoy knows; those of TLS 1.3 cannot be chosen."""

ECDH_CURVES = frozenset({"P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"})
"""Those that Envoy knows."""

MAX_CERTIFICATES = 2
_ORDER = tuple(TLSProtocol)
_HASH = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}", re.ASCII)
_SPKI = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)


def check_server_tls(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    """Of a server that speaks HTTPS or TLS."""
    if tls.mode.is_of_the_mesh or not tls.mode.terminates:
        yield from _check_unused(path, tls)
    else:
        yield from _check_sources(path, tls)
        yield from _check_certificate(path, tls)
    if tls.mode.verifies:
        yield from _check_roots(path, tls)
    yield from _check_pins(path, tls)
    yield from _check_versions(path, tls)
    yield from _known(f"{path}.cipherSuites", tls.cipher_suites, CIPHER_SUITES)
    yield from _known(f"{path}.ecdhCurves", tls.ecdh_curves, ECDH_CURVES)


def _given(tls: ServerTLSSettings) -> dict[str, object]:
    """What names a certificate, by field."""
    return {
        "serverCertificate": tls.server_certificate,
        "tlsCertificates": tls.tls_certificates,
        "credentialName": tls.credential_name,
        "credentialNames": tls.credential_names,
    }


def _check_unused(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    """Istio refuses certificates with ISTIO_MUTUAL and ignores them where TLS passes through."""
    others = {
        "privateKey": tls.private_key,
        "caCertificates": tls.ca_certificates,
        "caCertCredentialName": tls.ca_cert_credential_name,
        "caCrl": tls.ca_crl,
    }
    for name, value in (_given(tls) | others).items():
        if value and tls.mode.is_of_the_mesh:
            message = "has no place with ISTIO_MUTUAL, which uses the mesh's own certificates"
            yield error("one-of", f"{path}.{name}", message)
        elif value:
            message = f"has no effect with mode {tls.mode}: set mode SIMPLE or MUTUAL to use it"
            yield warning("no-effect", f"{path}.{name}", message)


def _check_sources(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    """Istio's CRD tests one of the three pairs wrongly, and so lets it pass (appendix C-13)."""
    given = [name for name, value in _given(tls).items() if value]
    if len(given) > 1:
        names = " and ".join(given)
        yield error("one-of", path, f"{names} exclude each other: keep one of them")
    if tls.ca_cert_credential_name and tls.ca_certificates:
        message = "caCertificates and caCertCredentialName exclude each other: keep one"
        yield error("one-of", path, message)
    if tls.credentials and tls.ca_crl:
        message = "has no place beside a credential: put `ca.crl` into its Secret"
        yield error("one-of", f"{path}.caCrl", message, tls.ca_crl)
    for name, several in (
        ("credentialNames", tls.credential_names),
        ("tlsCertificates", tls.tls_certificates),
    ):
        if len(several) > MAX_CERTIFICATES:
            message = f"at most {MAX_CERTIFICATES}: one with an RSA key and one with an EC key"
            yield error("too-many", f"{path}.{name}", message, len(several))


def _check_certificate(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    single = {
        "credentialName": tls.credential_name,
        "caCertCredentialName": tls.ca_cert_credential_name,
    }
    several = {f"credentialNames[{i}]": name for i, name in enumerate(tls.credential_names)}
    for field, name in (single | several).items():
        if name:
            yield from _check_name(f"{path}.{field}", name)
    if tls.credentials:
        return
    if not tls.certificate_files:
        message = f"is missing: mode {tls.mode} needs it, or serverCertificate and privateKey"
        yield error("no-certificate", f"{path}.credentialName", message)
    for certificate, key in tls.certificate_files:
        if not certificate or not key:
            message = "a certificate and its private key belong together: name both files"
            yield error("no-certificate", path, message, certificate or key)
        yield from checks.key_file(path, certificate, key)


def _check_name(path: str, name: str) -> Iterator[Problem]:
    """A Secret of the proxy's own namespace; Istio's `kubernetes://NAME` says the same."""
    plain = name.removeprefix("kubernetes://")
    if "/" in plain:
        message = "a Secret of another namespace cannot be used: copy it to the proxy's own"
        yield error("bad-credential", path, message, name)
    elif not is_object_name(plain):
        yield error("bad-credential", path, "must be the name of a Secret", name)


def _check_roots(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    if tls.insecure_skip_verify:
        message = "is refused with a mode that verifies clients: use SIMPLE if it shall not"
        yield error("one-of", f"{path}.insecureSkipVerify", message)
    if tls.asks_roots and not tls.roots_credential:
        message = f"is missing: mode {tls.mode} needs the certificates of the clients' authority"
        yield error("no-certificate", f"{path}.caCertificates", message)


def _check_pins(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    pins = (
        ("verifyCertificateSpki", tls.verify_certificate_spki, _SPKI, "a SHA-256 in base64"),
        ("verifyCertificateHash", tls.verify_certificate_hash, _HASH, "a SHA-256 in hexadecimal"),
    )
    for name, given, pattern, wanted in pins:
        for index, value in enumerate(given):
            if not pattern.fullmatch(value):
                yield error("bad-hash", f"{path}.{name}[{index}]", f"must be {wanted}", value)
    named = ("subjectAltNames", tls.subject_alt_names), *((n, g) for n, g, _, _ in pins)
    for name, given in named:
        if given and not tls.mode.verifies:
            message = f"has no effect with mode {tls.mode}, which verifies no client: use MUTUAL"
            yield warning("no-effect", f"{path}.{name}", message)
        yield from checks.duplicates(f"{path}.{name}", given)


def _check_versions(path: str, tls: ServerTLSSettings) -> Iterator[Problem]:
    low, high = tls.min_protocol_version, tls.max_protocol_version
    if TLSProtocol.TLS_AUTO in (low, high):
        return
    if _ORDER.index(low) > _ORDER.index(high):
        message = "must not be above maxProtocolVersion: no client could connect"
        yield error("out-of-range", f"{path}.minProtocolVersion", message, low.value)


def _known(path: str, given: Sequence[str], known: frozenset[str]) -> Iterator[Problem]:
    """Istio drops what Envoy does not know, too; without a word to who reads only the status."""
    for index, name in enumerate(given):
        if name not in known:
            message = "is unknown to Envoy and left out" + did_you_mean(name, known)
            yield warning("unknown-name", f"{path}[{index}]", message, name)
        elif name in given[:index]:
            yield warning("duplicate", f"{path}[{index}]", "is given twice: keep one", name)
