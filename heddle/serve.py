"""`heddle serve`: the control plane alone, of a folder or a cluster, for Envoys that others run."""

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from ca.reports import replica_name
from ca.serving import Address
from ca.workload import LIFETIME
from heddle.authentication import Tokens, authenticator
from heddle.authority_metrics import AuthorityMetrics
from heddle.authority_secret import ClusterPlace
from heddle.ca_bundle import CaBundles
from heddle.certificate_files import CertificateFiles
from heddle.cluster_feed import KubernetesSource, cluster_feed
from heddle.control_plane import ControlPlane
from heddle.debug.run_file import source_of
from heddle.failures import cause
from heddle.feed import Feed, Work, folder_feed
from heddle.garbage import keep_thorough, short_collections
from heddle.host_port import host_and_port
from heddle.injection import inject_settings
from heddle.inspectors import Inspectors
from heddle.lag import lag_histogram, timed_loop
from heddle.leading import UNREAD, Replica
from heddle.local.addresses import Subnets
from heddle.local_cluster import LocalCluster
from heddle.mesh_authority import Kept, MeshAuthority, kept_in, kept_in_cluster
from heddle.metrics_served import metrics_served
from heddle.questions.asked import asked
from xds.auth import Authenticator
from xds.metrics import Metrics
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.status import Clients

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """The options of `heddle serve`; addresses are `host:port`."""

    source: Path | KubernetesSource
    tokens: Tokens
    token_audience: str
    listen: str
    server_name: str
    root_out: Path | None = None
    ca_folder: Path | None = None
    """Where the certificate authority is kept; all replicas share it. In a cluster it is a Secret,
    unless there is a folder."""
    pod: str = ""
    """In a cluster: the name of our own pod, if we run in one."""
    certificate_ttl: timedelta = LIFETIME
    """How long workloads' certificates live."""
    metrics: str | None = None
    debug: str | None = None
    """Where people and tools look at us and our proxies. If that is where the metrics are, these
    are there too."""
    debug_neighbours: bool = False
    """Whoever connects from this very pod may see how far its proxies are."""
    debug_remote: bool = False
    """Who connects from elsewhere and has a token is let in, too."""
    probes: str | None = None
    """Where a kubelet asks whether we are ready, and alive."""
    inline_routes: bool = False
    inspectors: Sequence[str] = ()
    """`namespace/service-account` of those whose pods may see all clients' status."""
    revision: str = "default"
    webhook: str | None = None
    """Where the API server asks about pods and objects."""
    webhook_certificate: Path | None = None
    """A folder with `tls.crt` and `tls.key` for it; by default the mesh's authority signs one."""

    @property
    def shares_a_port(self) -> bool:
        """Whether metrics are where we are looked at. Twice port 0 is two ports."""
        if self.metrics is None or self.metrics != self.debug:
            return False
        return host_and_port(self.metrics)[1] != 0


def serve(settings: ServeSettings) -> None:
    """Serves until SIGINT or SIGTERM, then lets the streams go elsewhere.

    Raises `ValueError` for settings that cannot be right, `AuthorityError` for an authority that is
    of no use, `SourceError` for a folder that cannot be read at all or if there is no API server,
    `OSError` if something cannot be opened.
    """
    registry = CollectorRegistry()
    lag = lag_histogram(registry)
    with (
        short_collections(),
        asyncio.Runner(loop_factory=lambda: timed_loop(lag.observe)) as runner,
    ):
        runner.run(_serve(settings, registry))


async def _serve(settings: ServeSettings, registry: CollectorRegistry) -> None:
    clock = time.time  # noqa: TID251 - the composition root hands the clock in
    async with (
        authenticator(settings.tokens, settings.token_audience, clock) as authenticate,
        _feed(settings, registry) as feed,
    ):
        await _serve_pods(settings, registry, authenticate, feed)


@contextlib.asynccontextmanager
async def _feed(settings: ServeSettings, registry: CollectorRegistry) -> AsyncIterator[Feed]:
    if isinstance(settings.source, KubernetesSource):
        async with cluster_feed(settings.source, registry) as feed:
            yield feed
        return
    host, port = host_and_port(settings.listen)
    injection = inject_settings(host=host, port=port, server_name=settings.server_name)
    yield folder_feed(settings.source, LocalCluster(injection, Subnets()))


