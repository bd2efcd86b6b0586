"""What schemas say of the messages of a VirtualService."""

from collections.abc import Mapping

from crds.convert import MAX_ITEMS
from crds.definitions.cel import (
    AT_LEAST_1MS,
    EXPORT_TO,
    GATEWAYS,
    HOST,
    LABELS,
    MAYBE_DNS_LABEL,
    MAYBE_PORT,
    NAMES,
    NOT_NEGATIVE,
    PERCENT,
    PORT,
    SOME,
    STATUS,
    SUBNET,
    excludes,
    given,
    needs,
)
from crds.definitions.constraint import Constraints, Limits, Rule
from crds.destination import Destination
from crds.http_action import (
    MAX_BODY_BYTES,
    REDIRECT_CODES,
    HTTPBody,
    HTTPDirectResponse,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRewrite,
    RegexRewrite,
)
from crds.http_cors import METHODS, CorsPolicy
from crds.http_fault import GRPC_STATUS, Abort, Delay, HTTPFaultInjection
from crds.http_headers import MAX_VALUE_BYTES, HeaderOperations
from crds.http_match import HTTPMatchRequest
from crds.http_retry import HTTPRetry
from crds.http_route import HTTPRoute, HTTPRouteDestination
from crds.names import MAX_REGEX_CHARS
from crds.scalars import Percent, StringMatch
from crds.tcp_route import (
    L4MatchAttributes,
    RouteDestination,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
)
from crds.virtual_service import VirtualService

_DELEGATE = f"!{given('hosts')}"
_REGEX = Limits(min_length=1, max_length=MAX_REGEX_CHARS)
_VALUES = Limits(each=Limits(max_length=MAX_VALUE_BYTES))
_NOT_EMPTY = Constraints(many=True, fields={"regex": _REGEX, "prefix": Limits(min_length=1)})
_TEXT = Limits(inside=_NOT_EMPTY)
_TEXTS = Limits(each=_TEXT)

_VIRTUAL_SERVICE = Constraints(
    fields={
        "hosts": Limits(max_items=MAX_ITEMS, each=HOST),
        "gateways": GATEWAYS,
        "http": Limits(max_items=MAX_ITEMS),
        "export_to": EXPORT_TO,
    },
    rules=(
        *(
            Rule(
                cel=f"!({_DELEGATE} && {given(name)})",
                message="is not allowed without hosts, which makes this a delegate: name the hosts",
                field=f".{name}",
            )
            for name in ("gateways", "tls", "tcp")
        ),
        Rule(
            cel=f"{_DELEGATE} || {given('http')} || {given('tls')} || {given('tcp')}",
            message="has no rules: write http, tls or tcp",
        ),
        Rule(
            cel=f"!({_DELEGATE} && has(self.http)) || self.http.all(rule, !has(rule.delegate))",
            message="a delegate cannot delegate further: write the rules out, or name the hosts",
            field=".http",
        ),
        Rule(
            cel=f"!has(self.hosts) || !('*' in self.hosts) || "
            f"({given('gateways')} && !('mesh' in self.gateways))",
            message="`*` is allowed at gateways only: name hosts, or leave `mesh` out",
            field=".hosts",
        ),
    ),
)

_HTTP_ROUTE = Constraints(
    fields={
        "timeout": AT_LEAST_1MS,
        "mirror_percent": PERCENT,
    },
    rules=(
        Rule(
            cel=f"[{given('route')}, has(self.redirect), has(self.directResponse), "
            "has(self.delegate)].exists_one(each, each)",
            message="needs one of route, redirect, directResponse and delegate, and only one",
        ),
        Rule(
            cel="!((has(self.redirect) || has(self.directResponse)) && "
            "(has(self.fault) || has(self.rewrite)))",
            message="fault and rewrite have no effect with redirect or directResponse: remove them",
        ),
        excludes("has(self.mirror)", given("mirrors"), "mirror", "mirrors"),
    ),
)

_REDIRECT = Constraints(
    fields={
        "scheme": Limits(one_of=("", "http", "https")),
        "redirect_code": Limits(one_of=REDIRECT_CODES),
        "port": PORT,
    },
    rules=(
        Rule(
            cel=" || ".join(
                (
                    *map(given, ("uri", "prefixRewrite", "authority", "scheme")),
                    "has(self.port)",
                    "has(self.derivePort)",
                )
            ),
            message="changes nothing: set uri, prefixRewrite, authority, port, derivePort or "
            "scheme",
        ),
        excludes(given("uri"), given("prefixRewrite"), "uri", "prefixRewrite"),
    ),
)

