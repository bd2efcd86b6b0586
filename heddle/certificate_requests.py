"""Istio's certificate service, on the port of the proxies: for clients that keep their own keys.

Who asks is decided as for configuration, by a pod's token and by nothing in the request. The answer
is a certificate for that pod's account alone; a request that names anybody else is refused.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import grpc
import structlog
from cryptography import x509

from ca.authority import pem
from ca.errors import AuthorityError, RequestError
from ca.istio_ca import METHOD, SERVICE, decoded, encoded
from ca.reports import Issued
from ca.workload import LIFETIME, WorkloadCertificate, from_request
from heddle.allowance import Allowance
from heddle.identity import PodIdentity
from heddle.issued import IssuedCertificates
from heddle.pods import Pods
from heddle.trust import Trust
from mesh.identity import SpiffeId, WorkloadIdentity
from xds.auth import Identity
from xds.errors import BadRequest, Forbidden, NotReady, StreamEnded, TooMuch

log = structlog.get_logger(__name__)

Context = grpc.aio.ServicerContext[bytes, bytes]
Identify = Callable[[Context], Awaitable[Identity]]

BURST, INTERVAL_SECONDS = 10, 6.0
"""A pod needs one for each of its containers that keeps a key, and again in half a day."""
READ_SECONDS = 10.0
"""How long the request itself may take to arrive."""


class CertificateRequests:
    """Signs what pods ask to be signed."""

    def __init__(
        self,
        pods: Pods,
        trust: Trust,
        issued: IssuedCertificates,
        clock: Callable[[], datetime],
        *,
        lifetime: timedelta = LIFETIME,
    ) -> None:
        """`issued` is told of each; `clock` gives aware times; certificates live for `lifetime` at
        most.
        """
        self._pods = pods
        self._trust = trust
        self._issued = issued
        self._clock = clock
        self._lifetime = lifetime
        self._allowance = Allowance(burst=BURST, interval=INTERVAL_SECONDS)

    def service(self, identify: Identify) -> grpc.GenericRpcHandler:
        """The service for a server, which says who asks."""

        async def create(_: AsyncIterator[bytes], context: Context) -> bytes:
            try:
                return await self._create(await identify(context), context)
            except StreamEnded as reason:
                await context.abort(grpc.StatusCode[reason.status], str(reason))

        # As a stream of one request, so that nothing of it is read before it is known who asks.
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(create)
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})

    async def _create(self, identity: Identity, context: Context) -> bytes:
        if not isinstance(identity, PodIdentity):
            raise Forbidden("not a pod")
        await self._pods.arrived(identity.workload)
        if not self._allowance.take(identity.name, asyncio.get_running_loop().time()):
            raise TooMuch("too many certificates: come back later")
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await context.read()
        except TimeoutError:
            raise BadRequest("no request in time") from None
        if not isinstance(body, bytes):
            raise BadRequest("there is no request")
        return self._answer(identity.workload, body)

    def _answer(self, who: WorkloadIdentity, body: bytes) -> bytes:
        identity = self._pods.identity(who)
        try:
            signed = self._signed(identity, body)
        except RequestError as error:
            log.warning("certificate refused", identity=str(identity), reason=str(error))
            raise BadRequest(str(error)) from error
        except AuthorityError as error:
            log.error("no certificate", identity=str(identity), reason=str(error))
            raise NotReady("the certificate authority cannot sign now") from error
        log.info("certificate signed", identity=str(identity), until=signed.not_after.isoformat())
        state = self._trust.rotation.name
        issued = Issued(state=state, at=self._clock(), until=signed.not_after)
        self._issued.add(f"{who.namespace}/{who.pod_name}", issued)
        chain = x509.load_pem_x509_certificates(signed.chain_pem)
        return encoded(
            [*(pem((each,)).decode() for each in chain), pem(self._trust.roots).decode()]
        )

    def _signed(self, identity: SpiffeId, body: bytes) -> WorkloadCertificate:
        request = decoded(body)
        if request.impersonates:
            raise RequestError("nobody may ask for the certificate of another")
        if request.seconds < 0:
            raise RequestError("validity_duration is negative")
        wish = min(request.seconds, self._lifetime.total_seconds())
        return from_request(
            self._trust.signer,
            identity,
            request.csr.encode(),
            self._clock(),
            lifetime=timedelta(seconds=wish) if wish else self._lifetime,
        )
