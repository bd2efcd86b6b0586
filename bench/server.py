"""The server's process: a mesh, the engine, and the real xDS server on a loopback port."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from multiprocessing.connection import Connection

from envoy.config.core.v3 import base_pb2

from bench import memory, shapes
from bench.loop import Turns
from bench.messages import Applied, Apply, Prepare, Settle, Start, Started, Usage
from bench.shapes import Shape
from bench.worker import obey
from ca.authority import new_root, pem
from ca.issuer import LocalIssuer
from ca.rotation import Rotation
from ca.serving import serving_certificate
from ca.tokens import TokenVerifier
from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key
from heddle.engine import Engine
from heddle.garbage import short_collections
from heddle.identity import HOSTS_AT_ONCE, PodResolver, TokenAuthenticator
from heddle.injection import AUDIENCE
from heddle.pods import Pods
from heddle.trust import Trust
from heddle.workload_secrets import WorkloadSecrets
from mesh.store import Store
from xds.auth import Authenticator, Identity, Selection, accept_anybody
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.tls import Certificate
from xds.types import PUSH_ORDER

LOOPBACK = "127.0.0.1"
_QUIET_SECONDS = 0.1
_TOKEN_SECONDS = 3600.0


async def server(connection: Connection, turns: Turns) -> None:
    """The body of the worker."""
    handler = MeshServer(turns)
    with short_collections():
        try:
            await obey(connection, handler.handle)
        finally:
            await handler.stop()


class MeshServer:
    """Obeys the commands to the server."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._store = Store()
        self._publisher = Publisher()
        self._engine = Engine(self._publisher, shapes.STAMPS)
        self._server: Server | None = None
        self._shape = Shape(services=0, endpoints=0)
        self._inline = False
        self._edit: Mapping[Key, Object] = {}
        self._cpu = 0.0

    async def handle(self, command: object) -> object:
        match command:
            case Start():
                return await self._start(command)
            case Prepare():
                return self._prepare(command)
            case Apply():
                return await self._apply()
            case Settle():
                return await self._settle(command)
            case _:
                raise TypeError(f"the server knows no {command!r}")

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    async def _start(self, command: Start) -> Started:
        self._shape, self._inline = command.shape, command.inline
        for _ in self._put(shapes.objects(command.shape)):
            await asyncio.sleep(0)
        parts = self._engine.select(shapes.client(shapes.namespace()), inline=self._inline)
        root = new_root(_now(), "bench")
        issuer = LocalIssuer() if command.identified else None
        secrets = WorkloadSecrets(self._publisher, Trust(Rotation(current=root)), _now)
        pods = Pods(self._engine)
        pods.synced = True
        made = serving_certificate(root, _now(), addresses=[ip_address(LOOPBACK)])
        certificate = Certificate(chain=made.chain_pem, key=made.key.reveal())
        self._server = Server(
            self._publisher,
            authenticate=_authenticator(issuer) if issuer else accept_anybody,
            resolve=PodResolver(self._engine, pods, secrets, inline_routes=self._inline)
            if issuer
            else self._resolve,
            wall=time.time,
            settings=ServerSettings(address=f"{LOOPBACK}:0", plaintext=not command.tls),
            certificate=(lambda: certificate) if command.tls else None,
        )
        return Started(
            port=await self._server.start(),
            root_pem=pem((root.root,)),
            resources={
                kind: sum(len(self._publisher.resources(part, kind)) for part in parts)
                for kind in PUSH_ORDER
            },
            tokens=tuple(_tokens(issuer, command.shape.pods)) if issuer else (),
        )

    async def _resolve(self, node: base_pb2.Node, identity: Identity) -> Selection:
        del identity
        home = node.metadata.fields["NAMESPACE"].string_value
        proxy = shapes.client(home)
        done = False
        while not done:
            done = self._engine.prepare(proxy, inline=self._inline, hosts=HOSTS_AT_ONCE)
            await asyncio.sleep(0)  # others' turn
        return Selection(parts=self._engine.select(proxy, inline=self._inline))

    def _prepare(self, command: Prepare) -> Usage:
        self._edit = shapes.edit(self._shape, command.kind, command.number) if command.kind else {}
        memory.reset_peak()
        self._turns.clear()
        self._cpu = time.process_time()
        return self._usage()

    async def _apply(self) -> Applied:
        began = time.monotonic_ns()
        for _ in self._put(self._edit):
            await asyncio.sleep(0)
        return Applied(began=began, took=(time.monotonic_ns() - began) / 1e9)

    def _put(self, objects: Mapping[Key, Object]) -> Iterator[object]:
        for key, each in objects.items():
            self._store.put(key, each)
        return self._engine.steps(self._store.take(), DEFAULT_MESH_CONFIG)

    async def _settle(self, command: Settle) -> Usage:
        """Nothing is asked of the streams before they are quiet: to ask a thousand costs CPU."""
        if self._server is None:
            raise RuntimeError("the server is not started")
        clients = self._server.clients
        revision = -1
        while revision != clients.revision or len(clients) != command.clients:
            revision = clients.revision
            await asyncio.sleep(_QUIET_SECONDS)
        if command.trim:
            memory.trim()
        usage = self._usage()
        newest = self._publisher.generation
        behind = sum(client.acknowledged < newest for client in clients.snapshot())
        if behind:
            raise RuntimeError(f"{behind} clients have not acknowledged the newest generation")
        return usage

    def _usage(self) -> Usage:
        return Usage(
            cpu=time.process_time() - self._cpu,
            rss=memory.resident(),
            peak=memory.peak(),
            lag=self._turns.longest,
            turns=tuple(self._turns.counts),
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _authenticator(issuer: LocalIssuer) -> Authenticator:
    verifier = TokenVerifier(
        issuer.jwks(), issuer=issuer.issuer, audience=AUDIENCE, clock=time.time
    )
    return TokenAuthenticator(verifier)


def _tokens(issuer: LocalIssuer, pods: int) -> Iterator[str]:
    for number in range(1, pods + 1):
        token = issuer.issue(
            namespace=shapes.namespace(),
            service_account=shapes.ACCOUNT,
            pod=shapes.pod_name(number),
            uid=shapes.pod_uid(number),
            node=shapes.NODE,
            audience=AUDIENCE,
            now=time.time(),
            ttl=_TOKEN_SECONDS,
        )
        yield token.reveal().decode()
