"""Where a certificate authority is kept: a folder with Istio's file names.

    root-cert.pem   what peers trust
    ca-cert.pem     the certificate that signs       (or, as cert-manager writes them:
    ca-key.pem      its key                           tls.crt, tls.key and ca.crt)
    cert-chain.pem  from ca-cert.pem up to the root; optional, and the root may be left out

Our own lie in `current`, a link that one rename moves from one version to the next, as Kubernetes
does for a mounted Secret: nobody ever reads half of a change. Beside it is `root-key.pem`, for the
next intermediate; who wants the root's key elsewhere takes that file away. A folder has one writer
at a time.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cryptography import x509

from ca import keys
from ca.authority import Authority, checked, new_intermediate, new_root, pem
from ca.errors import AuthorityError
from ca.secret import PrivateKey

ROOT_CERT, ROOT_KEY = "root-cert.pem", "root-key.pem"
CA_CERT, CA_KEY, CHAIN = "ca-cert.pem", "ca-key.pem", "cert-chain.pem"
_CERT_MANAGER = {CA_CERT: "tls.crt", CA_KEY: "tls.key", ROOT_CERT: "ca.crt"}
_FILES = (ROOT_CERT, CA_CERT, CA_KEY, CHAIN, *_CERT_MANAGER.values())
_CURRENT = "current"
_LOCK = ".lock"
_LARGEST = 1 << 20


def authority_from(files: Mapping[str, bytes], now: datetime) -> Authority:
    """The authority in the files of a folder or of a Kubernetes Secret, by their names.

    Raises `AuthorityError`, which names the file that is missing or wrong.
    """
    named = files if CA_CERT in files else _istio_names(files)
    missing = [name for name in (CA_CERT, CA_KEY, ROOT_CERT) if name not in named]
    if missing:
        raise AuthorityError(f"{', '.join(missing)} missing: {CA_CERT}, {CA_KEY}, {ROOT_CERT}")
    signing = _certificates(named, CA_CERT)
    roots = _certificates(named, ROOT_CERT)
    above = [*signing[1:], *(_certificates(named, CHAIN) if named.get(CHAIN) else ())]
    chain = _chain(signing[0], [*above, *roots])
    if chain[-1] not in roots:
        raise AuthorityError(f"{CA_CERT} does not lead to a certificate of {ROOT_CERT}")
    return checked(Authority(signer=keys.read(PrivateKey(named[CA_KEY])), chain=chain), now)


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


def load(folder: Path, now: datetime) -> Authority | None:
    """The authority in `folder`, or `None` if there is none.

    Raises `AuthorityError` with the folder's name if what is there cannot be used.
    """
    # Resolved once: all files are of one version even if the link moves meanwhile.
    where = (folder / _CURRENT).resolve() if (folder / _CURRENT).exists() else folder
    try:
        files = {name: _read(where / name) for name in _FILES if (where / name).is_file()}
    except OSError as error:
        raise AuthorityError(f"{folder}: {error.strerror or error}") from None
    if not files:
        return None
    try:
        return authority_from(files, now)
    except AuthorityError as error:
        raise AuthorityError(f"{folder}: {error}") from None


def _read(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        raise AuthorityError(f"{path.name} is larger than {_LARGEST} bytes")
    return path.read_bytes()


def load_or_create(folder: Path, now: datetime, trust_domain: str) -> Authority:
    """The authority in `folder`; if there is none, a new root and an intermediate below it.

    Of several processes that start at once, one makes it and the others use it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_writer(folder):
        found = load(folder, now)
        if found is not None:
            return found
        root = new_root(now, trust_domain)
        made = new_intermediate(root, now, trust_domain)
        _write(folder / ROOT_KEY, keys.written(root.signer).reveal(), secret=True)
        _save(folder, made)
        return made


def save(folder: Path, authority: Authority) -> None:
    """Put `authority` into `folder` instead of what is there."""
    with _one_writer(folder):
        _save(folder, authority)


def root_of(folder: Path, now: datetime) -> Authority:
    """The root that our own authority was made with, to make another intermediate below it.

    Raises `AuthorityError` where its key is kept elsewhere.
    """
    try:
        key = _read(folder / ROOT_KEY)
        certificate = _read(folder / _CURRENT / ROOT_CERT)
    except OSError:
        raise AuthorityError(
            f"{folder}: there is no {ROOT_KEY}: make the intermediate where the root's key is kept"
        ) from None
    roots = _certificates({ROOT_CERT: certificate}, ROOT_CERT)
    return checked(Authority(signer=keys.read(PrivateKey(key)), chain=(roots[0],)), now)


def _save(folder: Path, authority: Authority) -> None:
    link = folder / _CURRENT
    before = link.resolve() if link.is_symlink() else None
    version = Path(tempfile.mkdtemp(prefix="version-", dir=folder))  # for its owner only
    _write(version / ROOT_CERT, pem((authority.root,)))
    _write(version / CHAIN, pem(authority.chain))
    _write(version / CA_CERT, pem((authority.certificate,)))
    _write(version / CA_KEY, keys.written(authority.signer).reveal(), secret=True)
    new = folder / f".{_CURRENT}.new"
    new.unlink(missing_ok=True)
    new.symlink_to(version.name)
    new.replace(link)
    if before is not None and before.parent == folder.resolve():
        shutil.rmtree(before)


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _one_writer(folder: Path) -> Iterator[None]:
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
