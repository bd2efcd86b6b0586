"""Keeps what is published in step with what is configured: events in, publishes out. Synchronous;
one task owns it.

Everything between is a pure function of values; what this file adds is memory: which parts are
wanted, what they held, and so what an event leaves as it was. `translator.translate` is the same
without the memory: tests compare the two after each step.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crds.core import Pod
from crds.mesh_config import MeshConfig
from crds.meta import Key
from heddle.audience import Audience
from heddle.credential_parts import CredentialParts
from heddle.credentials import CredentialsKey, credentials_key
from heddle.encode import encode
from heddle.gateway_part import GatewayKey, gateway_key
from heddle.gateway_parts import GatewayParts
from heddle.host_cache import HostCache
from heddle.outbound import Outbound
from heddle.stamps import NO_STAMPS, Stamps
from mesh.advance import Dirty, advance
from mesh.inbound import services_by_port
from mesh.localities import ANYWHERE, Place, of_pod
from mesh.mesh import EMPTY_MESH, Mesh
from mesh.place import place_of
from mesh.proxy import Mode, Proxy, is_injected, proxy_from
from mesh.scope import Scope, client_scope
from mesh.store import Change
from mesh.visibility import candidate_hosts
from translator.translate import inbound as inbound_of
from xds.publisher import PartChange, Publisher


@dataclass(frozen=True, slots=True)
class OutboundKey:
    """Clusters (but for those with their endpoints inside), virtual hosts and outbound listeners of
    a scope; `inline`: the virtual hosts are within their route configurations. For gateways only
    the clusters: their routes are their own.
    """

    scope: Scope
    inline: bool = False


@dataclass(frozen=True, slots=True)
class EndpointsKey:
    """Endpoints for clients of a place: load assignments of the clusters of an outbound part, and
    the clusters that have theirs inside.
    """

    outbound: OutboundKey
    place: Place = ANYWHERE


@dataclass(frozen=True, slots=True)
class InboundKey:
    """The inbound side of a workload: all pods of a Deployment share it, those that are about to
    end another one. `address` is set in proxy-port mode only.
    """

    namespace: str
    labels: frozenset[tuple[str, str]]
    mode: Mode
    address: str
    ipv6: bool
    named_ports: tuple[tuple[str, int], ...]
    draining: bool


PARTS_AT_ONCE = 8
"""Parts that are renewed without a pause: some milliseconds, in which no proxy waits."""

PartKey = OutboundKey | EndpointsKey | InboundKey | GatewayKey | CredentialsKey


def inbound_key(proxy: Proxy) -> InboundKey:
    """The workload that a proxy belongs to."""
    return InboundKey(
        namespace=proxy.namespace,
        labels=frozenset(proxy.labels.items()),
        mode=proxy.mode,
        address=proxy.address,
        ipv6=proxy.ipv6,
        named_ports=proxy.named_ports,
        draining=proxy.draining,
    )


@dataclass(frozen=True, slots=True)
class Applied:
    """The generation that has the changes; whether proxies may select other parts than before, and
    which pods changed.
    """

    generation: int
    dirty: Dirty


class Engine:
    """The mesh, and the parts of it that live proxies hold."""

    def __init__(self, publisher: Publisher, stamps: Stamps = NO_STAMPS) -> None:
        """`stamps` say in what is published where objects are written."""
        self.mesh: Mesh = EMPTY_MESH
        self._stamps = stamps
        self._publisher = publisher
        self._hosts = HostCache(stamps)
        self._outbound: dict[OutboundKey, Outbound] = {}
        self._inbound: dict[InboundKey, Proxy] = {}
        self._missing: dict[OutboundKey | EndpointsKey, list[str]] = {}
        """Parts that are not whole yet, and the hosts that they still lack: no stream has them."""
        self._late: dict[OutboundKey, set[str]] = {}
        """Parts that the newest change has not come to yet, and the hosts that it is about."""
        self._newest = Dirty()
        self._idle: set[PartKey] = set()
        self._audience: Audience[OutboundKey] = Audience()
        self.gateways = GatewayParts(publisher, stamps)
        self.credentials = CredentialParts(publisher)

    def apply(self, changes: tuple[Change, ...], config: MeshConfig) -> Applied:
        """Takes changes in, and publishes what they make different in the parts that are held."""
        *_, applied = self.steps(changes, config)
        return applied

    def steps(self, changes: tuple[Change, ...], config: MeshConfig) -> Iterator[Applied]:
        """The same in small steps, between which others may have their turn; all of them must be
        taken. The parts of one stream that refer to each other are published in one step.
        """
        self.mesh, dirty = advance(self.mesh, changes, config)
        self._newest = dirty
        if dirty.everything:
            self._hosts.clear()
        self._hosts.forget(dirty.hosts)
        self._hosts.forget_endpoints(dirty.endpoints)
        self._late = self._concerned(dirty)
        made: dict[Hashable, PartChange] = {
            **self.gateways.update(self.mesh, dirty),
            **self.credentials.update(self.mesh, changes, dirty),
        }
        for scope in [key for key in self._late if key.scope.is_gateway]:
            made |= self._caught_up(scope)
        workloads = [key for key in self._inbound if self._is_inbound_dirty(key, dirty)]
        yield Applied(self._publisher.publish(made), dirty)
        for some in _batches([*self._late, *workloads]):
            made = {}
            for key in some:
                if isinstance(key, OutboundKey):
                    made |= self._caught_up(key)
                elif key in self._inbound:
                    made |= self._update_inbound(key)
            yield Applied(self._publisher.publish(made), dirty)

    def _caught_up(self, key: OutboundKey) -> Mapping[Hashable, PartChange]:
        """The part with all that has changed, if it is there and was late."""
        hosts = self._late.pop(key, None)
        if hosts is None or key not in self._outbound:
            return {}
        reframe = self._newest.everything or self._rescoped(key.scope, self._newest)
        if reframe:
            self._audience.place(self.mesh, key, key.scope)
            hosts |= self._outbound[key].hosts() | candidate_hosts(self.mesh, key.scope)
        return self._update(key, hosts, reframe=reframe)

    def _is_inbound_dirty(self, workload: InboundKey, dirty: Dirty) -> bool:
        return dirty.every_inbound or self._is_dirty(workload.namespace, dirty.inbound, dirty)

    def _concerned(self, dirty: Dirty) -> dict[OutboundKey, set[str]]:
        """The scopes that may differ, each with the hosts to look at again."""
        found: dict[OutboundKey, set[str]] = {
            key: set() for key in self._outbound if self._rescoped(key.scope, dirty)
        }
        for host in dirty.hosts | dirty.endpoints | dirty.seen:
            for key in self._audience.of(self.mesh, host):
                found.setdefault(key, set()).add(host)
        return found

    def _rescoped(self, scope: Scope, dirty: Dirty) -> bool:
        return self._is_dirty(scope.namespace, dirty.sidecars, dirty)

    def _is_dirty(self, namespace: str, namespaces: frozenset[str], dirty: Dirty) -> bool:
        """A Sidecar of the root namespace may be for all."""
        if dirty.everything or self.mesh.config.root_namespace in dirty.sidecars:
            return True
        return namespace in namespaces

    def _update(
        self, key: OutboundKey, hosts: Iterable[str], *, reframe: bool
    ) -> Mapping[Hashable, PartChange]:
        outbound, listed = self._outbound[key], tuple(hosts)
        change, endpoints = outbound.update(self.mesh, self._hosts, listed, reframe=reframe)
        for host in listed:
            self._audience.saw(key, (host,), seen=outbound.sees(host))
        made: dict[Hashable, PartChange] = {key: change}
        return made | {EndpointsKey(key, place): each for place, each in endpoints.items()}

    def _update_inbound(self, key: InboundKey) -> Mapping[Hashable, PartChange]:
        proxy = self._inbound[key]
        leading = services_by_port(self.mesh, proxy)
        made = encode(inbound_of(self.mesh, proxy), replace(self._stamps, services=leading))
        full = {type_url: resources.values() for type_url, resources in made.items()}
        return {key: self._publisher.difference(key, full)}

    def prepare(self, proxy: Proxy, *, inline: bool = False, hosts: int | None = None) -> bool:
        """Makes what nobody held before of the parts that `proxy` holds, up to so many more hosts;
        whether all of it is there now. Many small steps leave time for others between them.
        """
        endpoints = self._endpoints_key(proxy, inline)
        key, place = endpoints.outbound, endpoints.place
        # Its hosts may refer to each other: some of them alone must not be made anew.
        self._publisher.publish(self._caught_up(key))
        if key not in self._outbound:
            self._outbound[key] = Outbound(key.scope, self._stamps, inline=key.inline)
            self._outbound[key].hold(place)
            self._audience.place(self.mesh, key, key.scope)
            self._missing[key] = sorted(candidate_hosts(self.mesh, key.scope), reverse=True)
            self._publisher.publish(self._update(key, (), reframe=True))
        elif place not in self._outbound[key].places:
            self._missing[endpoints] = sorted(self._outbound[key].hold(place), reverse=True)
        return self._filled(key, key, hosts) and self._filled(endpoints, key, hosts)

    def _filled(
        self, part: OutboundKey | EndpointsKey, key: OutboundKey, hosts: int | None
    ) -> bool:
        """Whether a part lacks nothing any longer, after so many more hosts."""
        missing = self._missing.get(part)
        if missing is None:
            return True
        count = len(missing) if hosts is None else hosts
        step = [missing.pop() for _ in range(min(count, len(missing)))]
        self._publisher.publish(self._update(key, step, reframe=False))
        if missing:
            return False
        del self._missing[part]
        return True

    def select(self, proxy: Proxy, *, inline: bool = False) -> tuple[PartKey, ...]:
        """The parts that `proxy` holds; those that nobody held before are made now.

        `inline` is for a client that does not take virtual hosts as resources of their own.
        """
        self.prepare(proxy, inline=inline)
        inbound = inbound_key(proxy)
        if proxy.is_gateway:
            self._publisher.publish(self.gateways.hold(self.mesh, proxy, inline=inline))
        elif inbound not in self._inbound:
            self._inbound[inbound] = proxy
            self._publisher.publish(self._update_inbound(inbound))
        credentials = credentials_key(self.mesh, proxy, inline=inline)
        if credentials is not None:
            self._publisher.publish(self.credentials.hold(self.mesh, credentials, proxy))
        return self.selection(proxy, inline=inline)

    def selection(self, proxy: Proxy, *, inline: bool = False) -> tuple[PartKey, ...]:
        """The parts that `proxy` is to hold, whether they exist or not."""
        endpoints = self._endpoints_key(proxy, inline)
        own = gateway_key(proxy, inline=inline) if proxy.is_gateway else inbound_key(proxy)
        credentials = credentials_key(self.mesh, proxy, inline=inline)
        more = () if credentials is None else (credentials,)
        return (endpoints.outbound, endpoints, own, *more)

    def _endpoints_key(self, proxy: Proxy, inline: bool) -> EndpointsKey:
        scope = client_scope(self.mesh, proxy)
        outbound = OutboundKey(scope, inline and not scope.is_gateway)
        return EndpointsKey(outbound, place_of(self.mesh, proxy))

    def proxy(self, namespace: str, name: str) -> tuple[Pod, Proxy] | None:
        """The injected pod with this name, and its proxy."""
        pod = self.mesh.endpoints.pods.get(Key("", "Pod", namespace, name))
        if pod is None or not is_injected(pod):
            return None
        return pod, self._proxy_of(pod)

    def proxies(self) -> Iterator[Proxy]:
        """The proxies of all injected pods, by namespace and name."""
        for _, pod in sorted(self.mesh.endpoints.pods.items()):
            if is_injected(pod):
                yield self._proxy_of(pod)

    def _proxy_of(self, pod: Pod) -> Proxy:
        return proxy_from(pod, of_pod(pod, self.mesh.endpoints.nodes))

    def held(self) -> tuple[tuple[OutboundKey, ...], Mapping[InboundKey, Proxy]]:
        """The parts that are kept, the inbound ones with a proxy of the workload."""
        whole = tuple(key for key in self._outbound if key not in self._missing)
        return whole, dict(self._inbound)

    def held_endpoints(self) -> tuple[EndpointsKey, ...]:
        """The endpoints that are kept."""
        return tuple(each for each in self._endpoints() if each not in self._missing)

    def _endpoints(self) -> Iterator[EndpointsKey]:
        for key, outbound in self._outbound.items():
            if key not in self._missing:
                yield from (EndpointsKey(key, place) for place in outbound.places)

    def collect(self) -> None:
        """Lets go of parts that no stream has had since the last call but one."""
        unused = {key for key in self._keys() if self._publisher.interest(key) == 0}
        for key in unused & self._idle:
            self._drop(key)
        self._idle = {key for key in self._keys() if self._publisher.interest(key) == 0}

    def _keys(self) -> set[PartKey]:
        certificates, gateways = self.credentials.held(), self.gateways.held()
        return {*self._outbound, *self._inbound, *self._endpoints(), *gateways, *certificates}

    def _drop(self, key: PartKey) -> None:
        match key:
            case OutboundKey():
                outbound = self._outbound.pop(key, None)
                if outbound is not None:
                    self._audience.forget(key, outbound.hosts())
                for place in outbound.places if outbound else ():
                    self._drop(EndpointsKey(key, place))
                self._missing.pop(key, None)
                self._publisher.drop(key)
            case InboundKey():
                self._inbound.pop(key, None)
                self._publisher.drop(key)
            case GatewayKey():
                self.gateways.drop(key)
            case CredentialsKey():
                self.credentials.drop(key)
            case EndpointsKey():
                if key.outbound in self._outbound:
                    self._outbound[key.outbound].release(key.place)
                self._missing.pop(key, None)
                self._publisher.drop(key)


def _batches(
    keys: Sequence[OutboundKey | InboundKey],
) -> Iterator[Sequence[OutboundKey | InboundKey]]:
    for first in range(0, len(keys), PARTS_AT_ONCE):
        yield keys[first : first + PARTS_AT_ONCE]
