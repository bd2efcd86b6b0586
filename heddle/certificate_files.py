"""A serving certificate that somebody else keeps in files, as a mounted Secret has it."""

import ssl
from pathlib import Path

import structlog

from webhook.tls import usable
from xds.tls import Certificate

log = structlog.get_logger(__name__)

CHAIN, KEY = "tls.crt", "tls.key"


class CertificateFiles:
    """The certificate in a folder, read anew when its files are other ones."""

    def __init__(self, folder: Path) -> None:
        """Raises `OSError` if it cannot be read, `ValueError` if it is none."""
        self._folder = folder
        self._seen = self._state()
        self._shown = self._read()

    def current(self) -> Certificate:
        """The certificate to show; one that cannot be used leaves the last in force."""
        try:
            seen = self._state()
            if seen != self._seen:
                self._shown, self._seen = self._read(), seen
                log.info("certificate read", folder=str(self._folder))
        except (OSError, ValueError) as failure:
            log.error("certificate refused", folder=str(self._folder), reason=str(failure))
        return self._shown

    def _state(self) -> tuple[tuple[int, int], ...]:
        found = [(self._folder / name).stat() for name in (CHAIN, KEY)]
        return tuple((each.st_ino, each.st_mtime_ns) for each in found)

    def _read(self) -> Certificate:
        chain, key = ((self._folder / name).read_bytes() for name in (CHAIN, KEY))
        made = Certificate(chain=chain, key=key)
        try:
            usable(made)
        except ssl.SSLError as failure:
            raise ValueError(f"{CHAIN} and {KEY} are no certificate with its key") from failure
        return made
