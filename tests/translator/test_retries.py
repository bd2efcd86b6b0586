import pytest

from crds.virtual_service import HTTPRetry
from mesh.services import Protocol
from tests.semantics import covers
from tests.translator.inputs import SECOND
from translator.retries import DEFAULT_RETRY_ON, inbound_retry_policy, retry_policy


def test_every_route_retries_twice_what_never_reached_the_application() -> None:
    made = retry_policy(None, hashed=False)
    assert made is not None
    assert made.num_retries.value == 2
    assert made.retry_on == DEFAULT_RETRY_ON
    assert not made.retriable_status_codes
    assert made.host_selection_retry_max_attempts == 5
    assert [one.name for one in made.retry_host_predicate] == [
        "envoy.retry_host_predicates.previous_hosts"
    ]


def test_no_attempts_is_no_policy() -> None:
    assert retry_policy(HTTPRetry(attempts=0, retry_on="5xx"), hashed=False) is None


@pytest.mark.parametrize(
    ("retry_on", "conditions", "codes"),
    [
        ("", DEFAULT_RETRY_ON, []),
        ("5xx, gateway-error", "5xx,gateway-error", []),
        ("503,connect-failure", "connect-failure,retriable-status-codes", [503]),
        ("retriable-status-codes,429,503", "retriable-status-codes", [429, 503]),
        ("5xx,,", "5xx", []),
    ],
)
def test_status_codes_are_told_from_conditions(
    retry_on: str, conditions: str, codes: list[int]
) -> None:
    made = retry_policy(HTTPRetry(attempts=1, retry_on=retry_on), hashed=False)
    assert made is not None
    assert made.retry_on == conditions
    assert list(made.retriable_status_codes) == codes


def test_timeouts_and_back_off() -> None:
    made = retry_policy(HTTPRetry(attempts=1, per_try_timeout=SECOND, backoff=SECOND), hashed=False)
    assert made is not None
    assert made.per_try_timeout.seconds == 1
    assert made.retry_back_off.base_interval.seconds == 1


def test_remote_localities_where_asked_for() -> None:
    near = retry_policy(HTTPRetry(attempts=1), hashed=False)
    far = retry_policy(HTTPRetry(attempts=1, retry_remote_localities=True), hashed=False)
    assert near is not None
    assert far is not None
    assert not near.HasField("retry_priority")
    assert far.retry_priority.name == "envoy.retry_priorities.previous_priorities"


@pytest.mark.parametrize(
    ("asked", "hashed", "avoided"),
    [
        (None, False, True),
        (None, True, False),
        (True, True, True),
        (False, False, False),
    ],
)
def test_a_retry_avoids_the_endpoint_that_failed_unless_a_hash_picks_it(
    asked: bool | None, hashed: bool, avoided: bool
) -> None:
    made = retry_policy(HTTPRetry(attempts=1, retry_ignore_previous_hosts=asked), hashed=hashed)
    assert made is not None
    assert bool(made.retry_host_predicate) == avoided


@covers("S-69")
@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.HTTP2, Protocol.UNSPECIFIED])
def test_a_sidecar_sends_what_never_left_it_to_its_application_twice_more(
    protocol: Protocol,
) -> None:
    made = inbound_retry_policy(protocol)
    assert made is not None
    said = {field.name for field, _ in made.ListFields()}
    assert said == {"retry_on", "num_retries"}
    assert (made.retry_on, made.num_retries.value) == ("reset-before-request", 2)
    assert made.ByteSize() == 26  # at each HTTP port, with a certificate and without


@covers("S-69")
@pytest.mark.parametrize("protocol", [Protocol.GRPC, Protocol.GRPC_WEB])
def test_a_sidecar_sends_no_call_of_grpc_again(protocol: Protocol) -> None:
    assert inbound_retry_policy(protocol) is None
