"""The authority of a mesh in a Secret of its cluster: made by one of the replicas that start at
once, changed only as it was read, and never made a second time while anything of the mesh is left.

`heddle-ca` is our own. Where it is not there but Istio's `cacerts` is, that is taken, and only
read. The ConfigMap with the roots, which the leader keeps, is the witness of what the mesh trusts:
a replica that starts takes nothing else, and makes nothing new beside it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from cryptography import x509

from ca import secret_object
from ca.authority import new_intermediate, new_root
from ca.errors import AuthorityError
from ca.files import rotation_from
from ca.report_lease import BEAT, SELECTOR, Heard, heard, lease, lease_name
from ca.reports import Report, Said
from ca.rotation import Phase, Rotation
from heddle.authority_place import Change, Voice
from heddle.cluster_objects import Objects, Raw, find, listed, remove
from sources.errors import ApiError
from sources.resource import CONFIG_MAPS, LEASES, PODS, SECRETS
from webhook.settings import ROOT_CONFIG_MAP, ROOT_KEY

log = structlog.get_logger(__name__)

SECRET = "heddle-ca"
GIVEN = "cacerts"
"""Istio's name for an authority that is plugged in."""
ROOTS, ROOT_FILE = ROOT_CONFIG_MAP, ROOT_KEY
"""The ConfigMap with the roots, in every namespace that needs it: where sidecars look for them."""
POLL_SECONDS = 2.0
START_SECONDS = 60.0
"""How long a replica that starts waits for what is missing to be put back."""
_TRIES = 20
_CONFLICT = 409
_OVER = ("Succeeded", "Failed")
_MANAGER = "heddle"
_WAY_OUT = (
    "Put the Secret back as it was (a replica that runs does so by itself), or delete the "
    f"ConfigMap {ROOTS} of namespace {{}} to begin anew: then restart every workload"
)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """Where a control plane is: `namespace`, and the name of its pod there, empty outside of the
    cluster.
    """

    namespace: str
    pod: str = ""