async def _serve_pods(
    settings: ServeSettings, registry: CollectorRegistry, authenticate: Authenticator, feed: Feed
) -> None:
    host, _ = host_and_port(settings.listen)
    publisher = Publisher()
    replica = _replica(settings, feed, registry)
    authority = MeshAuthority(
        publisher,
        await _kept(settings, feed),
        time.time,  # noqa: TID251 - the composition root hands the clock in
        names=(settings.server_name,),
        addresses=_address(host),
        certificate_ttl=settings.certificate_ttl,
        metrics=AuthorityMetrics(registry),
    )
    plane = ControlPlane(
        publisher, authority.secrets, inline_routes=settings.inline_routes, config=feed.config
    )
    clients = Clients()
    others = asked(
        plane,
        clients,
        authenticate,
        # Where users may ask over HTTP, too.
        None if settings.debug is None or feed.api is None else feed.api.create,
        replica=settings.pod or socket.gethostname(),
        steady=time.monotonic,
        wall=time.time,  # noqa: TID251 - the composition root hands the clock in
    )
    server = Server(
        plane.publisher,
        authenticate=others.authenticate,
        resolve=plane.resolver,
        may_inspect=Inspectors(settings.inspectors),
        wall=time.time,  # noqa: TID251 - the composition root hands the clock in
        settings=server_settings(settings.listen),
        certificate=authority.certificates.current,
        metrics=Metrics(registry),
        clients=clients,
        services=(authority.requests(plane.pods).service,),
        answers=others.answers,
    )
    if settings.root_out is not None:
        await _keep_roots(settings.root_out, authority)
    works = feed.works
    if replica is not None:
        works = (
            *works,
            *replica.works(plane, server.clients, _led(settings, feed, plane, authority)),
            *_bundles(settings, feed, authority),
        )
    with metrics_served(settings.metrics, registry, elsewhere=settings.shares_a_port):
        async with (
            _webhook(settings, plane, authority, registry),
            _probes(settings.probes, lambda: plane.pods.synced),
            _debug(settings, feed, plane, server, registry),
        ):
            bound = await _listening(server, settings.listen)
            log.info("serving", address=settings.listen, port=bound, source=feed.name)
            try:
                await _work(feed, works, plane, authority, server)
            except ExceptionGroup as failed:
                raise cause(failed) from None
            finally:
                await server.stop()


@contextlib.asynccontextmanager
async def _webhook(
    settings: ServeSettings,
    plane: ControlPlane,
    authority: MeshAuthority,
    registry: CollectorRegistry,
) -> AsyncIterator[None]:
    """Answers the API server, if there is an address for it."""
    if settings.webhook is None:
        yield
        return
    # Here, and not above: it takes a while to import, which nobody else is to wait for.
    from heddle.admission import Admission, admitting

    host, port = host_and_port(settings.webhook)
    _, xds_port = host_and_port(settings.listen)
    base = inject_settings(
        host=settings.server_name, port=xds_port, server_name=settings.server_name
    )
    base = replace(base, revision=settings.revision, token_audience=settings.token_audience)
    folder = settings.webhook_certificate
    current = CertificateFiles(folder).current if folder else authority.certificates.current
    in_cluster = isinstance(settings.source, KubernetesSource)
    admission = Admission(plane, base, unknown=UNREAD if in_cluster else ())
    async with admitting(
        admission, host=host, port=port, current=current, registry=registry
    ) as bound:
        log.info("answering the API server", address=settings.webhook, port=bound)
        yield


def _replica(settings: ServeSettings, feed: Feed, registry: CollectorRegistry) -> Replica | None:
    """Which of the replicas of a cluster's control plane we are; a folder has no such thing."""
    if feed.api is None or not isinstance(settings.source, KubernetesSource):
        return None
    source = settings.source
    return Replica(
        feed.api,
        registry,
        namespace=source.namespace,
        revision=source.revision,
        name=replica_name(socket.gethostname(), os.getpid()),
    )


async def _kept(settings: ServeSettings, feed: Feed) -> Kept:
    """The authority: that of the cluster, unless a folder is given."""
    source = settings.source
    if feed.api is None or not isinstance(source, KubernetesSource) or settings.ca_folder:
        return kept_in(settings.ca_folder, utc_now())
    where = ClusterPlace(namespace=source.namespace, pod=settings.pod)
    return await kept_in_cluster(feed.api, where, utc_now)


def _led(
    settings: ServeSettings, feed: Feed, plane: ControlPlane, authority: MeshAuthority
) -> Sequence[Work]:
    """What else only one replica does: what the authority needs in a cluster."""
    if feed.api is None or not isinstance(settings.source, KubernetesSource):
        return ()
    return authority.leading(feed.api, settings.source.namespace, plane)


