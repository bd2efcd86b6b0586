"""Retries of an HTTP rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from crds import checks
from crds.fields import Int32
from crds.path import did_you_mean
from crds.problem import Problem, error
from crds.scalars import Duration

CONDITIONS = frozenset(
    {
        "5xx",
        "cancelled",
        "connect-failure",
        "deadline-exceeded",
        "envoy-ratelimited",
        "gateway-error",
        "http3-post-connect-failure",
        "internal",
        "refused-stream",
        "reset",
        "reset-before-request",
        "resource-exhausted",
        "retriable-4xx",
        "retriable-headers",
        "retriable-status-codes",
        "unavailable",
    }
)
"""Envoy's, for HTTP and for gRPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRetry:
    """`attempts` counts retries, not tries; 0 turns them off.

    `retry_on` is Envoy's comma list, in which status codes may stand, too.
    """

    attempts: Int32 = 0
    per_try_timeout: Duration | None = None
    retry_on: str = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: Duration | None = None


def check_retries(path: str, retries: HTTPRetry) -> Iterator[Problem]:
    """Of a rule, or of the mesh's default."""
    yield from checks.not_negative(path, ("attempts", retries.attempts))
    others = (retries.per_try_timeout, retries.retry_on or None, retries.retry_remote_localities)
    if retries.attempts == 0 and others != (None, None, None):
        message = "0 attempts turn retries off: set attempts, or leave the other fields out"
        yield error("no-attempts", f"{path}.attempts", message, 0)
    yield from checks.at_least_1ms(f"{path}.perTryTimeout", retries.per_try_timeout)
    yield from checks.at_least_1ms(f"{path}.backoff", retries.backoff)
    for token in retries.retry_on.split(",") if retries.retry_on else ():
        yield from _check_condition(f"{path}.retryOn", token.strip())


def _check_condition(path: str, token: str) -> Iterator[Problem]:
    is_status = len(token) == 3 and token.isascii() and token.isdigit() and "100" <= token <= "599"
    if not is_status and token not in CONDITIONS:
        message = "is no condition that Envoy knows" + did_you_mean(token, CONDITIONS)
        yield error("bad-condition", path, message, token)
