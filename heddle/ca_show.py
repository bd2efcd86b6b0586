"""What `heddle ca` prints of an authority: never a key."""

from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ca.reports import Report
from ca.rotation import Phase, Rotation
from heddle.ca_steps import Progress

_MEANING = {
    Phase.STABLE: "stable: one root is trusted and signs; no rotation is under way",
    Phase.TRUSTING: "step 1 of 3: the old authority signs, the new root is trusted beside its own",
    Phase.SWITCHED: "step 2 of 3: the new authority signs, the old root is still trusted",
}
_RETURNING = "taken back: the old authority signs again, the new root is still trusted"
_NEXT = {
    Phase.STABLE: "`heddle ca rotate` begins a rotation",
    Phase.TRUSTING: "`heddle ca rotate` lets the new one sign, `heddle ca rollback` gives it up",
    Phase.SWITCHED: "`heddle ca rotate` ends the trust in the old root, `heddle ca rollback` lets "
    "the old one sign again",
}
_MOUNTED = "who has put it there changes it: docs/certificates.md says in which steps"
_WIDTH = 9


def now_is(rotation: Rotation) -> str:
    """The state in a line."""
    if rotation.phase is Phase.TRUSTING and rotation.returning:
        return _RETURNING
    return _MEANING[rotation.phase]


def as_text(found: Progress) -> str:
    """For people."""
    return "".join(f"{name:<{_WIDTH}} {text}\n" for name, text in _lines(found))


def _lines(found: Progress) -> Iterator[tuple[str, str]]:
    rotation = found.rotation
    yield "state", now_is(rotation)
    if rotation.since is not None:
        yield "since", f"{rotation.since:%Y-%m-%d %H:%M:%S} UTC"
    yield "signer", _named(rotation.signer.certificate)
    for root in rotation.roots:
        yield "root", _named(root)
    for report in found.said.living:
        yield "replica", _told(report, found)
    if found.own and not found.said.living:
        yield "replica", "none follows this authority, or it may not tell so"
    if found.own and found.late.roots:
        yield "waiting", found.late.roots
    for pod, why in found.late.pods.items():
        yield "waiting", f"{pod} {why}"
    yield "next", _NEXT[rotation.phase] if found.own else _MOUNTED


def _told(report: Report, found: Progress) -> str:
    late = found.late.replicas.get(report.replica)
    how = f"not yet: {late}" if late else "serves it"
    return f"{report.replica}: {how}; {len(report.taken)} proxies have it"


def _named(certificate: x509.Certificate) -> str:
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return f"{_fingerprint(certificate)[:16]} {_subject(certificate)}, until {until}"


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string({x509.NameOID.SERIAL_NUMBER: "serialNumber"})


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def as_values(found: Progress) -> Mapping[str, object]:
    """For programs."""
    rotation = found.rotation
    return {
        "phase": rotation.phase.value,
        "returning": rotation.returning,
        "since": rotation.since.isoformat() if rotation.since else None,
        "signer": _values(rotation.signer.certificate),
        "roots": [_values(root) for root in rotation.roots],
        "replicas": [
            {
                "name": report.replica,
                "serves": report.replica not in found.late.replicas,
                "taken": len(report.taken),
                "problem": report.problem or None,
            }
            for report in found.said.living
        ],
        "rootsWaiting": found.late.roots or None,
        "waiting": dict(found.late.pods),
    }


def _values(certificate: x509.Certificate) -> Mapping[str, object]:
    return {
        "sha256": _fingerprint(certificate),
        "subject": _subject(certificate),
        "notAfter": certificate.not_valid_after_utc.isoformat(),
    }
