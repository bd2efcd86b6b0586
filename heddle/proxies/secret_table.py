"""The certificates of a proxy, as `heddle proxy-config secret` shows them: never a key."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509

from heddle.proxies.dump import SECRET, Entry, Json, entries
from heddle.proxies.tables import NO_FILTERS, NOTHING, Filters, Listing
from webhook import raw

_KINDS = {
    "tls_certificate": ("Cert Chain", "certificate_chain"),
    "validation_context": ("CA", "trusted_ca"),
}


def secret_listing(dump: Json, now: datetime, wanted: Filters = NO_FILTERS) -> Listing:
    """The secrets of a dump, with a row for each certificate in one."""
    found = sorted(
        (each for each in entries(dump, SECRET) if wanted.name in ("", each.name)),
        key=lambda each: each.name,
    )
    return Listing(
        headings=(
            "RESOURCE NAME",
            "TYPE",
            "STATUS",
            "VALID CERT",
            "SERIAL NUMBER",
            "NOT AFTER",
            "NOT BEFORE",
        ),
        rows=[row for each in found for row in _rows(each, now)],
        messages=[each.message for each in found],
    )


def _rows(entry: Entry, now: datetime) -> Iterator[Sequence[str]]:
    state = "WARMING" if "warming" in entry.field else "ACTIVE"
    kind, certificates = _certificates(entry.message)
    if not certificates:
        yield (entry.name, kind, state, NOTHING, NOTHING, NOTHING, NOTHING)
    for each in certificates:
        valid = each.not_valid_before_utc <= now < each.not_valid_after_utc
        yield (
            entry.name,
            kind,
            state,
            "true" if valid else "false",
            f"{each.serial_number:x}",
            f"{each.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
            f"{each.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
        )


def _certificates(message: Json) -> tuple[str, Sequence[x509.Certificate]]:
    """What a secret is, and the certificates in it: of a chain the leaf alone."""
    for field, (kind, source) in _KINDS.items():
        if field in message:
            found = _read(raw.mapping(raw.mapping(message[field]).get(source)))
            return kind, found[:1] if field == "tls_certificate" else found
    return "Generic" if "generic_secret" in message else NOTHING, ()


def _read(source: Json) -> Sequence[x509.Certificate]:
    try:
        encoded = raw.text(source.get("inline_bytes"))
        pem = base64.b64decode(encoded) or raw.text(source.get("inline_string")).encode()
        return x509.load_pem_x509_certificates(pem) if pem else ()
    except (ValueError, binascii.Error):
        return ()
