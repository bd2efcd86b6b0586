import pytest

from crds.scalars import Duration, Percent, StringMatch
from crds.virtual_service import Abort, CorsPolicy, Delay, HTTPFaultInjection, UnmatchedPreflights
from tests.translator.inputs import SECOND
from translator.filters import cors, fault, inbound_filters, outbound_filters, upstream_alpn


def test_the_router_is_the_last_filter() -> None:
    assert [one.name for one in outbound_filters()] == [
        cors.NAME,
        fault.NAME,
        upstream_alpn.NAME,
        _ROUTER,
    ]
    assert [one.name for one in inbound_filters()] == [_ROUTER]


_ROUTER = "envoy.filters.http.router"


def test_cors() -> None:
    made = cors.per_route(
        CorsPolicy(
            allow_origins=(StringMatch(exact="a"), StringMatch(regex="b.*"), StringMatch()),
            allow_origin=("ignored",),
            allow_methods=("GET", "POST"),
            allow_headers=("x-a", "x-b"),
            expose_headers=("x-c",),
            max_age=Duration(60 * SECOND.nanos),
            allow_credentials=True,
            unmatched_preflights=UnmatchedPreflights.IGNORE,
        )
    )
    assert [one.WhichOneof("match_pattern") for one in made.allow_origin_string_match] == [
        "exact",
        "safe_regex",
    ]
    assert (made.allow_methods, made.allow_headers) == ("GET,POST", "x-a,x-b")
    assert (made.expose_headers, made.max_age) == ("x-c", "60")
    assert made.allow_credentials.value
    assert made.HasField("forward_not_matching_preflights")
    assert not made.forward_not_matching_preflights.value


def test_cors_in_its_older_form() -> None:
    made = cors.per_route(CorsPolicy(allow_origin=("*",)))
    assert made.allow_origin_string_match[0].exact == "*"
    assert not made.HasField("allow_credentials")
    assert not made.HasField("forward_not_matching_preflights")
    assert made.max_age == ""


@pytest.mark.parametrize(
    ("delay", "parts"),
    [
        (Delay(fixed_delay=SECOND, percentage=Percent(value=0.5)), 5_000),
        (Delay(fixed_delay=SECOND, percent=50), 500_000),
        (Delay(fixed_delay=SECOND, percent=50, percentage=Percent(value=1)), 10_000),
    ],
)
def test_a_delay_s_share(delay: Delay, parts: int) -> None:
    made = fault.per_route(HTTPFaultInjection(delay=delay))
    assert made is not None
    assert made.delay.percentage.numerator == parts
    assert made.delay.fixed_delay.seconds == 1


ALL = Percent(value=100)


@pytest.mark.parametrize(
    ("abort", "http", "grpc"),
    [
        (Abort(http_status=555, percentage=ALL), 555, 0),
        (Abort(http_status=9999, percentage=ALL), 599, 0),
        (Abort(grpc_status="UNAVAILABLE", percentage=ALL), 0, 14),
    ],
)
def test_an_abort_s_status(abort: Abort, http: int, grpc: int) -> None:
    made = fault.per_route(HTTPFaultInjection(abort=abort))
    assert made is not None
    assert (made.abort.http_status, made.abort.grpc_status) == (http, grpc)


@pytest.mark.parametrize(
    "injection",
    [
        HTTPFaultInjection(),
        HTTPFaultInjection(delay=Delay(fixed_delay=SECOND)),
        HTTPFaultInjection(delay=Delay(percentage=ALL)),
        HTTPFaultInjection(abort=Abort(http_status=500)),
        HTTPFaultInjection(abort=Abort(percentage=ALL)),
        HTTPFaultInjection(abort=Abort(grpc_status="NO_SUCH", percentage=ALL)),
    ],
)
def test_a_fault_that_cannot_happen_is_none(injection: HTTPFaultInjection) -> None:
    assert fault.per_route(injection) is None
