"""Retry policies: Istio's default on every route, or what the rule says; and the one of a sidecar
before its own application.
"""

from envoy.config.route.v3.route_components_pb2 import RetryPolicy
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)

from crds.virtual_service import HTTPRetry
from mesh.services import Protocol
from translator import pb

DEFAULT_ATTEMPTS = 2
DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
"""No status code is in it: a 503 that the application answered is not retried."""

INBOUND_RETRY_ON = "reset-before-request"
"""Envoy (1.37 to 1.40, measured) has sent nothing of the request then: no connection came about,
for the application refused it or did not take it in time. A connection that the application closes
just as a request goes out on it is not among that, whatever the name suggests: who knows what it
has read.
"""

_STATUS_CODES = "retriable-status-codes"
_HOST_ATTEMPTS = 5
_DEFAULT = HTTPRetry(attempts=DEFAULT_ATTEMPTS)


def retry_policy(retries: HTTPRetry | None, *, hashed: bool) -> RetryPolicy | None:
    """`None` if the rule turns retries off. `hashed`: consistent hashing picks the endpoint, so a
    retry may go to the same one again.
    """
    asked = _DEFAULT if retries is None else retries
    if asked.attempts <= 0:
        return None
    conditions, codes = _conditions(asked.retry_on or DEFAULT_RETRY_ON)
    avoid = asked.retry_ignore_previous_hosts
    return RetryPolicy(
        num_retries=pb.uint32(asked.attempts),
        retry_on=conditions,
        retriable_status_codes=codes,
        per_try_timeout=pb.duration(asked.per_try_timeout) if asked.per_try_timeout else None,
        retry_back_off=(
            RetryPolicy.RetryBackOff(base_interval=pb.positive_duration(asked.backoff))
            if asked.backoff
            else None
        ),
        retry_host_predicate=[_previous_hosts()]
        if (not hashed if avoid is None else avoid)
        else [],
        retry_priority=_previous_priorities() if asked.retry_remote_localities else None,
        host_selection_retry_max_attempts=_HOST_ATTEMPTS,
    )


def inbound_retry_policy(protocol: Protocol) -> RetryPolicy | None:
    """What a sidecar sends to its own application again. To be able to, Envoy keeps what it has
    sent of a body, up to its buffer's limit, until the answer is complete: `None` for gRPC, whose
    streams may last for days.
    """
    if protocol.is_grpc:
        return None
    return RetryPolicy(num_retries=pb.uint32(DEFAULT_ATTEMPTS), retry_on=INBOUND_RETRY_ON)


def _conditions(text: str) -> tuple[str, list[int]]:
    tokens = [token for token in (part.strip() for part in text.split(",")) if token]
    codes = [int(token) for token in tokens if _is_status(token)]
    words = [token for token in tokens if not _is_status(token)]
    if codes and _STATUS_CODES not in words:
        words.append(_STATUS_CODES)
    return ",".join(words), codes


def _is_status(token: str) -> bool:
    return len(token) == 3 and token.isascii() and token.isdecimal()


def _previous_hosts() -> RetryPolicy.RetryHostPredicate:
    return RetryPolicy.RetryHostPredicate(
        name="envoy.retry_host_predicates.previous_hosts",
        typed_config=pb.any_of(PreviousHostsPredicate()),
    )


def _previous_priorities() -> RetryPolicy.RetryPriority:
    return RetryPolicy.RetryPriority(
        name="envoy.retry_priorities.previous_priorities",
        typed_config=pb.any_of(PreviousPrioritiesConfig(update_frequency=2)),
    )
