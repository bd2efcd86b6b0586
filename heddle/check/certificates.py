"""The mesh's certificates, each by its own lifetime: what is made for a day is not late at 60 days.

Only certificates are looked at. Keys are in the same Secret, and are not decoded.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ca.files import CA_CERT
from heddle.authority_secret import GIVEN, ROOT_FILE, ROOTS, SECRET
from heddle.check.cluster import Cluster, namespace_of
from heddle.check.this_machine import ThisMachine
from heddle.check.verdict import Category, Check, Verdict, failed, judged, skipped
from heddle.cluster_objects import Raw
from sources.errors import ApiError
from sources.resource import CONFIG_MAPS, SECRETS
from webhook import raw

LATE = 0.2
"""Of its life that is left, a certificate is late: what renews by itself does so long before."""
_SIGNERS = (CA_CERT, "tls.crt")
"""Istio's name, and cert-manager's."""
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is wrong with some certificates."""

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_all(text: bytes) -> Sequence[x509.Certificate]:
    """The certificates of PEM; none if it is not PEM."""
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        return ()


def worst(text: bytes, now: datetime) -> Standing:
    """How the certificates of a PEM fare: one of them has to be good."""
    if not text:
        return Standing(failures=("it is empty",))
    found = read_all(text)
    if not found:
        return Standing(failures=("it is not PEM",))
    late = [told for each in found if (told := _is_late(each, now))]
    over = [told for each in found if (told := _is_over(each, now))]
    if len(over) == len(found):
        return Standing(failures=tuple(over))
    return Standing(warnings=(*over, *late))


def _is_over(certificate: x509.Certificate, now: datetime) -> str:
    name = named(certificate)
    if now > certificate.not_valid_after_utc:
        return f"{name} ended at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if now < certificate.not_valid_before_utc:
        return f"{name} counts from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on"
    return ""


def _is_late(certificate: x509.Certificate, now: datetime) -> str:
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    left = certificate.not_valid_after_utc - now
    if timedelta() < left < LATE * life:
        return f"{named(certificate)} ends in {_spoken(left)}, of {_spoken(life)}"
    return ""


def _spoken(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.1f} hours"


def named(certificate: x509.Certificate) -> str:
    """By its subject and a part of its fingerprint."""
    text = certificate.subject.rfc4514_string() or "a certificate without a subject"
    return f"{text} ({certificate.fingerprint(hashes.SHA256()).hex()[:8]})"


async def _roots(cluster: Cluster) -> Verdict:
    text = roots_of(await cluster.find(CONFIG_MAPS.one(ROOTS, cluster.namespace)))
    if text is None:
        return failed(f"there is no ConfigMap {ROOTS} in namespace {cluster.namespace}")
    found = worst(text, cluster.clock())
    return judged(found.failures, found.warnings)


def roots_of(config_map: Raw | None) -> bytes | None:
    """The roots in it."""
    if config_map is None:
        return None
    return raw.text(raw.mapping(config_map.get("data")).get(ROOT_FILE)).encode()


async def _signer(cluster: Cluster) -> Verdict:
    for name in (SECRET, GIVEN):
        try:
            secret = await cluster.find(SECRETS.one(name, cluster.namespace))
        except ApiError as error:
            if error.status == _FORBIDDEN:
                return skipped(f"you may not read Secret {name} in namespace {cluster.namespace}")
            raise
        if secret is not None:
            return judge_signer(secret, cluster.clock())
    return failed(f"there is no Secret {SECRET}, nor {GIVEN}, in namespace {cluster.namespace}")


def judge_signer(secret: Raw, now: datetime) -> Verdict:
    """Whether what signs workloads' certificates is good."""
    data = raw.mapping(secret.get("data"))
    found = worst(decoded(next((data[name] for name in _SIGNERS if name in data), "")), now)
    return judged(found.failures, found.warnings)


def decoded(value: object) -> bytes:
    """What is in base64, as Kubernetes writes bytes; something that is no PEM if it is none."""
    try:
        return base64.b64decode(raw.text(value), validate=True)
    except ValueError:
        return b"no base64"


async def _everywhere(cluster: Cluster) -> Verdict:
    maps = await cluster.every(CONFIG_MAPS, field=f"metadata.name={ROOTS}")
    return judge_copies({namespace_of(each): each for each in maps}, cluster.namespace)


def judge_copies(maps: Mapping[str, Raw], system: str) -> Verdict:
    """Whether all namespaces have the same roots: another one's proxies trust nobody."""
    own = roots_of(maps.get(system))
    if own is None:
        return skipped(f"there is no ConfigMap {ROOTS} in namespace {system}: see roots-valid")
    return judged(_strays(maps, _set(own)))


def _strays(maps: Mapping[str, Raw], own: frozenset[bytes]) -> Iterable[str]:
    for namespace, each in sorted(maps.items()):
        if _set(roots_of(each) or b"") != own:
            yield f"namespace {namespace} has other roots"


def _set(text: bytes) -> frozenset[bytes]:
    return frozenset(each.fingerprint(hashes.SHA256()) for each in read_all(text))


def _trusted(mesh: ThisMachine) -> Verdict:
    return _lasting(mesh, "trusts")


def _shown(mesh: ThisMachine) -> Verdict:
    return _lasting(mesh, "shows")


def _lasting(mesh: ThisMachine, use: str) -> Verdict:
    found = [(proxy, each) for proxy, each in mesh.certificates if each.use == use]
    if not found:
        return skipped(f"no proxy {use} a certificate")
    over = [f"{p} {use} one that ended: {e.until}" for p, e in found if not e.percent]
    late = [
        f"{proxy} {use} one that ends in {each.left}, {each.percent} % of its life"
        for proxy, each in found
        if 0 < each.percent < LATE * 100
    ]
    return judged(over, late)


CATEGORY = Category(
    name="certificates",
    title="Certificates",
    checks=(
        Check(
            anchor="roots-valid",
            title="the roots of the mesh are valid for a good while",
            here=_trusted,
            remedy="`heddle ca rotate`, in its three steps, brings a new root without a failed "
            "request (docs/certificates.md). Begin while there is time: each step waits for all "
            "proxies.",
            judge=_roots,
        ),
        Check(
            anchor="signer-valid",
            title="what signs the workloads' certificates is valid for a good while",
            remedy="Ours is renewed by the replica that leads, by itself: see leaders, and its "
            "log. One that was plugged in (`cacerts`) is renewed by who made it.",
            judge=_signer,
        ),
        Check(
            anchor="certificates-renewed",
            title="the certificates of all proxies were renewed in time",
            here=_shown,
            remedy="They are renewed at half of their life. A proxy that has lost the control "
            "plane (`heddle proxy-status`) keeps the one that it has.",
            judge=None,
        ),
        Check(
            anchor="roots-everywhere",
            title="all namespaces have the roots of the mesh",
            remedy="The replica that leads mends them within ten seconds: see leaders, and its "
            "log. Does another program write the same ConfigMap?",
            judge=_everywhere,
        ),
    ),
)
