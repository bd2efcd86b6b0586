"""DestinationRules by namespace and host, and which of them a client obeys (istio-api.md S-14 to
S-21).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from crds.destination_rule import DestinationRule, Subset, TrafficPolicy
from crds.fields import EMPTY
from crds.kinds import Object
from crds.mesh_config import DefaultTrafficPolicy
from crds.meta import Key
from mesh import hosts
from mesh.client_tls import secrets_of
from mesh.credentials import ROOTS_SUFFIX
from mesh.destinations import NO_POLICY, Policy
from mesh.exports import EVERYBODY, is_exported
from mesh.index import regroup
from mesh.locality_balance import asked_by_rule
from mesh.order import Rank, rank
from mesh.source import DESTINATION_RULE, networking
from mesh.store import Change

NO_DEFAULT_POLICY = DefaultTrafficPolicy()

Label = tuple[str, str]
"""Its name and value."""

Pattern = tuple[str, str]
"""A namespace and the host (or wildcard) that a rule in it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRules:
    """`patterns` has every (namespace, host) pair, `hosts` every host; `wildcards` the wildcard
    hosts of each namespace, `labels` each label that a workloadSelector asks of the clients of its
    namespace; `places` what rules ask of where clients are (`locality_balance.asked_by_rule`);
    `credentials` the rules that name each Secret. `exports` says who obeys a rule that does not say
    it.
    """

    objects: Mapping[Key, DestinationRule] = field(default_factory=dict)
    patterns: Mapping[Pattern, frozenset[Key]] = field(default_factory=dict)
    hosts: Mapping[str, frozenset[Key]] = EMPTY
    wildcards: Mapping[str, frozenset[str]] = EMPTY
    labels: Mapping[str, frozenset[tuple[str, Key]]] = EMPTY
    places: Mapping[str, frozenset[Key]] = EMPTY
    credentials: Mapping[str, frozenset[Key]] = EMPTY
    exports: frozenset[str] = EVERYBODY

    def label_names(self, namespace: str) -> frozenset[str]:
        """The labels that rules ask of the clients of a namespace."""
        return frozenset(name for name, _ in self.labels.get(namespace, ()))

    def naming(self, secrets: Iterable[Key]) -> frozenset[Key]:
        """The rules that name one of these Secrets, in whatever namespace."""
        names = {name for s in secrets for name in (s.name, s.name.removesuffix(ROOTS_SUFFIX))}
        return frozenset(key for name in names for key in self.credentials.get(name, ()))

    def exports_of(self, key: Key) -> frozenset[str]:
        """The namespaces whose clients obey a rule: names, `.` for its own, `*` for all."""
        return frozenset(self.objects[key].export_to) or self.exports

    def over(self, host: str) -> frozenset[Key]:
        """The rules of any namespace whose host is, or covers, `host`."""
        wild = {pattern for each in self.wildcards.values() for pattern in each}
        named = (host, *hosts.most_specific(wild, host))
        return frozenset(key for pattern in named for key in self.hosts.get(pattern, ()))

    def ranked(self, keys: Iterable[Key]) -> list[Key]:
        """`keys`, the oldest rule first."""
        return sorted(keys, key=self._rank)

    def _rank(self, key: Key) -> Rank:
        return rank(self.objects[key].meta.created, key)


def exported(rules: DestinationRules, default: Collection[str]) -> DestinationRules:
    """`rules` with another default of exportTo."""
    exports = frozenset(default) or EVERYBODY
    return rules if exports == rules.exports else replace(rules, exports=exports)


