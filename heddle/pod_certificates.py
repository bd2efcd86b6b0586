"""Signs what kubelets ask for: PodCertificateRequests that name us as their signer. Only who leads
does; of two that would, the API server takes the first.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from ca import pod_certificate
from ca.errors import AuthorityError
from ca.pod_certificate import NO_POD, Denied, PodCertificateRequest, asked, is_open, lifetime
from ca.reports import Issued
from ca.workload import renewal, signed
from heddle.cluster_objects import Objects, Raw, listed
from heddle.issued import IssuedCertificates
from heddle.pods import Pods
from heddle.trouble import Trouble
from heddle.trust import Trust
from sources.errors import ApiError
from sources.resource import Resource
from webhook.settings import SIGNER
from xds.errors import Forbidden, NotReady

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""A pod does not start before it has its certificate."""
_ABSENT_SECONDS = 60.0
"""How long to wait where the API server does not serve them, or does not let us see them."""
_FORBIDDEN, _NOT_FOUND, _CONFLICT, _THEIR_FAULT = 403, 404, 409, 500
REQUESTS = Resource(group="certificates.k8s.io", version="v1beta1", plural="podcertificaterequests")


class PodCertificates:
    """Answers the requests for one signer."""

    def __init__(
        self,
        api: Objects,
        pods: Pods,
        trust: Trust,
        issued: IssuedCertificates,
        clock: Callable[[], datetime],
        *,
        lifetime: timedelta,
    ) -> None:
        """`issued` is told of each; certificates live for `lifetime`, if they may, and for an hour
        at least. `clock` gives aware times.
        """
        self._api = api
        self._pods = pods
        self._trust = trust
        self._issued = issued
        self._clock = clock
        self._lifetime = lifetime
        self._trouble = Trouble("pod certificates wait", say=log.warning)

    async def keep(self) -> None:
        """Answers until cancelled."""
        while True:
            try:
                self._trouble.now(await self.answer())
                await asyncio.sleep(POLL_SECONDS)
            except ApiError as error:
                # Most clusters do not serve them: that is no news.
                self._trouble.now("" if error.status == _NOT_FOUND else str(error))
                absent = error.status in (_NOT_FOUND, _FORBIDDEN)
                await asyncio.sleep(_ABSENT_SECONDS if absent else POLL_SECONDS)

    async def answer(self) -> str:
        """Answers all that is open; why some of it has to wait. Raises `ApiError` if nobody can be
        asked.
        """
        query = {"fieldSelector": f"spec.signerName={SIGNER}"}
        found = await listed(self._api, REQUESTS.collection(), query)
        reasons = [await self._answer(request) for request in found if is_open(request)]
        return next(filter(None, reasons), "")

    async def _answer(self, request: Raw) -> str:
        try:
            status = self._status(request)
        except (NotReady, AuthorityError) as reason:  # the next look may tell
            return str(reason)
        meta = request["metadata"]
        assert isinstance(meta, dict)
        path = REQUESTS.one(str(meta["name"]), str(meta["namespace"]), "status")
        try:
            await self._api.replace(path, {**request, "status": status})
        except ApiError as error:
            if error.status in (_CONFLICT, _NOT_FOUND):  # somebody was faster, or it has gone
                return ""
            if error.status is None or error.status >= _THEIR_FAULT:
                raise
            return str(error)
        return ""

    def _status(self, request: Raw) -> Raw:
        now = self._clock()
        try:
            wanted = asked(request)
            return self._signed(wanted, now)
        except Denied as reason:
            log.warning("pod certificate refused", reason=str(reason))
            return pod_certificate.denied(reason, now)

    def _signed(self, wanted: PodCertificateRequest, now: datetime) -> Raw:
        who = wanted.who
        try:
            self._pods.pod(who)
        except Forbidden as reason:
            raise Denied(NO_POD, str(reason)) from reason
        lives = lifetime(wanted, self._lifetime)
        identity, signer = self._pods.identity(who), self._trust.signer
        made = signed(signer, identity, wanted.key, now, lifetime=lives)
        pod = f"{who.namespace}/{who.pod_name}"
        state = self._trust.rotation.name
        self._issued.add(pod, Issued(state=state, at=now, until=made.not_after))
        log.info("pod certificate signed", pod=pod, until=made.not_after.isoformat())
        return pod_certificate.issued(made, renewal(signer, pod, now, lives), now)