class SecretPlace:
    """A Secret. Its keys are in no message and no log."""

    poll_seconds = POLL_SECONDS
    calm_seconds = BEAT.total_seconds()

    def __init__(
        self,
        api: Objects,
        place: ClusterPlace,
        clock: Callable[[], datetime],
    ) -> None:
        """`clock` gives aware times."""
        self._api = api
        self._place = place
        self._clock = clock
        self._leads = False
        self._secret = SECRET
        self._own = False
        self._version: tuple[object, object] | None = None
        self._found: Rotation | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return f"Secret {self._place.namespace}/{self._secret}"

    @property
    def own(self) -> bool:
        """Whether it was made by us, when it was last seen."""
        return self._own

    @property
    def writes(self) -> bool:
        """Only who leads. Those who are told to write, as `heddle ca` is, need not."""
        return self._leads

    async def lead(self) -> None:
        """To be run while this replica is the one that writes."""
        self._leads = True
        try:
            await asyncio.Event().wait()
        finally:
            self._leads = False

    async def newest(self, now: datetime) -> Rotation | None:
        """What is there; read again only if it is another than the last time."""
        found = await self._named()
        if found is None:
            return None
        meta = found.get("metadata")
        version = (meta.get("uid"), meta.get("resourceVersion")) if isinstance(meta, dict) else None
        if version != self._version or self._found is None:
            self._found = self._read(found, now)
            self._version = version
        return self._found

    def _read(self, found: Raw, now: datetime, *, root_keys: bool = False) -> Rotation:
        try:
            return rotation_from(secret_object.files_in(found, root_keys=root_keys), now)
        except AuthorityError as error:
            raise AuthorityError(f"{self.name}: {error}") from None

    async def _named(self) -> Raw | None:
        """Our own Secret, or else the one that was plugged in. Ours is not left for the other."""
        for name in (SECRET,) if self._own else (SECRET, GIVEN):
            found = await self._asked(find(self._api, SECRETS.one(name, self._place.namespace)))
            if found is not None:
                self._secret, self._own = name, secret_object.is_ours(found)
                return found
        return None

    async def load_or_create(self, trust_domain: str) -> Rotation:
        """What a replica starts with: the authority that is there, or a new one if there never was
        any. Waits a while for an API server that is away, and for a Secret that is to be put back.
        """
        until = self._clock() + timedelta(seconds=START_SECONDS)
        told = ""
        while True:
            try:
                return await self._begun(self._clock(), trust_domain)
            except AuthorityError as error:
                if self._clock() >= until:
                    raise
                if str(error) != told:
                    told = str(error)
                    log.warning("waiting for the certificate authority", reason=told)
            await asyncio.sleep(POLL_SECONDS)

    async def _begun(self, now: datetime, trust_domain: str) -> Rotation:
        found = await self.newest(now)
        trusted = await self._witness()
        if found is None and not trusted:
            root = new_root(now, trust_domain)
            made = Rotation(current=new_intermediate(root, now, trust_domain), since=now)
            if await self._put(made):
                log.info("certificate authority made", place=self.name)
            found = await self.newest(now)
        if found is None:
            raise AuthorityError(
                f"{self.name}: it is gone. {_WAY_OUT.format(self._place.namespace)}"
            )
        if trusted and found.current.root not in trusted:
            where = f"ConfigMap {self._place.namespace}/{ROOTS}"
            raise AuthorityError(
                f"{self.name}: its root is not in {where}, which has what the mesh trusts. "
                f"{_WAY_OUT.format(self._place.namespace)}"
            )
        return found

    async def _witness(self) -> Sequence[x509.Certificate]:
        """The roots that the mesh trusts, as the leader has told its namespaces; none if no leader
        has been there yet."""
        path = CONFIG_MAPS.one(ROOTS, self._place.namespace)
        found = await self._asked(find(self._api, path))
        data = found.get("data") if found is not None else None
        text = data.get(ROOT_FILE) if isinstance(data, dict) else None
        if not isinstance(text, str):
            return ()
        with suppress(ValueError):
            return x509.load_pem_x509_certificates(text.encode())
        raise AuthorityError(
            f"ConfigMap {self._place.namespace}/{ROOTS}: {ROOT_FILE} holds no certificates in PEM"
        )

    async def _put(self, rotation: Rotation) -> bool:
        """Creates the Secret; whether it was not there."""
        body = secret_object.secret(self._place.namespace, SECRET, rotation)
        try:
            await self._api.create(SECRETS.collection(self._place.namespace), body)
        except ApiError as error:
            if error.status == _CONFLICT:
                return False
            raise self._failed(error) from None
        return True

    async def create(self, rotation: Rotation, now: datetime) -> None:
        """Puts the first one there; raises `AuthorityError` if there is one."""
        if await self.newest(now) is not None or not await self._put(rotation):
            raise AuthorityError(f"{self.name}: there is an authority already: rotate it")

    async def restore(self, rotation: Rotation, now: datetime) -> bool:
        """Puts back our own if it was deleted, without the root's key, which no replica has."""
        del now
        if not self._own:
            return False
        # Somebody may have seen a later step, in which the other one has signed.
        returning = rotation.returning or rotation.phase is Phase.TRUSTING
        return await self._put(replace(rotation, returning=returning))

    async def edit(self, now: datetime, change: Change) -> Rotation:
        """Compares and swaps; raises `AuthorityError` for a Secret that is not our own."""
        for _ in range(_TRIES):
            found = await self._named()
            if found is None:
                raise AuthorityError(f"{self.name}: there is no authority any more")
            if not self._own:
                raise AuthorityError(
                    f"{self.name}: this authority was not made by Heddle: who has put it there "
                    "changes it (docs/certificates.md says in which steps)"
                )
            before = self._read(found, now, root_keys=True)
            after = change(before, await self.said(now))
            if after == before or await self._swapped(secret_object.replaced(found, after)):
                return after
        raise AuthorityError(f"{self.name}: others change it all the time")

    async def _swapped(self, body: Raw) -> bool:
        try:
            await self._api.replace(SECRETS.one(self._secret, self._place.namespace), body)
        except ApiError as error:
            if error.status == _CONFLICT:
                return False
            raise self._failed(error) from None
        return True

    async def said(self, now: datetime) -> Said:
        """What the replicas say; who of them lives, their pods decide if their Leases are old."""
        path = LEASES.collection(self._place.namespace)
        leases = await self._asked(listed(self._api, path, {"labelSelector": SELECTOR}))
        living: list[Report] = []
        dead: list[Report] = []
        for each in sorted(filter(None, map(heard, leases)), key=lambda found: found.lease):
            if not each.is_late(now):
                living.append(each.report)
            elif await self._lives(each):
                late = f"nothing was heard of it since {each.since:%H:%M:%S} UTC"
                living.append(replace(each.report, state="", problem=late))
            else:
                dead.append(each.report)
        return Said(living=living, dead=dead, with_roots=True)

    async def _lives(self, silent: Heard) -> bool:
        if not silent.pod:
            return False
        pod = await self._asked(find(self._api, PODS.one(silent.pod, self._place.namespace)))
        status = pod.get("status") if pod is not None else None
        phase = status.get("phase") if isinstance(status, dict) else None
        return pod is not None and phase not in _OVER

    async def forget(self, dead: Iterable[Report]) -> None:
        """Deletes their Leases."""
        for report in dead:
            path = LEASES.one(lease_name(report.replica), self._place.namespace)
            await self._asked(remove(self._api, path))

    @asynccontextmanager
    async def voice(self, replica: str) -> AsyncIterator[Voice | None]:
        """Speaks through a Lease, which stays when it ends."""
        path = LEASES.one(lease_name(replica), self._place.namespace)
        while True:
            with suppress(ApiError):
                found = await find(self._api, path)
                break
            await asyncio.sleep(POLL_SECONDS)
        former = heard(found) if found is not None else None
        yield _LeaseVoice(
            self._api, self._place, self._clock, replica, former.report if former else None
        )

    async def _asked(self, asked: Awaitable[Answer]) -> Answer:
        try:
            return await asked
        except ApiError as error:
            raise self._failed(error) from None

    def _failed(self, error: ApiError) -> AuthorityError:
        return AuthorityError(f"{self.name}: {error}")


class _LeaseVoice:
    def __init__(
        self,
        api: Objects,
        place: ClusterPlace,
        clock: Callable[[], datetime],
        replica: str,
        former: Report | None,
    ) -> None:
        self.replica = replica
        self.former = former
        self._api = api
        self._place = place
        self._clock = clock
        self._path = LEASES.one(lease_name(replica), place.namespace)
        self._said: Report | None = None
        self._next: datetime | None = None

    async def say(self, report: Report, *, urgent: bool) -> None:
        """At once if it is urgent and new; else when the Lease is renewed anyhow."""
        now = self._clock()
        due = self._next is None or now >= self._next
        if not due and (not urgent or report == self._said):
            return
        body = lease(self._place.namespace, report, self._place.pod, now)
        try:
            await self._api.apply(self._path, body, manager=_MANAGER, force=True)
        except ApiError as error:
            raise AuthorityError(
                f"Lease {self._place.namespace}/{lease_name(self.replica)}: {error}"
            ) from None
        self._said, self._next = report, now + BEAT
