"""What the egress listeners of a Sidecar import: `namespace/dnsName` patterns, by port.

Istio asks three things of them: whether a service is imported, at which of its ports, and whether a
VirtualService is.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from crds.fields import EMPTY
from crds.names import UNIX
from crds.sidecar import CaptureMode, IstioEgressListener, Sidecar, canonical
from mesh import hosts
from mesh.binds import LOOPBACK, Bind, can_open
from mesh.proxy import Mode
from mesh.services import Protocol, Service, protocol

OWN = "."
ANY = "*"
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})
_EVERYTHING = IstioEgressListener(hosts=("*/*",))
"""What a Sidecar without `egress` imports."""
_PROXY = "HTTP_PROXY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Hosts and wildcards by namespace (a name, `.` or `*`)."""

    names: Mapping[str, frozenset[str]] = EMPTY
    wildcards: Mapping[str, frozenset[str]] = EMPTY

    def cover(self, namespace: str, host: str, own: str) -> bool:
        """Whether `host`, of an object of `namespace`, is one of them for clients of `own`."""
        return any(
            host in self.names.get(each, ())
            or any(hosts.matches(wild, host) for wild in self.wildcards.get(each, ()))
            for each in _spellings(namespace, own)
        )

    def meet(self, namespace: str, host: str, own: str) -> bool:
        """The same, but a wildcard as `host` also meets the names that it covers."""
        if self.cover(namespace, host, own):
            return True
        return hosts.is_wildcard(host) and any(
            hosts.matches(host, known)
            for each in _spellings(namespace, own)
            for known in (*self.names.get(each, ()), *self.wildcards.get(each, ()))
        )


