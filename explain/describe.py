"""Which objects act on a pod or a service, what comes of it, and which lost to others."""

from collections.abc import Iterable, Iterator

from crds.authorization_policy import is_dry_run
from crds.destination_rule import TLSmode
from crds.meta import Key
from explain.step import Step
from mesh.attachment import policies_for, workload_of
from mesh.authentication import deciding
from mesh.check import check
from mesh.destination_rules import merged, policy_for, rules_for
from mesh.inbound import inbound_ports
from mesh.mesh import Mesh, client
from mesh.mutual_tls import known_endpoints
from mesh.protection import protection_of
from mesh.proxy import Proxy
from mesh.routing import HttpRule, Missing, http_rules
from mesh.scope import Scope, scope_of, sidecar_of
from mesh.services import Service
from mesh.source import Source
from mesh.visibility import routes_of
from translator.retries import DEFAULT_ATTEMPTS


def pod_steps(mesh: Mesh, proxy: Proxy) -> Iterator[Step]:
    """What acts on a pod: services, mutual TLS at each port, policies, its Sidecar."""
    root, where = mesh.config.root_namespace, proxy.namespace
    for service in mesh.services.selecting(where, proxy.labels):
        ports = ", ".join(f"{each.number} {each.protocol.value}" for each in service.ports)
        yield _step("service", service.host, f"selects it, ports {ports}", service.key)
    modes = protection_of(mesh, proxy).modes
    for port in inbound_ports(mesh, proxy):
        by = deciding(mesh.peer_authentications, root, where, proxy.labels, port.number)
        yield Step(
            at="mutual TLS",
            name=f"port {port.number}",
            says=modes.at(port.number).value,
            causes=(by,) if by is not None else (),
        )
    yield from _authorization(mesh, proxy)
    tokens = policies_for(mesh.request_authentications.policies, root, workload_of(proxy))
    for each in tokens:
        key = Key("security.istio.io", "RequestAuthentication", each.meta.namespace, each.meta.name)
        issuers = ", ".join(rule.issuer for rule in each.jwt_rules)
        yield _step("tokens", key.name, f"takes tokens of {issuers}", key)
    sidecar = sidecar_of(mesh, scope_of(mesh, proxy))
    if sidecar is not None:
        yield _step("sidecar", sidecar.name, "says what it reaches", sidecar)


def _authorization(mesh: Mesh, proxy: Proxy) -> Iterator[Step]:
    for each in protection_of(mesh, proxy).policies:
        key = Key("security.istio.io", "AuthorizationPolicy", each.meta.namespace, each.meta.name)
        rehearsed = ", only rehearsed" if is_dry_run(each) else ""
        says = f"{each.action.value}, rules: {len(each.rules)}{rehearsed}"
        yield Step(
            at="authorization",
            name=each.meta.name,
            says=says,
            causes=(Source(object=key),),
            problems=check(mesh, key),
        )


def service_steps(mesh: Mesh, service: Service, namespace: str) -> Iterator[Step]:
    """What acts on calls to a service, for clients of a namespace."""
    scope = Scope(namespace)
    ports = ", ".join(f"{each.number} {each.protocol.value}" for each in service.ports)
    yield _step("service", service.host, f"ports {ports}", service.key)
    routing = list(routes_of(mesh, scope, service.host))
    for key in routing[:1]:
        yield from _routed(mesh, scope, service, key)
    named = mesh.virtual_services.hosts.get(service.host, frozenset()) - {*routing[:1]}
    yield from _lost("routes", sorted(named), routing[:1])
    yield from _rules(mesh, service, namespace)
    yield from _workloads(mesh, service)


def _routed(mesh: Mesh, scope: Scope, service: Service, key: Key) -> Iterator[Step]:
    virtual_service = mesh.virtual_services.objects[key]
    yield Step(
        at="routes",
        name=key.name,
        says="routes its requests",
        causes=(Source(object=key),),
        problems=check(mesh, key),
    )
    told: set[Source | None] = set()
    for port in service.ports:
        for rule in http_rules(mesh, scope, virtual_service, port.number):
            if rule.source not in told:
                told.add(rule.source)
                yield _rule(rule)


