"""A control plane on a port of its own, fed with YAML text."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
import jwt
import yaml

from ca.issuer import LocalIssuer
from ca.tokens import TokenVerifier
from crds.decode import identify
from crds.meta import Key
from heddle.control_plane import ControlPlane
from heddle.identity import TokenAuthenticator
from heddle.injection import AUDIENCE, PORT, SERVER_NAME, inject_settings
from heddle.local.addresses import Subnets
from heddle.local_cluster import LocalCluster
from heddle.mesh_authority import MeshAuthority, kept_in
from sources.events import Applied, Deleted, Event, Synced
from tests.fakes.clock import FakeClock
from tests.fakes.envoy import FakeEnvoy
from tests.features.stream import PATIENCE, Stream, connected, secure_channel
from webhook import raw as raws
from xds.metrics import Metrics
from xds.publisher import Publisher
from xds.server import Server, ServerSettings

Raw = Mapping[str, object]
Claims = dict[str, object]

NEWS_SECONDS = 0.05
"""How long a pod's news may lag behind its token here."""


class Plane:
    """What a test does with a control plane."""

    def __init__(self, clock: FakeClock, *, patience: float = NEWS_SECONDS) -> None:
        self.issuer = LocalIssuer()
        publisher = Publisher()
        kept = kept_in(None, clock.now())
        self.authority = MeshAuthority(publisher, kept, clock, names=(SERVER_NAME,))
        self.secrets = self.authority.secrets
        self.control = ControlPlane(publisher, self.secrets, quiet=True, patience=patience)
        self.clock = clock
        self.metrics = Metrics()
        self._cluster = LocalCluster(inject_settings(host=SERVER_NAME, port=PORT), Subnets())
        self._objects: dict[Key, Raw] = {}
        verifier = TokenVerifier(
            self.issuer.jwks(), issuer=self.issuer.issuer, audience=AUDIENCE, clock=clock
        )
        self.server = Server(
            self.control.publisher,
            authenticate=TokenAuthenticator(verifier),
            resolve=self.control.resolver,
            wall=clock,
            settings=ServerSettings(drain=1.0),
            certificate=self.authority.certificates.current,
            metrics=self.metrics,
            services=(self.authority.requests(self.control.pods).service,),
        )
        self.port = 0

    def apply(self, *texts: str, synced: bool = True) -> None:
        """Make this YAML all that there is."""
        events = self.news(*texts)
        if synced and not self.control.pods.synced:
            events.append(Synced())
        self.control.refresh(self.server, self.control.apply(events))

    def news(self, *texts: str) -> list[Event]:
        """What a cluster says once this YAML is all that there is."""
        wanted: dict[Key, Raw] = {}
        for raw in yaml.safe_load_all("\n---\n".join(texts)):
            if raw is not None:
                key = identify(raw).key
                assert key is not None, raw
                wanted[key] = raw
        events: list[Event] = [Deleted(key) for key in self._objects.keys() - wanted.keys()]
        events += [Applied(k, raw) for k, raw in wanted.items() if self._objects.get(k) != raw]
        self._objects = wanted
        return self._cluster.apply(events)

    def ended(self, start: str, phase: str) -> None:
        """A pod's containers have ended, and will not start again."""
        self._now(start, lambda raw: {**raw, "status": {"phase": phase}})

    def ending(self, start: str) -> None:
        """A pod is deleted: it has its time of grace, and then it goes."""
        when = {"deletionTimestamp": "2030-01-01T00:00:30Z"}
        self._now(start, lambda raw: {**raw, "metadata": {**raws.metadata(raw), **when}})

    def _now(self, start: str, become: Callable[[Raw], Raw]) -> None:
        raw = self._cluster.pods()[self.pod(start)].raw
        key = identify(raw).key
        assert key is not None
        event = Applied(key, become(raw))
        self.control.refresh(self.server, self.control.apply([event]))

    async def alone(self) -> None:
        """Wait until no stream is left."""
        await self.left(0)

    async def left(self, streams: int) -> None:
        """Wait until so many streams are left."""
        revision = -1
        async with asyncio.timeout(PATIENCE):
            while len(self.server.clients) > streams:
                revision = await self.server.clients.changed(revision)

    def pod(self, start: str) -> str:
        """The whole name, namespace/name, of the pod whose name begins so."""
        return next(name for name in sorted(self._cluster.pods()) if name.startswith(start))

    def uid(self, start: str) -> str:
        """The UID of a pod."""
        return self._cluster.pods()[self.pod(start)].facts.uid

    def token(self, pod: str, /, *, ttl: float = 3600.0, **other: str) -> str:
        """A token of a pod, or one that differs from it in the claims given."""
        facts = self._cluster.pods()[self.pod(pod)].facts
        claims = {
            "namespace": facts.namespace,
            "service_account": facts.service_account,
            "pod": facts.name,
            "uid": facts.uid,
            "audience": AUDIENCE,
            **other,
        }
        token = self.issuer.issue(
            namespace=claims["namespace"],
            service_account=claims["service_account"],
            pod=claims["pod"],
            uid=claims["uid"],
            audience=claims["audience"],
            now=self.clock(),
            ttl=ttl,
        )
        return token.reveal().decode()

    def bent(self, pod: str, bend: Callable[[Claims], object]) -> str:
        """A token of a pod whose claims are changed, and that is signed as a good one is."""
        token = self.token(pod)
        claims = jwt.decode(token, options={"verify_signature": False})
        bend(claims)
        headers = {"kid": str(jwt.get_unverified_header(token)["kid"])}
        return jwt.encode(claims, self.issuer._key.reveal(), algorithm="ES256", headers=headers)

    def envoy(self, pod: str) -> FakeEnvoy:
        """An Envoy that says that it is a pod's."""
        namespace, _, name = self.pod(pod).partition("/")
        return FakeEnvoy(node_id(namespace, name))

    def stream(self, envoy: FakeEnvoy, token: str) -> AbstractAsyncContextManager[Stream]:
        """A stream of an Envoy that shows a token."""
        return self.saying(envoy, [("authorization", f"Bearer {token}")])

    def silent(self, *headers: str) -> AbstractAsyncContextManager[Stream]:
        """A stream on which the client says nothing; with these `authorization` headers."""
        return self.saying(None, [("authorization", header) for header in headers])

    @property
    def root_pem(self) -> bytes:
        """What everybody trusts."""
        return self.authority.roots_pem

    def channel(self) -> grpc.aio.Channel:
        """A connection to it."""
        return secure_channel(f"127.0.0.1:{self.port}", self.root_pem, SERVER_NAME)

    def saying(
        self, envoy: FakeEnvoy | None, metadata: Sequence[tuple[str, str]]
    ) -> AbstractAsyncContextManager[Stream]:
        """A stream of an Envoy that sends these headers; of a client that says nothing."""
        address = f"127.0.0.1:{self.port}"
        return connected(address, self.root_pem, SERVER_NAME, metadata, envoy)

    def of(self, pod: str) -> AbstractAsyncContextManager[Stream]:
        """A stream of a pod, as it should be."""
        return self.stream(self.envoy(pod), self.token(pod))


def node_id(namespace: str, pod: str) -> str:
    """The node id that the bootstrap gives a pod's Envoy."""
    return f"sidecar~10.0.0.1~{pod}.{namespace}~{namespace}.svc.cluster.local"


@asynccontextmanager
async def running(clock: FakeClock, *, patience: float = NEWS_SECONDS) -> AsyncIterator[Plane]:
    """A control plane that listens, and has read nothing yet."""
    plane = Plane(clock, patience=patience)
    plane.port = await plane.server.start()
    try:
        yield plane
    finally:
        await plane.server.stop()
