"""How users name a proxy: `[kind/]name[.namespace]`, as istioctl has it.

A pod by default; of anything else one of its pods. What follows the last dot behind the slash is
the namespace, since a kind may have dots (`deployments.apps/web.shop`), and so may a pod: then its
namespace is to be given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

DEFAULT_NAMESPACE: Final = "default"

POD: Final = "pod"
_KINDS: Final = {
    POD: ("po", "pods"),
    "deployment": ("deploy", "deployments", "deployments.apps"),
    "replicaset": ("rs", "replicasets", "replicasets.apps"),
    "statefulset": ("sts", "statefulsets", "statefulsets.apps"),
    "daemonset": ("ds", "daemonsets", "daemonsets.apps"),
    "job": ("jobs", "jobs.batch"),
    "service": ("svc", "services"),
}
"""Each kind with kubectl's other names for it."""
_NAMES: Final = {name: kind for kind, more in _KINDS.items() for name in (kind, *more)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a user named: `kind` in lower case and singular."""

    kind: str = POD
    name: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}.{self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pod with a proxy. `owners` are what it may be named by beside its own name, as
    `kind/name`; all of them are in its namespace.
    """

    name: str
    namespace: str
    owners: Sequence[str] = ()

    @property
    def proxy_id(self) -> str:
        """The form of `?proxyID=` and of istioctl's tables: `pod.namespace`."""
        return f"{self.name}.{self.namespace}"


def target(text: str, namespace: str = "") -> Target:
    """What `text` names; `namespace` is for names that have none. Raises `ValueError`, with the
    way out.
    """
    kind, slash, rest = text.rpartition("/")
    if slash and kind.lower() not in _NAMES:
        known = ", ".join(_KINDS)
        raise ValueError(f"{text!r}: there are proxies of a {known}, not of a {kind!r}")
    name, dot, own = rest.rpartition(".")
    if not dot:
        name, own = rest, namespace or DEFAULT_NAMESPACE
    if not name or not own:
        raise ValueError(f"{text!r} is not [kind/]name[.namespace]")
    return Target(kind=_NAMES[kind.lower()] if slash else POD, name=name, namespace=own)


def pick(wanted: Target, candidates: Iterable[Candidate]) -> Candidate:
    """The pod that is meant: of several the first by name. Raises `LookupError`, whose text says
    what there is.
    """
    every = sorted(candidates, key=lambda each: (each.namespace, each.name))
    there = [each for each in every if each.namespace == wanted.namespace]
    named = [each for each in there if wanted.name in _names(each, wanted.kind)]
    if named:
        return named[0]
    raise LookupError(_nothing(wanted, every, there))


def completions(incomplete: str, candidates: Iterable[Candidate]) -> list[str]:
    """What an incomplete target may become: pods, and once there is a slash, of that kind."""
    kind, slash, _ = incomplete.rpartition("/")
    known = _NAMES.get(kind.lower(), "") if slash else POD
    found = {
        f"{kind}{slash}{name}.{each.namespace}"
        for each in candidates
        for name in _names(each, known)
    }
    return sorted(name for name in found if name.startswith(incomplete))


def _names(candidate: Candidate, kind: str) -> list[str]:
    if kind == POD:
        return [candidate.name]
    pairs = (owner.partition("/") for owner in candidate.owners)
    return [name for owner, _, name in pairs if owner == kind]


def _nothing(wanted: Target, every: Sequence[Candidate], there: Sequence[Candidate]) -> str:
    said = f"no pod with a proxy is {wanted}"
    if not every:
        return f"{said}: the mesh has none"
    full = f"{wanted.name}.{wanted.namespace}"
    names = {f"{n}.{each.namespace}" for each in every for n in _names(each, wanted.kind)}
    if close := get_close_matches(full, sorted(names), n=1, cutoff=0.6):
        return f"{said}; did you mean {close[0]}?"
    if not there:
        known = ", ".join(sorted({each.namespace for each in every}))
        return f"{said}; there are proxies in: {known}"
    return f"{said}; there are: {', '.join(each.proxy_id for each in there[:10])}"
