"""Faults that an HTTP rule injects."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from crds import checks
from crds.fields import Int32
from crds.path import did_you_mean
from crds.problem import Problem, error
from crds.scalars import Duration, Percent

SMALLEST_PERCENT = 0.0001

GRPC_STATUS = {
    name: number
    for number, name in enumerate(
        (
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        )
    )
}
"""gRPC's status codes by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """`percent` is the deprecated form and counts only if `percentage` is absent; with neither
    nothing is delayed.
    """

    ONE_OF: ClassVar = (("fixed_delay", "exponential_delay"),)

    percent: Int32 = 0
    fixed_delay: Duration | None = None
    exponential_delay: Duration | None = None
    percentage: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """`grpc_status` is a name (`UNAVAILABLE`). Without `percentage` nothing is aborted."""

    ONE_OF: ClassVar = (("http_status", "grpc_status", "http2_error"),)

    http_status: Int32 | None = None
    grpc_status: str | None = None
    http2_error: str | None = None
    percentage: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPFaultInjection:
    """Faults that the client's sidecar makes before forwarding."""

    delay: Delay | None = None
    abort: Abort | None = None


def check_fault(path: str, fault: HTTPFaultInjection) -> Iterator[Problem]:
    """Of a rule."""
    if fault.delay is None and fault.abort is None:
        yield error("empty", path, "needs `delay` or `abort`")
    if fault.delay is not None:
        yield from _check_delay(f"{path}.delay", fault.delay)
    if fault.abort is not None:
        yield from _check_abort(f"{path}.abort", fault.abort)


def _check_delay(path: str, delay: Delay) -> Iterator[Problem]:
    if delay.exponential_delay is not None:
        message = "is not supported, by Istio neither: use fixedDelay"
        yield error("unsupported", f"{path}.exponentialDelay", message)
    elif delay.fixed_delay is None:
        yield error("empty", path, "needs `fixedDelay`")
    yield from checks.at_least_1ms(f"{path}.fixedDelay", delay.fixed_delay)
    yield from checks.percentage(f"{path}.percentage", delay.percentage, SMALLEST_PERCENT)
    yield from checks.within(f"{path}.percent", delay.percent, 0, 100)


def _check_abort(path: str, abort: Abort) -> Iterator[Problem]:
    if abort.http2_error is not None:
        message = "is not supported, by Istio neither: use httpStatus or grpcStatus"
        yield error("unsupported", f"{path}.http2Error", message, abort.http2_error)
    elif abort.http_status is None and abort.grpc_status is None:
        yield error("empty", path, "needs `httpStatus` or `grpcStatus`")
    if abort.http_status is not None and not 200 <= abort.http_status <= 599:
        here = f"{path}.httpStatus"
        yield error("bad-status", here, "must be 200 to 599", abort.http_status)
    if abort.grpc_status is not None and abort.grpc_status not in GRPC_STATUS:
        message = "is no gRPC status" + did_you_mean(abort.grpc_status.upper(), GRPC_STATUS)
        yield error("bad-grpc-status", f"{path}.grpcStatus", message, abort.grpc_status)
    yield from checks.percentage(f"{path}.percentage", abort.percentage, SMALLEST_PERCENT)