def _spellings(namespace: str, own: str) -> tuple[str, ...]:
    return (namespace, OWN, ANY) if namespace == own else (namespace, ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressListener:
    """One listener. `port` 0: a Unix domain socket (`address`), or the one for all other ports.
    `captured`: redirected traffic is meant, if the proxy gets any.
    """

    port: int = 0
    protocol: Protocol = Protocol.UNSPECIFIED
    address: str = ""
    captured: bool = True
    is_proxy: bool = False
    imported: Patterns
    excluded: Patterns = Patterns()

    @property
    def is_catch_all(self) -> bool:
        """Whether it is for all ports that no other names."""
        return not self.port and not self.address

    def is_called(self, mode: Mode) -> bool:
        """Whether the applications of a proxy call it themselves."""
        if not self.captured or self.is_proxy or self.address.startswith(UNIX):
            return True
        return mode is Mode.NONE and bool(self.address)

    def is_bound(self, mode: Mode) -> bool:
        """Whether only what goes to an address of its own is meant: requests at any address are
        those of all that is redirected.
        """
        anywhere = not self.address or (self.address in ANY_ADDRESS and self.protocol.is_http)
        return self.is_called(mode) or not anywhere

    def bind(self, mode: Mode) -> Bind | None:
        """That address; nothing if it has none, or cannot have it."""
        address, opens = self.address or LOOPBACK, self.is_called(mode)
        if not self.is_bound(mode) or (opens and not can_open(address, self.port, mode)):
            return None
        is_socket = address.startswith(UNIX)
        return Bind(
            address=address,
            port=self.port,
            protocol=self.protocol,
            opens=opens,
            merges=self.is_proxy or (is_socket and self.protocol.is_http),
        )

    def includes(self, service: Service, own: str) -> bool:
        """Whether it imports the service for clients of `own`."""
        if self.excluded.cover(service.namespace, service.host, own):
            return False
        return self.imported.cover(service.namespace, service.host, own)

    def includes_routes(self, namespace: str, routed: Iterable[str], own: str) -> bool:
        """Whether a VirtualService of `namespace` for these hosts is imported: one host is enough
        (S-6).
        """
        return any(
            not self.excluded.cover(namespace, host, own)
            and self.imported.meet(namespace, host, own)
            for host in routed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """The listeners of one Sidecar. `namespaces` are those that it can import anything from, `.`
    for the client's own; `*` for all. `proxy` is the host that unknown traffic goes to, if there is
    one.
    """

    listeners: tuple[EgressListener, ...]
    namespaces: frozenset[str]
    proxy: str = ""

    def at(self, port: int, mode: Mode) -> EgressListener | None:
        """The listener that decides which hosts can be called at a port of their own addresses."""
        found = (each for each in self.listeners if each.port == port)
        named = next((each for each in found if not each.is_bound(mode)), None)
        return named or next((each for each in self.listeners if each.is_catch_all), None)

    def bound(self, mode: Mode) -> Iterator[tuple[EgressListener, Bind]]:
        """The listeners that have an address of their own."""
        for each in self.listeners:
            bind = each.bind(mode)
            if bind is not None:
                yield each, bind

    def excludes(self, service: Service, own: str) -> bool:
        """Whether the service must not even be reached by a route that is imported."""
        return any(
            each.excluded.cover(service.namespace, service.host, own) for each in self.listeners
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """At which ports of a host its clients call it, and which they call at addresses that the
    Sidecar names.
    """

    ports: frozenset[int] = frozenset()
    binds: frozenset[tuple[int, Bind]] = frozenset()

    @property
    def numbers(self) -> frozenset[int]:
        """The ports that are called in any way."""
        return self.ports | {number for number, _ in self.binds}


NOWHERE = Exposure()
"""Of a host that is only routed to."""


def exposure(imported: Imports, service: Service, own: str, mode: Mode) -> Exposure:
    """How a service is imported for clients of `own`; `NOWHERE` if it is not."""
    called: list[int] = []
    for port in service.ports:
        listener = imported.at(port.number, mode)
        if listener is not None and listener.includes(service, own):
            called.append(port.number)
    bound = (
        (number, bind)
        for listener, bind in imported.bound(mode)
        if listener.includes(service, own)
        for number in bind.leads_to(service)
    )
    return Exposure(ports=frozenset(called), binds=frozenset(bound))


def routed_exposure(
    imported: Imports, namespace: str, routed: Collection[str], own: str, port: int, mode: Mode
) -> Exposure:
    """The same of a name that only a VirtualService of `namespace` has, at one port."""
    listener = imported.at(port, mode)
    called = listener is not None and listener.includes_routes(namespace, routed, own)
    bound = (
        (port, bind)
        for listener, bind in imported.bound(mode)
        if bind.protocol.is_http and (bind.merges or bind.port == port)
        if listener.includes_routes(namespace, routed, own)
    )
    return Exposure(ports=frozenset({port} if called else ()), binds=frozenset(bound))


def imports(sidecar: Sidecar) -> Imports:
    """What a Sidecar imports; without `egress` everything."""
    listeners = tuple(_listener(each) for each in sidecar.egress or (_EVERYTHING,))
    named = {
        name for each in listeners for name in (*each.imported.names, *each.imported.wildcards)
    }
    proxy = _proxy(sidecar)
    return Imports(
        listeners=listeners, namespaces=frozenset(named | {ANY} if proxy else named), proxy=proxy
    )


def _proxy(sidecar: Sidecar) -> str:
    policy = sidecar.outbound_traffic_policy
    if policy is None or policy.egress_proxy is None:
        return ""
    return hosts.resolve(policy.egress_proxy.host, sidecar.meta.namespace)


def _listener(listener: IstioEgressListener) -> EgressListener:
    pairs = [tuple(host.split("/", 1)) for host in listener.hosts]
    imported = _patterns((ns, host) for ns, host in pairs if not ns.startswith("~"))
    excluded = _patterns((ns[1:], host) for ns, host in pairs if ns.startswith("~") and ns != "~")
    if listener.port is None:
        return EgressListener(imported=imported, excluded=excluded)
    text = listener.port.protocol
    return EgressListener(
        port=listener.port.number,
        protocol=Protocol.HTTP if text.upper() == _PROXY else protocol(text, ""),
        address=canonical(listener.bind),
        captured=listener.capture_mode is not CaptureMode.NONE,
        is_proxy=text.upper() == _PROXY,
        imported=imported,
        excluded=excluded,
    )


def _patterns(pairs: Iterable[tuple[str, ...]]) -> Patterns:
    names: dict[str, set[str]] = {}
    wildcards: dict[str, set[str]] = {}
    for namespace, host in pairs:
        found = wildcards if hosts.is_wildcard(host) else names
        found.setdefault(namespace, set()).add(host.lower())
    return Patterns(names=_frozen(names), wildcards=_frozen(wildcards))


def _frozen(groups: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    return {namespace: frozenset(found) for namespace, found in groups.items()}