def advance(
    rules: DestinationRules, changes: Iterable[Change]
) -> tuple[DestinationRules, frozenset[str]]:
    """`rules` after `changes`, and the hosts and wildcards that the changed rules name."""
    edits = [c for c in changes if isinstance(c.old or c.new, DestinationRule)]
    if not edits:
        return rules, frozenset()
    objects = dict(rules.objects)
    for change in edits:
        objects.pop(change.key, None)
        if isinstance(change.new, DestinationRule):
            objects[change.key] = change.new
    gone = [(pattern_of(c.old), c.key) for c in edits if isinstance(c.old, DestinationRule)]
    come = [(pattern_of(c.new), c.key) for c in edits if isinstance(c.new, DestinationRule)]
    patterns = regroup(rules.patterns, gone, come)
    touched = {pattern for pattern, _ in (*gone, *come)}
    wild = {pattern for pattern in touched if hosts.is_wildcard(pattern[1])}
    wildcards = regroup(
        rules.wildcards,
        (pattern for pattern in wild if pattern not in patterns),
        (pattern for pattern in wild if pattern in patterns),
    )
    by_host = regroup(
        rules.hosts,
        ((host, key) for (_, host), key in gone),
        ((host, key) for (_, host), key in come),
    )
    new = DestinationRules(
        objects=objects,
        patterns=patterns,
        hosts=by_host,
        wildcards=wildcards,
        labels=regroup(
            rules.labels,
            ((c.key.namespace, (n, c.key)) for c in edits for n in _label_names(c.old)),
            ((c.key.namespace, (n, c.key)) for c in edits for n in _label_names(c.new)),
        ),
        places=regroup(
            rules.places,
            ((n, c.key) for c in edits for n in _places(c.old)),
            ((n, c.key) for c in edits for n in _places(c.new)),
        ),
        credentials=regroup(
            rules.credentials,
            ((n, c.key) for c in edits for n in _secrets(c.old)),
            ((n, c.key) for c in edits for n in _secrets(c.new)),
        ),
        exports=rules.exports,
    )
    return new, frozenset(host for _, host in touched)


def _label_names(rule: Object | None) -> Iterable[str]:
    if not isinstance(rule, DestinationRule) or rule.workload_selector is None:
        return ()
    return rule.workload_selector.match_labels.keys()


def _places(rule: Object | None) -> frozenset[str]:
    return asked_by_rule(rule) if isinstance(rule, DestinationRule) else frozenset()


def _secrets(rule: Object | None) -> frozenset[str]:
    return secrets_of(rule) if isinstance(rule, DestinationRule) else frozenset()


def pattern_of(rule: DestinationRule) -> Pattern:
    """The namespace of a rule, and the full name of the host that it is for."""
    return rule.meta.namespace, hosts.resolve(rule.host, rule.meta.namespace)


@dataclass(frozen=True, slots=True)
class Client:
    """Who looks a rule up: the client's namespace, the root namespace of its mesh, and those of its
    labels that rules ask for. Without labels it is nobody in particular, whom no workloadSelector
    means.
    """

    namespace: str
    root: str
    labels: frozenset[Label] | None = None


def rules_for(
    rules: DestinationRules, host: str, service_namespace: str, client: Client
) -> tuple[Key, ...]:
    """The rules that hold for `host`, the oldest first: those of one namespace and one host
    pattern, never a mixture; or the one whose workloadSelector means the client, alone (S-18).

    Order of namespaces: the client's, the service's, the root (S-14); inside one the most specific
    host wins (S-15). In the root namespace, rules for all come after those of the service.
    """
    private = client.namespace == client.root
    if private and (found := _in_namespace(rules, host, client.root, client, private=True)):
        return found
    namespaces = (*(() if private else (client.namespace,)), service_namespace, client.root)
    for namespace in dict.fromkeys(namespaces):
        if found := _in_namespace(rules, host, namespace, client):
            return found
    return ()


def _in_namespace(
    rules: DestinationRules, host: str, namespace: str, client: Client, *, private: bool = False
) -> tuple[Key, ...]:
    """`private`: only rules that nobody else sees."""
    for pattern in _patterns(rules, namespace, host):
        keys = rules.ranked(rules.patterns[namespace, pattern])
        selecting = next((key for key in keys if _selects(rules.objects[key], client)), None)
        if selecting is not None:
            return (selecting,)
        usable = [
            key
            for key in keys
            if _applies(rules, key, client)
            and not (private and rules.exports_of(key) - {".", namespace})
        ]
        if usable:
            first = rules.exports_of(usable[0])
            return tuple(key for key in usable if rules.exports_of(key) == first)
    return ()


def _patterns(rules: DestinationRules, namespace: str, host: str) -> Iterator[str]:
    if (namespace, host) in rules.patterns:
        yield host
    yield from hosts.most_specific(rules.wildcards.get(namespace, ()), host)


def _selects(rule: DestinationRule, client: Client) -> bool:
    """Whether a workloadSelector means the client; it is for its own namespace only."""
    if rule.workload_selector is None or client.labels is None:
        return False
    wanted = rule.workload_selector.match_labels.items()
    return rule.meta.namespace == client.namespace and client.labels >= wanted


