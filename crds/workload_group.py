"""WorkloadGroup: what machines that register themselves have in common. They do that by way of an
agent beside their proxy, and here there is none: the object is checked and has no effect.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds import checks
from crds.fields import EMPTY, Int32, UInt32
from crds.meta import Meta
from crds.problem import Problem, error
from crds.workload_entry import WorkloadEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMeta:
    """What the WorkloadEntries that are made of the group carry."""

    labels: Mapping[str, str] = EMPTY
    annotations: Mapping[str, str] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPHeader:
    """One header of a probe."""

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPHealthCheckConfig:
    """A request whose answer is 200 to 399."""

    path: str = ""
    port: UInt32 = 0
    host: str = ""
    scheme: str = ""
    http_headers: tuple[HTTPHeader, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPHealthCheckConfig:
    """A connection that is accepted."""

    host: str = ""
    port: UInt32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecHealthCheckConfig:
    """A command that ends with 0."""

    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcHealthCheckConfig:
    """A gRPC server that says that it serves."""

    port: UInt32 = 0
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessProbe:
    """How the agent finds out whether a machine is well; times are in seconds, 0 is the default of
    Kubernetes. Exactly one of `http_get`, `tcp_socket`, `exec_` and `grpc` says how to ask.
    """

    initial_delay_seconds: Int32 = 0
    timeout_seconds: Int32 = 0
    period_seconds: Int32 = 0
    success_threshold: Int32 = 0
    failure_threshold: Int32 = 0
    http_get: HTTPHealthCheckConfig | None = None
    tcp_socket: TCPHealthCheckConfig | None = None
    exec_: ExecHealthCheckConfig | None = None
    grpc: GrpcHealthCheckConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadGroup:
    """`metadata` and `template` are those of the WorkloadEntries."""

    meta: Meta
    metadata: ObjectMeta | None = None
    template: WorkloadEntry | None = None
    probe: ReadinessProbe | None = None


def check(group: WorkloadGroup) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    if group.template is None:
        yield error("no-template", "spec.template", "is missing: say what the machines have")
    else:
        yield from checks.labels("spec.template.labels", group.template.labels)
    if group.metadata is not None:
        yield from checks.labels("spec.metadata.labels", group.metadata.labels)
    if group.probe is not None:
        yield from _check_probe(group.probe)


def _check_probe(probe: ReadinessProbe) -> Iterator[Problem]:
    path = "spec.probe"
    handlers = (probe.http_get, probe.tcp_socket, probe.exec_, probe.grpc)
    if sum(handler is not None for handler in handlers) != 1:
        yield error("one-of", path, "needs exactly one of httpGet, tcpSocket, exec and grpc")
    yield from _check_times(path, probe)
    with_port = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket, "grpc": probe.grpc}
    for name, handler in with_port.items():
        if handler is not None:
            yield from checks.port(f"{path}.{name}.port", handler.port)
    if probe.exec_ is not None and not probe.exec_.command:
        yield error("no-command", f"{path}.exec.command", "is missing: say what to run")
    if probe.http_get is not None and probe.http_get.scheme.upper() not in ("", "HTTP", "HTTPS"):
        scheme = probe.http_get.scheme
        yield error("bad-scheme", f"{path}.httpGet.scheme", "must be HTTP or HTTPS", scheme)


def _check_times(path: str, probe: ReadinessProbe) -> Iterator[Problem]:
    numbers = {
        "initialDelaySeconds": probe.initial_delay_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "periodSeconds": probe.period_seconds,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }
    for name, number in numbers.items():
        if number < 0:
            yield error("negative", f"{path}.{name}", "must not be negative", number)