def _rule(rule: HttpRule) -> Step:
    missing = [each for each in rule.targets if isinstance(each, Missing)]
    retries = rule.route.retries
    attempts = DEFAULT_ATTEMPTS if retries is None else retries.attempts
    parts = [
        _to(rule),
        f"timeout {rule.route.timeout}" if rule.route.timeout else "no timeout",
        f"retries {attempts}{' (default)' if retries is None else ''}",
        *(each.reason for each in missing),
    ]
    name = rule.route.name or (rule.source.path if rule.source else "")
    causes = (rule.source,) if rule.source else ()
    return Step(at="rule", name=name, says=", ".join(parts), ok=not missing, causes=causes)


def _to(rule: HttpRule) -> str:
    if rule.route.redirect is not None:
        return "redirects"
    if rule.route.direct_response is not None:
        return f"answers {rule.route.direct_response.status}"
    named = []
    for each in rule.targets:
        where = each.destination if isinstance(each, Missing) else each.host
        subset = "" if isinstance(each, Missing) or not each.subset else f" subset {each.subset}"
        share = f" {each.weight}%" if len(rule.targets) > 1 else ""
        named.append(f"{where}{subset}{share}")
    return f"to {' and '.join(named)}"


def _rules(mesh: Mesh, service: Service, namespace: str) -> Iterator[Step]:
    who = client(mesh, namespace)
    keys = rules_for(mesh.rules, service.host, service.namespace, who)
    rule = merged(mesh.rules.objects[key] for key in keys)
    known = known_endpoints(mesh, service)
    for key in keys:
        yield Step(
            at="destination rule",
            name=key.name,
            says="has the traffic policy" if key == rule.policy_of else "holds",
            causes=(Source(object=key),),
            problems=check(mesh, key),
        )
    for subset in rule.subsets:
        found = {
            each.address
            for endpoints in known.values()
            for each in endpoints
            if subset.labels.items() <= each.labels.items()
        }
        labels = ", ".join(f"{name}={value}" for name, value in subset.labels.items())
        says = f"{labels}: {len(found)} pods"
        yield _step("subset", subset.name, says, rule.subset_of[subset.name], ok=bool(found))
    for port in service.ports:
        policy = policy_for(rule, None, port.number, mesh.config.default_traffic_policy)
        mode = policy.tls.mode if policy.tls else None
        by = (Source(object=rule.policy_of),) if mode and rule.policy_of else ()
        yield Step(at="client TLS", name=f"port {port.number}", says=_said(mesh, mode), causes=by)
    yield from _lost("destination rule", sorted(mesh.rules.over(service.host) - {*keys}), keys)


def _said(mesh: Mesh, mode: TLSmode | None) -> str:
    if mode is not None:
        return mode.value
    return "automatic mutual TLS" if mesh.config.enable_auto_mtls else "plaintext"


def _lost(at: str, losers: Iterable[Key], winners: Iterable[Key]) -> Iterator[Step]:
    won = " and ".join(map(str, winners)) or "nothing"
    for key in losers:
        says = f"does not count for these clients: {won} does"
        yield _step(at, key.name, says, key, ok=False)


def _workloads(mesh: Mesh, service: Service) -> Iterator[Step]:
    for number, endpoints in sorted(known_endpoints(mesh, service).items()):
        healthy = sum(each.healthy for each in endpoints)
        mutual = sum(each.mutual for each in endpoints)
        says = f"{healthy} healthy of {len(endpoints)}, {mutual} take mutual TLS"
        yield _step("endpoints", f"port {number}", says, service.key, ok=healthy > 0)


def _step(at: str, name: str, says: str, key: Key, *, ok: bool = True) -> Step:
    return Step(at=at, name=name, says=says, ok=ok, causes=(Source(object=key),))
