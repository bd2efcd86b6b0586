"""A certificate authority as files, by Istio's names, and how far its rotation is.

    root-cert.pem   what peers trust; several roots, if several are trusted
    ca-cert.pem     the certificate that signs       (or, as cert-manager writes them:
    ca-key.pem      its key                           tls.crt, tls.key and ca.crt)
    cert-chain.pem  from ca-cert.pem up to the root; optional, and the root may be left out
    root-key.pem    the root's key, if it is kept here: for the next intermediate
    rotation.json   how far a rotation is; while one is under way, the same files of the other
                    authority have names that begin with `other-`

They may lie in a folder or in a Kubernetes Secret, mounted or not. Values in, values out.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography import x509

from ca import keys
from ca.authority import Authority, checked, pem
from ca.errors import AuthorityError
from ca.rotation import Phase, Rotation
from ca.secret import PrivateKey

ROOT_CERT, ROOT_KEY = "root-cert.pem", "root-key.pem"
CA_CERT, CA_KEY, CHAIN = "ca-cert.pem", "ca-key.pem", "cert-chain.pem"
ROTATION = "rotation.json"
_OTHER = "other-"
_CERT_MANAGER = {CA_CERT: "tls.crt", CA_KEY: "tls.key", ROOT_CERT: "ca.crt"}
_OURS = (ROOT_CERT, CA_CERT, CA_KEY, CHAIN, ROOT_KEY)
NAMES = (*_OURS, *_CERT_MANAGER.values(), ROTATION, *(f"{_OTHER}{name}" for name in _OURS))
"""All names that mean something."""
SECRET_NAMES = frozenset(name for name in NAMES if name.endswith("key.pem") or name == "tls.key")


def rotation_from(files: Mapping[str, bytes], now: datetime) -> Rotation:
    """The state in the files of a folder or of a Kubernetes Secret, by their names.

    Raises `AuthorityError`, which names the file that is missing or wrong.
    """
    named = files if CA_CERT in files else _istio_names(files)
    current, roots = _authority(named, now, "")
    phase, returning, since = _state(files[ROTATION]) if ROTATION in files else _NO_STATE
    other = _authority(files, now, _OTHER)[0] if phase is not Phase.STABLE else None
    known = {current.root} if other is None else {current.root, other.root}
    return Rotation(
        phase=phase,
        current=current,
        other=other,
        more=tuple(each for each in dict.fromkeys(roots) if each not in known),
        returning=returning,
        since=since,
    )


def files_of(rotation: Rotation) -> Mapping[str, bytes]:
    """What `rotation_from` reads."""
    state: dict[str, object] = {"phase": rotation.phase, "returning": rotation.returning}
    if rotation.since is not None:
        state["since"] = rotation.since.isoformat()
    found = {
        **_files(rotation.current, ""),
        ROOT_CERT: pem(rotation.roots),
        ROTATION: json.dumps(state).encode(),
    }
    return found | (_files(rotation.other, _OTHER) if rotation.other is not None else {})


def _files(authority: Authority, prefix: str) -> dict[str, bytes]:
    found = {
        ROOT_CERT: pem((authority.root,)),
        CHAIN: pem(authority.chain),
        CA_CERT: pem((authority.certificate,)),
        CA_KEY: keys.written(authority.signer).reveal(),
    }
    if authority.root_signer is not None:
        found[ROOT_KEY] = keys.written(authority.root_signer).reveal()
    return {f"{prefix}{name}": body for name, body in found.items()}


_NO_STATE = (Phase.STABLE, False, None)


def _state(text: bytes) -> tuple[Phase, bool, datetime | None]:
    try:
        found = json.loads(text)
        phase, since = Phase(found["phase"]), found.get("since")
        began = None if since is None else datetime.fromisoformat(since).astimezone(UTC)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise AuthorityError(f"{ROTATION} is not what `heddle ca` writes") from None
    return phase, found.get("returning") is True, began


def _authority(
    files: Mapping[str, bytes], now: datetime, prefix: str
) -> tuple[Authority, list[x509.Certificate]]:
    """The authority, and all that is trusted with it."""
    ca_cert, ca_key, root_cert, chain, root_key = (
        f"{prefix}{name}" for name in (CA_CERT, CA_KEY, ROOT_CERT, CHAIN, ROOT_KEY)
    )
    missing = [name for name in (ca_cert, ca_key, root_cert) if name not in files]
    if missing:
        raise AuthorityError(f"{', '.join(missing)} missing: {ca_cert}, {ca_key}, {root_cert}")
    signing = _certificates(files, ca_cert)
    roots = _certificates(files, root_cert)
    above = [*signing[1:], *(_certificates(files, chain) if files.get(chain) else ())]
    found = _chain(signing[0], [*above, *roots])
    if found[-1] not in roots:
        raise AuthorityError(f"{ca_cert} does not lead to a certificate of {root_cert}")
    key = keys.read(PrivateKey(files[ca_key]))
    root_signer = keys.read(PrivateKey(files[root_key])) if root_key in files else None
    if root_signer is not None and root_signer.public_key() != found[-1].public_key():
        raise AuthorityError(f"{root_key} is not the key of the root of {ca_cert}")
    return checked(Authority(signer=key, chain=found, root_signer=root_signer), now), roots


def _istio_names(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {name: files[theirs] for name, theirs in _CERT_MANAGER.items() if theirs in files}


def _certificates(files: Mapping[str, bytes], name: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(files[name])
    except ValueError:
        raise AuthorityError(f"{name} holds no certificates in PEM") from None


def _chain(
    signing: x509.Certificate, others: list[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """From `signing` to a certificate that signed itself, whatever order the others are in."""
    chain = [signing]
    while chain[-1].issuer != chain[-1].subject:
        above = [c for c in others if c.subject == chain[-1].issuer and c not in chain]
        if not above:
            name = chain[-1].issuer.rfc4514_string()
            raise AuthorityError(f"the chain ends at {name!r}, whose certificate is missing")
        chain.append(above[0])
    return tuple(chain)
