"""Input that is legal in its types and that Envoy would refuse if it came through as it is.

`crds` reports most of it; what is left here is the second wall, because Envoy refuses a whole
response for one bad field.
"""

from crds.destination_rule import (
    Attribute,
    ConnectionKeepalive,
    ConnectionPoolSettings,
    ConsistentHashLB,
    H2UpgradePolicy,
    HTTPCookie,
    HTTPSettings,
    LoadBalancerSettings,
    MagLev,
    OutlierDetection,
    RetryBudget,
    RingHash,
    SimpleLB,
    TcpKeepalive,
    TCPSettings,
    WarmupConfiguration,
)
from crds.fields import FrozenMap
from crds.scalars import Duration, Percent, StringMatch
from crds.virtual_service import (
    Abort,
    CorsPolicy,
    Delay,
    HeaderOperations,
    Headers,
    HTTPBody,
    HTTPDirectResponse,
    HTTPFaultInjection,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    RegexRewrite,
)
from mesh.destinations import Policy
from mesh.routing import HttpRule, Mirror
from tests.translator.inputs import SECOND, hashing, missing, rule, target

LONG = Duration(10**27)
ZERO = Duration(0)
HUGE = 2**31 - 1
STRANGE = "a\r\nb\0%c "

_OPERATIONS = HeaderOperations(
    set=FrozenMap({"Host": STRANGE, "x": STRANGE, "": "b", "a b": "%", ":path": "/"}),
    add=FrozenMap({"x": "%REQ(", "y": "z" * 20_000, STRANGE: "c"}),
    remove=("host", ":x", "ok", "a b", STRANGE, ""),
)
_HEADERS = Headers(request=_OPERATIONS, response=_OPERATIONS)
_COOKIE = HTTPCookie(
    name="a b;",
    path="x;y",
    ttl=Duration(-5),
    attributes=(Attribute(name=STRANGE, value=STRANGE), Attribute(name="x" * 20_000)),
)


def _matching(**match: object) -> HttpRule:
    return rule(matches=(HTTPMatchRequest(**match),))  # type: ignore[arg-type]


def _redirecting(**redirect: object) -> HttpRule:
    return rule(HTTPRoute(redirect=HTTPRedirect(**redirect)))  # type: ignore[arg-type]


RULES: dict[str, HttpRule] = {
    "a large regular expression": _matching(uri=StringMatch(regex="(a|b){900}c")),
    "an empty path": _matching(uri=StringMatch(exact="")),
    "a path with a query": _matching(uri=StringMatch(exact="/a?b#c")),
    "a header's name": _matching(headers=FrozenMap({STRANGE: StringMatch(exact="x")})),
    "a header's value": _matching(headers=FrozenMap({"a b": StringMatch(exact=STRANGE)})),
    "a claim": _matching(headers=FrozenMap({"@request.auth.claims[x]": StringMatch(exact="x")})),
    "a query's name": _matching(query_params=FrozenMap({"q" * 2000: StringMatch(exact="x")})),
    "a stat prefix": _matching(stat_prefix=STRANGE, name=STRANGE),
    "a rewrite": rule(HTTPRoute(rewrite=HTTPRewrite(uri=STRANGE, authority=STRANGE))),
    "a regex rewrite": rule(
        HTTPRoute(
            rewrite=HTTPRewrite(uri_regex_rewrite=RegexRewrite(match="a", rewrite="\\9" + STRANGE))
        )
    ),
    "a hashed header": rule(
        HTTPRoute(), target(policy=hashing(ConsistentHashLB(http_header_name=STRANGE)))
    ),
    "a hashed cookie": rule(
        HTTPRoute(), target(policy=hashing(ConsistentHashLB(http_cookie=_COOKIE)))
    ),
    "long retries": rule(
        HTTPRoute(
            timeout=LONG,
            retries=HTTPRetry(
                attempts=HUGE, retry_on="999,000,foo", backoff=LONG, per_try_timeout=LONG
            ),
        )
    ),
    "no back-off": rule(
        HTTPRoute(retries=HTTPRetry(attempts=1, backoff=ZERO, per_try_timeout=Duration(-1)))
    ),
    "huge weights": rule(HTTPRoute(), *(target("v1", HUGE), target("v2", HUGE), missing(HUGE))),
    "weights of zero": rule(HTTPRoute(), target("v1", 0), target("v2", 0)),
    "no destination": HttpRule(route=HTTPRoute()),
    "an unknown destination": rule(HTTPRoute(), missing(name=STRANGE)),
    "a huge body": rule(
        HTTPRoute(
            direct_response=HTTPDirectResponse(status=999, body=HTTPBody(string="a" * 2_000_000))
        )
    ),
    "a status of zero": rule(HTTPRoute(direct_response=HTTPDirectResponse())),
    "a redirect's path": _redirecting(uri=STRANGE, redirect_code=304),
    "a redirect's prefix": _redirecting(prefix_rewrite=STRANGE),
    "a redirect's host": _redirecting(authority=STRANGE, scheme="ftp", port=2**32 - 1),
    "an empty redirect": _redirecting(),
    "cors": rule(
        HTTPRoute(
            cors_policy=CorsPolicy(
                allow_origins=(
                    StringMatch(),
                    StringMatch(exact=""),
                    StringMatch(regex="*"),
                    StringMatch(prefix=""),
                ),
                allow_methods=(STRANGE,),
                max_age=Duration(-5),
            )
        )
    ),
    "faults": rule(
        HTTPRoute(
            fault=HTTPFaultInjection(
                delay=Delay(fixed_delay=ZERO, percent=500),
                abort=Abort(http_status=9999, percentage=Percent(value=1e9)),
            )
        )
    ),
    "headers": rule(HTTPRoute(headers=_HEADERS)),
    "mirrors": HttpRule(
        route=HTTPRoute(),
        targets=(target(),),
        mirrors=(Mirror(target=target(), percent=1e9), Mirror(target=target(), percent=-1)),
    ),
}

