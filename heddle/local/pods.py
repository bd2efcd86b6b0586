"""What the runner is given, and what it says about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from ca.secret import Token
from crds.meta import Key
from crds.problem import Problem, Severity
from heddle.local.errors import CannotRun
from webhook import raw

NO_TEXTS: Mapping[str, str] = MappingProxyType({})
NO_FILES: Mapping[str, Mapping[str, str]] = MappingProxyType({})
NO_SECRETS: Mapping[str, Mapping[str, bytes]] = MappingProxyType({})


class Issuer(Protocol):
    """Who makes the tokens of service accounts."""

    def issue(
        self,
        *,
        namespace: str,
        service_account: str,
        pod: str,
        uid: str,
        audience: str,
        now: float,
        ttl: float,
        node: str,
    ) -> Token:
        """A token for a pod. `now` is in seconds since the epoch, `ttl` in seconds. An empty
        audience means the API server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedPod:
    """A pod to run: raw, as the API server would store it after injection, with `metadata.uid`,
    `spec.nodeName` and `status.podIP`. Two are the same incarnation if uid, address and spec are
    equal; nothing else restarts it. `config_maps` and `secrets` of its namespace, by name, are for
    its volumes."""

    raw: Mapping[str, object]
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NO_FILES)
    secrets: Mapping[str, Mapping[str, bytes]] = field(
        default_factory=lambda: NO_SECRETS, repr=False
    )

    @property
    def facts(self) -> "PodFacts":
        """What the downward API knows."""
        return pod_facts(self.raw)

    def same_incarnation(self, other: "InjectedPod") -> bool:
        """Whether the one can become the other without a restart."""
        mine, others = self.facts, other.facts
        return (mine.uid, mine.address) == (others.uid, others.address) and raw.spec(
            self.raw
        ) == raw.spec(other.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """What a pod can learn about itself."""

    namespace: str
    name: str
    uid: str
    address: str
    service_account: str
    node: str
    labels: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS)
    annotations: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS)


class Phase(StrEnum):
    """`PENDING`: not all containers have started. `RUNNING`: they have. `FAILED`: it cannot run as
    it is written. `STOPPING`, then `GONE`: it is not wanted any more."""

    PENDING = "Pending"
    RUNNING = "Running"
    FAILED = "Failed"
    STOPPING = "Stopping"
    GONE = "Gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """How one of its containers is. `exit_status` of its last end, None while it runs."""

    name: str
    started: bool
    ready: bool
    restarts: int
    exit_status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStatus:
    """How a pod is now. `ready`: all its containers run and pass their readiness probes.
    `problem`: what went wrong last, until it is over. `containers` in the order of their start."""

    pod: str
    phase: Phase
    ready: bool = False
    restarts: int = 0
    problem: Problem | None = None
    containers: tuple[ContainerState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that a container wrote, without its end."""

    pod: str
    container: str
    stream: str
    """`stdout` or `stderr`."""
    text: bytes


def pod_facts(pod: Mapping[str, object]) -> PodFacts:
    """The facts of a raw pod."""
    metadata, spec = raw.metadata(pod), raw.spec(pod)
    return PodFacts(
        namespace=raw.text(metadata.get("namespace")) or "default",
        name=raw.text(metadata.get("name")),
        uid=raw.text(metadata.get("uid")),
        address=raw.text(raw.mapping(pod.get("status")).get("podIP")),
        service_account=raw.text(spec.get("serviceAccountName")) or "default",
        node=raw.text(spec.get("nodeName")),
        labels=raw.labels(pod),
        annotations=raw.annotations(pod),
    )


def pod_problem(facts: PodFacts, error: CannotRun) -> Problem:
    """The error as a value."""
    return Problem(
        code=error.code,
        severity=Severity.ERROR,
        message=str(error),
        object=Key(group="", kind="Pod", namespace=facts.namespace, name=facts.name),
        path=error.path,
        value=error.value,
    )
