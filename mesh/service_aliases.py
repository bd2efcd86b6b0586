"""Services of type ExternalName: other names for a host that is a service itself (istio-api.md
S-48). They have no ports and no cluster of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from crds import core
from crds.fields import EMPTY
from crds.kinds import Object
from crds.meta import Key
from mesh import hosts
from mesh.index import regroup
from mesh.services import exported_to
from mesh.store import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The name that one Service gives to `target`, a host, perhaps another alias."""

    key: Key
    name: str
    namespace: str
    target: str
    export_to: frozenset[str]

    @property
    def host(self) -> str:
        """Its full name."""
        return hosts.fqdn(self.name, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """By their hosts; `of` has the hosts of those that name a target."""

    objects: Mapping[str, Alias] = EMPTY
    of: Mapping[str, frozenset[str]] = EMPTY


def advance(aliases: Aliases, changes: Iterable[Change]) -> tuple[Aliases, frozenset[str]]:
    """`aliases` after `changes`, and the hosts of those that are new, gone or different."""
    edits = [(_alias(change.key, change.old), _alias(change.key, change.new)) for change in changes]
    edits = [edit for edit in edits if edit[0] != edit[1]]
    if not edits:
        return aliases, frozenset()
    objects = dict(aliases.objects)
    for old, _ in edits:
        if old is not None:
            objects.pop(old.host, None)
    objects |= {new.host: new for _, new in edits if new is not None}
    of = regroup(
        aliases.of,
        [(old.target, old.host) for old, _ in edits if old is not None],
        [(new.target, new.host) for _, new in edits if new is not None],
    )
    touched = frozenset(each.host for edit in edits for each in edit if each is not None)
    return Aliases(objects=objects, of=of), touched


def _alias(key: Key, made_from: Object | None) -> Alias | None:
    if not isinstance(made_from, core.Service) or made_from.type != "ExternalName":
        return None
    return Alias(
        key=key,
        name=key.name,
        namespace=key.namespace,
        target=made_from.external_name.lower().removesuffix("."),
        export_to=exported_to(made_from),
    )


def concrete(aliases: Aliases, services: Mapping[str, object], host: str) -> str:
    """The host that `host` leads to: the first of the chain that is a service, or else its end. Of
    a circle the host itself.
    """
    seen = [host]
    while seen[-1] not in services and (alias := aliases.objects.get(seen[-1])) is not None:
        if alias.target in seen:
            return host
        seen.append(alias.target)
    return seen[-1]


def leading_to(aliases: Aliases, services: Mapping[str, object], host: str) -> Iterator[Alias]:
    """All aliases that stand for a service in the end, in the order of their names."""
    for name in sorted(_upstream(aliases, services, host)):
        yield aliases.objects[name]


def _upstream(aliases: Aliases, services: Mapping[str, object], host: str) -> set[str]:
    found = {host}
    queue = [host]
    while queue:
        new = aliases.of.get(queue.pop(), frozenset()) - found - services.keys()
        found |= new
        queue += new
    return found - {host}


def related(aliases: Aliases, host: str) -> set[str]:
    """The hosts that may have to do with one: those that it leads to, and those that lead to it."""
    found, last = {host, *_upstream(aliases, EMPTY, host)}, host
    while (alias := aliases.objects.get(last)) is not None and alias.target not in found:
        last = alias.target
        found.add(last)
    return found