def _applies(rules: DestinationRules, key: Key, client: Client) -> bool:
    """Whether a rule is for all clients of the namespace: its own ones obey it whatever it exports
    (S-14).
    """
    if rules.objects[key].workload_selector is not None:
        return False
    own = key.namespace == client.namespace
    return own or is_exported(rules.exports_of(key), key.namespace, client.namespace)


def may_have_secrets(rules: DestinationRules, keys: Iterable[Key], *, gateway: bool) -> bool:
    """Whether clients that obey these rules may have Secrets, and the rules name any: gateways
    may, and those that a workloadSelector means (istio-api.md S-24).
    """
    if not rules.credentials:
        return False
    found = (rules.objects[key] for key in keys)
    return any(secrets_of(r) for r in found if gateway or r.workload_selector is not None)


def giving_secrets(rules: DestinationRules, client: Client, *, gateway: bool) -> Iterator[Key]:
    """The rules that name Secrets and may mean the client: of a sidecar, by their
    workloadSelectors.
    """
    for keys in rules.credentials.values():
        yield from (key for key in keys if gateway or _selects(rules.objects[key], client))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The rules of one host as one: all subsets, and the first traffic policy (S-17); and which of
    the rules they are of.
    """

    subsets: tuple[Subset, ...] = ()
    policy: TrafficPolicy | None = None
    policy_of: Key | None = None
    subset_of: Mapping[str, Key] = EMPTY

    def subset(self, name: str) -> Subset | None:
        """The subset with this name."""
        return next((subset for subset in self.subsets if subset.name == name), None)


def merged(rules: Iterable[DestinationRule]) -> Merged:
    """One rule out of several for the same host, the oldest first; of two subsets with one name the
    first stays.
    """
    subsets: dict[str, Subset] = {}
    subset_of: dict[str, Key] = {}
    policy: TrafficPolicy | None = None
    policy_of: Key | None = None
    for rule in rules:
        key = networking(DESTINATION_RULE, rule.meta)
        for subset in rule.subsets:
            subsets.setdefault(subset.name, subset)
            subset_of.setdefault(subset.name, key)
        if policy is None and rule.traffic_policy is not None:
            policy, policy_of = rule.traffic_policy, key
    return Merged(
        subsets=tuple(subsets.values()), policy=policy, policy_of=policy_of, subset_of=subset_of
    )


def policy_for(
    rule: Merged,
    subset: Subset | None,
    port: int,
    default: DefaultTrafficPolicy = NO_DEFAULT_POLICY,
) -> Policy:
    """What holds for one subset and port: the subset's blocks over the rule's, one by one (S-19). A
    port's own settings replace four of them as a whole, in the rule and in the subset (S-20). Two
    have a default of the mesh (S-21).
    """
    base, _ = _at_port(rule.policy, port)
    own, is_whole = _at_port(subset.traffic_policy if subset else None, port)
    under = NO_POLICY if is_whole else base
    return Policy(
        load_balancer=own.load_balancer or under.load_balancer,
        connection_pool=(own.connection_pool or under.connection_pool or default.connection_pool),
        outlier_detection=(
            own.outlier_detection or under.outlier_detection or default.outlier_detection
        ),
        tls=own.tls or under.tls,
        tunnel=own.tunnel or base.tunnel,
        proxy_protocol=own.proxy_protocol or base.proxy_protocol,
        retry_budget=own.retry_budget or base.retry_budget,
        listener_pool=(rule.policy.connection_pool if rule.policy else None)
        or default.connection_pool,
    )


def _at_port(policy: TrafficPolicy | None, port: int) -> tuple[Policy, bool]:
    """The blocks of one policy at a port, and whether they are the port's own."""
    if policy is None:
        return NO_POLICY, False
    for level in policy.port_level_settings:
        if level.port is not None and level.port.number == port:
            return Policy(
                load_balancer=level.load_balancer,
                connection_pool=level.connection_pool,
                outlier_detection=level.outlier_detection,
                tls=level.tls,
            ), True
    return Policy(
        load_balancer=policy.load_balancer,
        connection_pool=policy.connection_pool,
        outlier_detection=policy.outlier_detection,
        tls=policy.tls,
        tunnel=policy.tunnel,
        proxy_protocol=policy.proxy_protocol,
        retry_budget=policy.retry_budget,
    ), False
