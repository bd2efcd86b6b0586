"""The control plane's own certificate: made at start, renewed while it serves."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from ca.authority import new_intermediate, new_root, pem
from ca.serving import Address, ServingCertificate, renew, serving_certificate
from xds.tls import Certificate

TRUST_DOMAIN = "cluster.local"
CHECK_SECONDS = 600.0
"""How often the certificate's age is looked at."""


class ServingCertificates:
    """An authority of this process, and the newest serving certificate that it signed."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        names: Sequence[str],
        addresses: Sequence[Address] = (),
        trust_domain: str = TRUST_DOMAIN,
    ) -> None:
        """`clock` gives aware times; `names` and `addresses` are what clients may call it by."""
        self._clock = clock
        self._names = tuple(names)
        self._addresses = tuple(addresses)
        now = clock()
        self._authority = new_intermediate(new_root(now, trust_domain), now, trust_domain)
        self._signed = self._sign()
        self._shown = _shown(self._signed)

    def _sign(self) -> ServingCertificate:
        return serving_certificate(
            self._authority, self._clock(), names=self._names, addresses=self._addresses
        )

    @property
    def root_pem(self) -> bytes:
        """What clients trust, as PEM."""
        return pem((self._authority.root,))

    def current(self) -> Certificate:
        """The certificate to show; the identical object as long as it is the same."""
        return self._shown

    def look(self) -> bool:
        """Renews the certificate if it is time; whether it was."""
        if not renew(self._signed.not_before, self._signed.not_after, self._clock()):
            return False
        self._signed = self._sign()
        self._shown = _shown(self._signed)
        return True

    async def keep(self) -> None:
        """Renews it in time, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.look()


def _shown(signed: ServingCertificate) -> Certificate:
    return Certificate(chain=signed.chain_pem, key=signed.key.reveal())
