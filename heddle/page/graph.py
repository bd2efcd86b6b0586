"""*Graph*: the services, who may call them, and what their requests are shared out to. All of it
follows from the configuration; no traffic is counted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds.meta import Key, Label
from crds.peer_authentication import Mode
from heddle.page.who import Caller, May, may
from mesh.host_view import HostView, selection, view
from mesh.l4_routing import L4Rule
from mesh.mesh import Mesh
from mesh.protection import protection_of
from mesh.proxy import Mode as ProxyMode
from mesh.proxy import Proxy
from mesh.routing import HttpRule, Missing, Target
from mesh.scope import Scope, client_scope
from mesh.services import Service

MOST_SERVICES, MOST_WORKLOADS = 40, 60
"""More are not drawn: a filter picks those that are."""

_APP = (Label.CANONICAL_NAME, "app.kubernetes.io/name", "app", "k8s-app")
_VERSION = (Label.CANONICAL_REVISION, "app.kubernetes.io/version", "version")
"""Labels that name a workload, in Istio's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Pods of one application in one version. `mutual_tls` is the mode that it asks callers for."""

    namespace: str
    app: str
    version: str
    is_gateway: bool
    mutual_tls: str
    pods: int

    @property
    def name(self) -> str:
        """For people."""
        version = f" {self.version}" if self.version else ""
        return f"{self.namespace}/{self.app}{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one workload may do with one service, and the policy that has the say."""

    caller: str
    service: str
    may: May
    policy: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the requests to a service, in percent, that goes `to` a workload, or to another
    service, or nowhere (`missing` says why). `when` is the rule, if it is for some requests only.
    """

    service: str
    to: str
    percent: float
    subset: str = ""
    when: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """All of it. `cut`: there is more than is drawn."""

    workloads: Sequence[Workload]
    services: Sequence[str]
    calls: Mapping[tuple[str, str], Call]
    shares: Sequence[Share]
    wanted: str = ""
    cut: bool = False

    @property
    def summary(self) -> str:
        """One sentence."""
        kept = sum(each.may is not May.YES for each in self.calls.values())
        limits = "everybody may call everything"
        if kept:
            limits = f"{kept} of {len(self.calls)} pairs {'is' if kept == 1 else 'are'} restricted"
        return f"{len(self.services)} services, {len(self.workloads)} workloads: {limits}."


def graph_view(
    mesh: Mesh, proxies: Iterable[Proxy], *, namespace: str = "", wanted: str = ""
) -> GraphView:
    """The services of a namespace, or of all, with `wanted` in their host, and all that may call
    them.
    """
    named = _grouped(mesh, proxies)
    text = wanted.strip().lower()
    hosts = sorted(host for host in mesh.services.hosts if text in host)
    found = [service for host in hosts for service in mesh.services.at(host)[:1]]
    every = [each for each in found if namespace in ("", each.namespace)]
    services, drawn = every[:MOST_SERVICES], dict(list(named.items())[:MOST_WORKLOADS])
    look = _Look(mesh, drawn)
    return GraphView(
        workloads=tuple(drawn),
        services=tuple(each.host for each in services),
        calls={
            (caller.name, service.host): look.call(caller, service)
            for caller in drawn
            for service in services
        },
        shares=tuple(share for each in services for share in look.shares(each)),
        wanted=wanted,
        cut=len(every) > len(services) or len(named) > len(drawn),
    )


def _grouped(mesh: Mesh, proxies: Iterable[Proxy]) -> Mapping[Workload, Proxy]:
    """The workloads by name, each with one of its proxies."""
    groups: dict[tuple[str, str, str], list[Proxy]] = {}
    for proxy in proxies:
        app = _label(proxy, _APP) or proxy.service_account or proxy.name
        groups.setdefault((proxy.namespace, app, _label(proxy, _VERSION)), []).append(proxy)
    return {
        Workload(
            namespace=namespace,
            app=app,
            version=version,
            is_gateway=members[0].is_gateway,
            mutual_tls=protection_of(mesh, members[0]).modes.default.value,
            pods=len(members),
        ): members[0]
        for (namespace, app, version), members in sorted(groups.items())
    }


def _label(proxy: Proxy, names: Sequence[str]) -> str:
    return next((proxy.labels[name] for name in names if proxy.labels.get(name)), "")


class _Look:
    """One look at a mesh. Many callers share a scope: what that sees of a host is found once."""

    def __init__(self, mesh: Mesh, workloads: Mapping[Workload, Proxy]) -> None:
        self._mesh = mesh
        self._workloads = workloads
        self._views: dict[tuple[Scope, str], HostView | None] = {}

    def call(self, caller: Workload, service: Service) -> Call:
        """What a workload may do with a service: the strictest that holds at one of its pods."""
        mesh, proxy = self._mesh, self._workloads[caller]
        known = self._view(client_scope(mesh, proxy), service.host)
        answers: list[tuple[May, Key | None]] = []
        if known is None or not any(port.called for port in known.ports):
            answers.append((May.HIDDEN, None))
        for one in self._behind(service):
            guard = protection_of(mesh, self._workloads[one])
            who = Caller(
                namespace=proxy.namespace,
                service_account=proxy.service_account or "default",
                domains=guard.aliases,
                proven=guard.modes.default is not Mode.DISABLE,
            )
            answers.append(may(guard.policies, who))
        found, policy = min(answers, key=lambda answer: _STRICT.index(answer[0]), default=_FREE)
        return Call(caller=caller.name, service=service.host, may=found, policy=policy)

    def shares(self, service: Service) -> Iterator[Share]:
        """Where the requests to a service go, for callers of its own namespace."""
        mode = next((each.mode for each in self._workloads.values()), ProxyMode.REDIRECT)
        scope = Scope(service.namespace, mode)
        seen = self._view(scope, service.host)
        rules: list[HttpRule | L4Rule] = []
        for port in seen.ports if seen else ():
            rules += (*port.rules, *port.l4)
        if not rules:
            yield from self._whole(scope, service, service.host, "", 100.0, "")
        for number, rule in enumerate(rules, 1):
            yield from self._targets(scope, service, rule.targets, _when(rule, number))

    def _targets(
        self, scope: Scope, service: Service, targets: Sequence[Target | Missing], when: str
    ) -> Iterator[Share]:
        total = sum(each.weight for each in targets)
        for each in targets:
            percent = 100.0 * each.weight / total if total else 100.0 / len(targets)
            if isinstance(each, Missing):
                yield Share(
                    service=service.host,
                    to=each.destination,
                    percent=percent,
                    when=when,
                    missing=each.reason,
                )
            else:
                yield from self._whole(scope, service, each.host, each.subset, percent, when)

    def _whole(
        self, scope: Scope, service: Service, host: str, subset: str, percent: float, when: str
    ) -> Iterator[Share]:
        """A part of the requests, to the workloads that answer it, or to another service."""
        target = service
        if host != service.host:
            target = next(iter(self._mesh.services.at(host)), service)
        labels = self._labels(scope, host, subset)
        behind = [
            each
            for each in self._behind(target)
            if labels.items() <= self._workloads[each].labels.items()
        ]
        for name in [each.name for each in behind] or [host]:
            yield Share(service=service.host, to=name, percent=percent, subset=subset, when=when)

    def _labels(self, scope: Scope, host: str, subset: str) -> Mapping[str, str]:
        seen = self._view(scope, host) if subset else None
        refs = (each.ref for port in (seen.ports if seen else ()) for each in port.subsets)
        return next((ref.labels for ref in refs if ref.name == subset), {})

    def _behind(self, service: Service) -> Iterator[Workload]:
        """The workloads that answer for a service."""
        for workload, proxy in self._workloads.items():
            selecting = self._mesh.services.selecting(proxy.namespace, proxy.labels)
            if any(each.key == service.key for each in selecting):
                yield workload

    def _view(self, scope: Scope, host: str) -> HostView | None:
        key = scope, host
        if key not in self._views:
            chosen = selection(self._mesh, scope, host)
            self._views[key] = view(self._mesh, scope, chosen) if chosen is not None else None
        return self._views[key]


_STRICT = (May.HIDDEN, May.NO, May.DEPENDS, May.YES)
_FREE: tuple[May, Key | None] = (May.YES, None)


def _when(rule: HttpRule | L4Rule, number: int) -> str:
    """The name of a rule that is for some calls only."""
    if isinstance(rule, HttpRule):
        return (rule.route.name or f"rule {number}") if rule.matches else ""
    return "" if rule.takes_everything else f"rule {number}"
