"""RequestAuthentications by namespace, and by the hosts that they fetch keys from: a service that
comes, goes or changes there is a change of theirs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crds.jwks import Uri, keys_of
from crds.meta import Key
from crds.request_authentication import RequestAuthentication
from mesh import by_namespace
from mesh.by_namespace import ByNamespace
from mesh.hosts import DOMAIN
from mesh.index import regroup
from mesh.store import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAuthentications:
    """`fetching` has, for each host that keys may be fetched from, the policies that name it."""

    policies: ByNamespace[RequestAuthentication] = field(default_factory=ByNamespace)
    fetching: Mapping[str, frozenset[Key]] = field(default_factory=dict)


def advance(
    index: RequestAuthentications, changes: Iterable[Change]
) -> tuple[RequestAuthentications, frozenset[str]]:
    """`index` after `changes`, and the namespaces of the policies among them."""
    edits = [c for c in changes if isinstance(c.old or c.new, RequestAuthentication)]
    if not edits:
        return index, frozenset()
    policies, touched = by_namespace.advance(RequestAuthentication, index.policies, edits)
    fetching = regroup(
        index.fetching,
        [pair for change in edits for pair in _fetched(change.key, change.old)],
        [pair for change in edits for pair in _fetched(change.key, change.new)],
    )
    return RequestAuthentications(policies=policies, fetching=fetching), touched


def _fetched(key: Key, policy: object) -> Iterator[tuple[str, Key]]:
    if isinstance(policy, RequestAuthentication):
        for rule in policy.jwt_rules:
            keys = keys_of(rule)
            if isinstance(keys, Uri):
                yield from ((name, key) for name in named(keys, key.namespace))


def named(uri: Uri, namespace: str) -> tuple[str, ...]:
    """The services that the host of an address may be, in a policy of `namespace`: Kubernetes' DNS
    knows shorter names, too.
    """
    cluster = f".svc.{DOMAIN}"
    longer = (f".{namespace}{cluster}", cluster, f".{DOMAIN}")
    return (uri.host, *(uri.host + ending for ending in longer))


def fetching(index: RequestAuthentications, hosts: Iterable[str]) -> set[Key]:
    """The policies that may fetch keys from one of these hosts."""
    if not index.fetching:
        return set()
    return {key for host in hosts for key in index.fetching.get(host, ())}
