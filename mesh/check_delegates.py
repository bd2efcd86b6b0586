"""What is wrong between VirtualServices and their delegates."""

from collections.abc import Iterator
from dataclasses import replace

from crds.meta import Key
from crds.problem import Problem, error, warning
from mesh.delegates import delegate_key, dropped, unusable
from mesh.virtual_services import VirtualServices


def check_delegates(index: VirtualServices, key: Key) -> Iterator[Problem]:
    """Of one object, as a root and as a delegate."""
    for problem in (*_of_root(index, key), *_of_delegate(index, key)):
        yield replace(problem, object=key)


def _of_root(index: VirtualServices, key: Key) -> Iterator[Problem]:
    for i, route in enumerate(index.written[key].http):
        if route.delegate is not None:
            reason = unusable(route, key.namespace, index.written)
            if reason:
                message = f"{reason}, so these requests get a 503; check name and namespace"
                path = f"spec.http[{i}].delegate"
                yield error("unknown-delegate", path, message, route.delegate.name)


def _of_delegate(index: VirtualServices, key: Key) -> Iterator[Problem]:
    delegate = index.written[key]
    if delegate.hosts:
        return
    roots = index.delegating.get(key, frozenset())
    if not roots:
        message = (
            "without hosts this is a delegate, and no VirtualService delegates to it: name the "
            "hosts, or write `delegate` in a rule of another"
        )
        yield warning("unused-delegate", "spec.hosts", message)
    for root in sorted(roots):
        for i, route in enumerate(index.written[root].http):
            if route.delegate is None or delegate_key(route.delegate, root.namespace) != key:
                continue
            if unusable(route, root.namespace, index.written):
                continue
            for each in dropped(route, delegate):
                yield error(
                    "delegate-conflict",
                    f"spec.http[{each.index}].match[{each.match}]",
                    f"takes requests that spec.http[{i}] of {root} does not let through "
                    f"({each.why}), so the whole rule is left out there; ask for no more than it "
                    "does, by exact value or a longer prefix",
                )
