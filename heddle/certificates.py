"""The control plane's own certificate: made at start, renewed while it serves."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from ca.serving import Address, MeshRoot, ServingCertificate, mesh_root, renew, serving_certificate
from xds.tls import Certificate

CHECK_SECONDS = 600.0
"""How often the certificate's age is looked at."""


class ServingCertificates:
    """A root of this process, and the newest serving certificate that it signed."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        names: Sequence[str],
        addresses: Sequence[Address] = (),
    ) -> None:
        """`clock` gives aware times; `names` and `addresses` are what clients may call it by."""
        self._clock = clock
        self._names = tuple(names)
        self._addresses = tuple(addresses)
        self.root: MeshRoot = mesh_root(clock())
        self._signed = self._sign()
        self._shown = _shown(self._signed)

    def _sign(self) -> ServingCertificate:
        return serving_certificate(
            self.root, self._clock(), names=self._names, addresses=self._addresses
        )

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