_TCP = TCPSettings(
    max_connections=HUGE,
    connect_timeout=ZERO,
    tcp_keepalive=TcpKeepalive(probes=2**32 - 1, time=LONG, interval=ZERO),
    max_connection_duration=ZERO,
    idle_timeout=LONG,
)
_HTTP = HTTPSettings(
    http1_max_pending_requests=-1,
    max_requests_per_connection=HUGE,
    idle_timeout=LONG,
    max_concurrent_streams=HUGE,
    h2_upgrade_policy=H2UpgradePolicy.UPGRADE,
    http2_keep_alive=ConnectionKeepalive(interval=ZERO, timeout=LONG),
)


def _balanced(**settings: object) -> Policy:
    return Policy(load_balancer=LoadBalancerSettings(**settings))  # type: ignore[arg-type]


POLICIES: dict[str, Policy] = {
    "connection pool": Policy(connection_pool=ConnectionPoolSettings(tcp=_TCP, http=_HTTP)),
    "client protocol": Policy(
        connection_pool=ConnectionPoolSettings(http=HTTPSettings(use_client_protocol=True))
    ),
    "outlier detection": Policy(
        outlier_detection=OutlierDetection(
            consecutive_5xx_errors=2**32 - 1,
            interval=ZERO,
            base_ejection_time=LONG,
            max_ejection_percent=HUGE,
            min_health_percent=-5,
        )
    ),
    "retry budget": Policy(
        retry_budget=RetryBudget(percent=1e9, min_retry_concurrency=2**32 - 1, budget_interval=LONG)
    ),
    "ring": _balanced(
        consistent_hash=ConsistentHashLB(
            use_source_ip=True, ring_hash=RingHash(minimum_ring_size=2**63)
        )
    ),
    "maglev of no prime": _balanced(
        consistent_hash=ConsistentHashLB(use_source_ip=True, maglev=MagLev(table_size=65_536))
    ),
    "maglev too large": _balanced(
        consistent_hash=ConsistentHashLB(use_source_ip=True, maglev=MagLev(table_size=2**63))
    ),
    "maglev": _balanced(
        consistent_hash=ConsistentHashLB(use_source_ip=True, maglev=MagLev(table_size=101))
    ),
    "warmup": _balanced(
        warmup=WarmupConfiguration(duration=ZERO, minimum_percent=1e9, aggression=0.0)
    ),
    "warmup of round robin": _balanced(
        simple=SimpleLB.ROUND_ROBIN, warmup=WarmupConfiguration(duration=LONG)
    ),
    "random": _balanced(simple=SimpleLB.RANDOM, warmup=WarmupConfiguration(duration=SECOND)),
    "passthrough": _balanced(simple=SimpleLB.PASSTHROUGH),
}
