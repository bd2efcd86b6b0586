"""The control plane's own certificate: made at start, renewed while it serves."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ca.authority import new_intermediate, new_root
from ca.rotation import Rotation
from ca.serving import Address, ServingCertificate, renew, serving_certificate
from ca.storage import load_or_create
from heddle.trust import Trust
from xds.tls import Certificate

TRUST_DOMAIN = "cluster.local"
CHECK_SECONDS = 600.0
"""How often the certificate's age is looked at."""


def own_authority(folder: Path | None, now: datetime) -> Rotation:
    """What signs: the authority in a folder, made there at the first start, with a rotation as far
    as it has come; without a folder one that ends with this process.

    Raises `AuthorityError` for a folder that holds one that cannot be used.
    """
    if folder is not None:
        return load_or_create(folder, now, TRUST_DOMAIN)
    made = new_intermediate(new_root(now, TRUST_DOMAIN), now, TRUST_DOMAIN)
    return Rotation(current=replace(made, root_signer=None))  # nobody needs it any more


class ServingCertificates:
    """The newest serving certificate that an authority signed."""

    def __init__(
        self,
        trust: Trust,
        clock: Callable[[], datetime],
        *,
        names: Sequence[str],
        addresses: Sequence[Address] = (),
    ) -> None:
        """`clock` gives aware times; `names` and `addresses` are what clients may call it by."""
        self._clock = clock
        self._names = tuple(names)
        self._addresses = tuple(addresses)
        self._trust = trust
        self._signer = trust.server
        self._signed = self._sign()
        self._shown = _shown(self._signed)
        trust.follow(self._follow)

    def _sign(self) -> ServingCertificate:
        return serving_certificate(
            self._signer, self._clock(), names=self._names, addresses=self._addresses
        )

    async def _follow(self) -> None:
        if self._trust.server != self._signer:
            self._signer = self._trust.server
            self._renew()

    def current(self) -> Certificate:
        """The certificate to show; the identical object as long as it is the same."""
        return self._shown

    def look(self) -> bool:
        """Renews the certificate if it is time; whether it was."""
        if not renew(self._signed.not_before, self._signed.not_after, self._clock()):
            return False
        self._renew()
        return True

    def _renew(self) -> None:
        self._signed = self._sign()
        self._shown = _shown(self._signed)

    async def keep(self) -> None:
        """Renews it in time, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.look()


def _shown(signed: ServingCertificate) -> Certificate:
    return Certificate(chain=signed.chain_pem, key=signed.key.reveal())
