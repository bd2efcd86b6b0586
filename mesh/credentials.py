"""Which Secrets there are with certificates, and what is in them: never the contents themselves.

What Envoy would refuse does not get this far (heddle/intake.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crds.meta import Key
from crds.secret import Secret
from crds.server_tls import ServerTLSSettings
from mesh.store import Change

_PREFIX = "kubernetes://"
ROOTS_SUFFIX = "-cacert"
"""What Istio puts behind the name of a Secret, where only authorities are meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a Secret has: a certificate with its key, and authorities."""

    certificate: bool = False
    roots: bool = False


_NOTHING = Contents()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The Secrets that hold something for a proxy."""

    contents: Mapping[Key, Contents] = field(default_factory=dict)

    def at(self, namespace: str, name: str) -> Contents:
        """What the Secret with this name has; nothing if there is none."""
        return self.contents.get(secret_key(namespace, name), _NOTHING)


def secret_key(namespace: str, name: str) -> Key:
    """The key of a Secret."""
    return Key("", "Secret", namespace, name)


def advance(index: Credentials, changes: Iterable[Change]) -> tuple[Credentials, frozenset[Key]]:
    """`index` after `changes`, and the Secrets that came, went or changed what they have."""
    edits = [change for change in changes if isinstance(change.old or change.new, Secret)]
    new = dict(index.contents)
    touched: set[Key] = set()
    for change in edits:
        found = _contents(change.new) if isinstance(change.new, Secret) else _NOTHING
        if found != new.get(change.key, _NOTHING):
            touched.add(change.key)
        if found == _NOTHING:
            new.pop(change.key, None)
        else:
            new[change.key] = found
    return (Credentials(contents=new), frozenset(touched)) if touched else (index, frozenset())


def _contents(secret: Secret) -> Contents:
    return Contents(
        certificate=secret.certificate is not None and secret.private_key is not None,
        roots=secret.roots is not None,
    )


def secret_name(credential: str) -> str:
    """The Secret that a `credentialName` means: `kubernetes://NAME` says the same as `NAME`."""
    return credential.removeprefix(_PREFIX)


def roots_secret(credentials: Credentials, namespace: str, credential: str) -> str:
    """The Secret with the authorities of a credential: with Istio's suffix behind the name, or
    without. Empty if none has any.
    """
    named = secret_name(credential)
    names = (f"{named}{ROOTS_SUFFIX}", named) if named else ()
    return next((name for name in names if credentials.at(namespace, name).roots), "")


@dataclass(frozen=True, slots=True)
class Lacking:
    """A Secret that TLS cannot do without: its field, its name, and what is not in it."""

    field: str
    secret: str
    what: str


def lacking(credentials: Credentials, namespace: str, tls: ServerTLSSettings) -> Lacking | None:
    """What keeps a server that speaks TLS closed, for gateways of `namespace`."""
    for name in map(secret_name, tls.credentials):
        if not credentials.at(namespace, name).certificate:
            field_name = "credentialNames" if tls.credential_names else "credentialName"
            return Lacking(field_name, name, "certificate with its key")
    if not tls.asks_roots:
        return None
    if roots_secret(credentials, namespace, tls.roots_credential):
        return None
    if tls.ca_cert_credential_name:
        name = secret_name(tls.ca_cert_credential_name)
        return Lacking("caCertCredentialName", name, "certificate of an authority (ca.crt)")
    name = secret_name(tls.credential_name)
    return Lacking("credentialName", name, "certificate of an authority (ca.crt)")