_REWRITE = Constraints(
    rules=(
        Rule(
            cel=f"{given('uri')} || {given('authority')} || has(self.uriRegexRewrite)",
            message="needs uri, authority or uriRegexRewrite",
        ),
        excludes(given("uri"), "has(self.uriRegexRewrite)", "uri", "uriRegexRewrite"),
    ),
)

_RETRY = Constraints(
    fields={
        "attempts": NOT_NEGATIVE,
        "per_try_timeout": AT_LEAST_1MS,
        "backoff": AT_LEAST_1MS,
    },
    rules=(
        needs(
            f"(has(self.perTryTimeout) || {given('retryOn')} || has(self.retryRemoteLocalities))",
            "(has(self.attempts) && self.attempts > 0)",
            "0 attempts turn retries off: set attempts, or leave the other fields out",
        ),
    ),
)

_MATCH = Constraints(
    fields={
        "scheme": _TEXT,
        "method": _TEXT,
        "authority": _TEXT,
        "query_params": _TEXTS,
        "headers": _TEXTS,
        "without_headers": _TEXTS,
        "port": MAYBE_PORT,
        "source_labels": LABELS,
        "gateways": Limits(each=HOST),
        "source_namespace": MAYBE_DNS_LABEL,
    }
)

_L4_MATCH: Mapping[str, Limits] = {
    "port": MAYBE_PORT,
    "source_labels": LABELS,
    "gateways": Limits(each=HOST),
    "destination_subnets": Limits(each=SUBNET),
}

_FORWARD = Constraints(required=("destination",), fields={"weight": NOT_NEGATIVE})

ROUTING: Mapping[type, Constraints] = {
    VirtualService: _VIRTUAL_SERVICE,
    HTTPRoute: _HTTP_ROUTE,
    HTTPRouteDestination: _FORWARD,
    RouteDestination: _FORWARD,
    Destination: Constraints(
        required=("host",),
        fields={
            "host": HOST,
            "subset": MAYBE_DNS_LABEL,
            "port": Limits(inside=Constraints(required=("number",), fields={"number": PORT})),
        },
    ),
    HTTPMatchRequest: _MATCH,
    StringMatch: Constraints(many=True, fields={"regex": _REGEX}),
    HTTPRedirect: _REDIRECT,
    HTTPDirectResponse: Constraints(required=("status",), fields={"status": STATUS}),
    HTTPBody: Constraints(fields={"string": Limits(max_length=MAX_BODY_BYTES)}),
    HTTPRewrite: _REWRITE,
    RegexRewrite: Constraints(
        required=("match", "rewrite"), fields={"match": _REGEX, "rewrite": Limits(min_length=1)}
    ),
    HTTPRetry: _RETRY,
    HTTPFaultInjection: Constraints(
        rules=(Rule(cel="has(self.delay) || has(self.abort)", message="needs delay or abort"),)
    ),
    Delay: Constraints(
        required=("fixed_delay",), fields={"percent": PERCENT, "fixed_delay": AT_LEAST_1MS}
    ),
    Abort: Constraints(
        fields={"http_status": STATUS, "grpc_status": Limits(one_of=tuple(GRPC_STATUS))},
        rules=(
            Rule(
                cel="has(self.httpStatus) || has(self.grpcStatus)",
                message="needs httpStatus or grpcStatus",
            ),
        ),
    ),
    Percent: Constraints(fields={"value": PERCENT}),
    HTTPMirrorPolicy: Constraints(required=("destination",)),
    CorsPolicy: Constraints(
        fields={
            "allow_origins": Limits(each=Limits(min_properties=1, inside=_NOT_EMPTY)),
            "allow_methods": Limits(each=Limits(one_of=tuple(sorted(METHODS)))),
            "allow_headers": NAMES,
            "expose_headers": NAMES,
            "max_age": AT_LEAST_1MS,
        }
    ),
    HeaderOperations: Constraints(fields={"set": _VALUES, "add": _VALUES, "remove": NAMES}),
    TLSRoute: Constraints(required=("match", "route"), fields={"match": SOME, "route": SOME}),
    TLSMatchAttributes: Constraints(
        required=("sni_hosts",),
        fields={**_L4_MATCH, "sni_hosts": Limits(min_items=1, each=HOST)},
    ),
    TCPRoute: Constraints(required=("route",), fields={"route": SOME}),
    L4MatchAttributes: Constraints(fields=_L4_MATCH),
}
"""By message; what is not here has no limits but its types'."""