def _bundles(settings: ServeSettings, feed: Feed, authority: MeshAuthority) -> Sequence[Work]:
    """What keeps the webhooks' `caBundle`, if what they show is ours. Each replica does, for the
    webhooks of its revision: the one that leads may be of another, and they all write the same.
    """
    if feed.api is None or settings.webhook is None or settings.webhook_certificate is not None:
        return ()
    bundles = CaBundles(feed.api, revision=settings.revision, roots=lambda: authority.roots_pem)
    authority.trust.follow(bundles.roots_changed)
    return (bundles.keep,)


async def _work(
    feed: Feed,
    works: Sequence[Work],
    plane: ControlPlane,
    authority: MeshAuthority,
    server: Server,
) -> None:
    """All that goes on while we serve, until we are told to end."""
    async with asyncio.TaskGroup() as group:
        going = (
            plane.follow(feed.batches, server),
            *(work() for work in works),
            plane.collect(),
            *authority.work(plane, server.clients),
            keep_thorough(),
        )
        tasks = [group.create_task(work) for work in going]
        await _signalled()
        for task in tasks:
            task.cancel()


def _probes(
    address: str | None, ready: Callable[[], bool]
) -> contextlib.AbstractAsyncContextManager[object]:
    if address is None:
        return contextlib.nullcontext()
    # Here, and not above: it takes a while to import, which nobody else is to wait for.
    from heddle.probes import probes

    return probes(*host_and_port(address), ready)


async def _keep_roots(path: Path, authority: MeshAuthority) -> None:
    """Writes the roots that proxies must trust, now and whenever they change."""

    async def write() -> None:
        # A rename: who watches the file never reads half of it.
        new = path.with_name(f".{path.name}.new")
        await asyncio.to_thread(new.write_bytes, authority.roots_pem)
        await asyncio.to_thread(new.replace, path)

    await write()
    authority.trust.follow(write)


@contextlib.asynccontextmanager
async def _debug(
    settings: ServeSettings,
    feed: Feed,
    plane: ControlPlane,
    server: Server,
    registry: CollectorRegistry,
) -> AsyncIterator[None]:
    """Shows what there is to see, if there is an address for it."""
    if settings.debug is None:
        yield
        return
    # Here, and not above: it takes a while to import, which nobody else is to wait for.
    from heddle.debug.serving import DebugSettings, debugging
    from heddle.every_page import every_page
    from heddle.proxies.ways import through_api_server

    host, port = host_and_port(settings.debug)
    named = _source_name(settings)
    shown = DebugSettings(
        listener=socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ),
        host=host,
        # In a pod there is no user of this machine who could come with a token of its own.
        source=None if settings.pod else named,
        review=None if feed.api is None else feed.api.create,
        neighbours=settings.debug_neighbours,
        remote=settings.debug_remote,
        to_admin=None if feed.pods is None else through_api_server(feed.pods),
        metrics=registry if settings.shares_a_port else None,
    )
    replica = "" if feed.api is None else settings.pod or socket.gethostname()
    page = every_page(plane, server.clients, named, shown.to_admin, replica)
    async with debugging(shown, plane, server.clients, page):
        yield


def _source_name(settings: ServeSettings) -> str:
    """What we serve, as a command names it."""
    source = settings.source
    return source_of(source) if isinstance(source, Path) else f"revision {source.revision}"


async def _listening(server: Server, address: str) -> int:
    try:
        return await server.start()
    except RuntimeError as error:  # all that gRPC says
        reason = "it is no address of this machine, or another program listens there"
        raise OSError(f"cannot listen on {address}: {reason}") from error


def server_settings(address: str) -> ServerSettings:
    """How we serve pods: one identity is one pod, and an Envoy needs one stream."""
    # gRPC wants a host; of this one it makes all addresses, of IPv4 too.
    named = f"[::]{address}" if address.startswith(":") else address
    return ServerSettings(address=named, max_streams_per_identity=8)


def utc_now() -> datetime:
    """The wall clock, for who is handed one."""
    return datetime.now(UTC)  # noqa: TID251 - the composition root hands the clock in


def _address(host: str) -> Sequence[Address]:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return ()
    return () if found.is_unspecified else (found,)


async def _signalled() -> None:
    """Waits for SIGINT or SIGTERM."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, arrived.set)
    try:
        await arrived.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
