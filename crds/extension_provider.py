"""Of MeshConfig's `extensionProviders` those that authorize: what AuthorizationPolicies with action
CUSTOM ask (Envoy's ext_authz filters).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from crds import checks
from crds.fields import EMPTY, UInt32
from crds.http_headers import check_added
from crds.names import host_fault, is_token
from crds.problem import Problem, error
from crds.scalars import Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyExternalAuthorizationRequestBody:
    """How much of a request's body a provider is shown. A longer one gets a 413, unless a part of
    it will do.
    """

    max_request_bytes: UInt32 = 0
    allow_partial_message: bool = False
    pack_as_bytes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyExternalAuthorizationHttpProvider:
    """A server that is asked in HTTP: 200 allows, anything else is the answer to the client.
    Headers are named as policies name strings: exactly, `prefix*` or `*suffix`.
    """

    service: str = ""
    port: UInt32 = 0
    timeout: Duration | None = None
    path_prefix: str = ""
    fail_open: bool = False
    clear_route_cache: bool = False
    status_on_error: str = ""
    include_headers_in_check: tuple[str, ...] = ()
    include_request_headers_in_check: tuple[str, ...] = ()
    include_additional_headers_in_check: Mapping[str, str] = EMPTY
    include_request_body_in_check: EnvoyExternalAuthorizationRequestBody | None = None
    headers_to_upstream_on_allow: tuple[str, ...] = ()
    headers_to_downstream_on_deny: tuple[str, ...] = ()
    headers_to_downstream_on_allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyExternalAuthorizationGrpcProvider:
    """A server of Envoy's own protocol, `envoy.service.auth.v3.Authorization`."""

    service: str = ""
    port: UInt32 = 0
    timeout: Duration | None = None
    fail_open: bool = False
    clear_route_cache: bool = False
    status_on_error: str = ""
    include_request_body_in_check: EnvoyExternalAuthorizationRequestBody | None = None


Asked = EnvoyExternalAuthorizationHttpProvider | EnvoyExternalAuthorizationGrpcProvider
"""Something that can be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshExtensionProvider:
    """Istio's `MeshConfig.ExtensionProvider`; what is for telemetry is not read."""

    ONE_OF: ClassVar = (("envoy_ext_authz_http", "envoy_ext_authz_grpc"),)

    name: str = ""
    envoy_ext_authz_http: EnvoyExternalAuthorizationHttpProvider | None = None
    envoy_ext_authz_grpc: EnvoyExternalAuthorizationGrpcProvider | None = None

    @property
    def asked(self) -> Asked | None:
        """What is asked; nothing if there is none, or more than one."""
        given = (self.envoy_ext_authz_http, self.envoy_ext_authz_grpc)
        found = [each for each in given if each is not None]
        return found[0] if len(found) == 1 else None


OTHERS = frozenset(
    {
        "datadog",
        "envoyFileAccessLog",
        "envoyHttpAls",
        "envoyOtelAls",
        "envoyTcpAls",
        "lightstep",
        "opencensus",
        "opentelemetry",
        "prometheus",
        "sds",
        "skywalking",
        "stackdriver",
        "zipkin",
    }
)
"""Istio's other kinds of providers."""

STATUSES = frozenset(
    {
        *(100, *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 418)),
        *(421, 422, 423, 424, 426, 428, 429, 431, *range(500, 509), 510, 511),
    }
)
"""Those that Envoy answers by itself; it refuses a filter with any other."""


def check_providers(path: str, providers: Sequence[MeshExtensionProvider]) -> Iterator[Problem]:
    """What is wrong with each, and names that two have. One that says nothing of whom to ask may be
    for telemetry.
    """
    names: set[str] = set()
    for index, each in enumerate(providers):
        here = f"{path}[{index}]"
        yield from check_provider(here, each)
        if each.name in names:
            message = "another provider has this name, so neither is asked: rename one"
            yield error("duplicate", f"{here}.name", message, each.name)
        names.add(each.name)


def check_provider(path: str, provider: MeshExtensionProvider) -> Iterator[Problem]:
    """What makes a provider unusable."""
    if not provider.name:
        yield error("missing", f"{path}.name", "is missing: policies need a name to say")
    http, grpc = provider.envoy_ext_authz_http, provider.envoy_ext_authz_grpc
    if http is not None:
        yield from _check_asked(f"{path}.envoyExtAuthzHttp", http)
        yield from _check_http(f"{path}.envoyExtAuthzHttp", http)
    if grpc is not None:
        yield from _check_asked(f"{path}.envoyExtAuthzGrpc", grpc)


def _check_asked(path: str, asked: Asked) -> Iterator[Problem]:
    namespace, host = named_service(asked.service)
    fault = host_fault(host, wildcard=False) if host else "is missing: name a host"
    if not fault and not namespace and asked.service.startswith("/"):
        fault = "has no namespace before the /: leave the / out"
    if fault:
        yield error("bad-host", f"{path}.service", fault, asked.service)
    yield from checks.port(f"{path}.port", asked.port)
    yield from checks.at_least_1ms(f"{path}.timeout", asked.timeout)
    status = asked.status_on_error
    if status and not (status.isascii() and status.isdigit() and int(status[:9]) in STATUSES):
        message = "is no HTTP status that Envoy answers with: write one such as 503"
        yield error("bad-status", f"{path}.statusOnError", message, status)
    body = asked.include_request_body_in_check
    if body is not None and body.max_request_bytes == 0:
        where = f"{path}.includeRequestBodyInCheck.maxRequestBytes"
        yield error("missing", where, "must be at least 1: say how much of a body is shown", 0)


def named_service(service: str) -> tuple[str, str]:
    """The namespace, if there is one, and the host of `[namespace/]host`."""
    namespace, _, host = service.rpartition("/")
    return namespace, host


def _check_http(path: str, http: EnvoyExternalAuthorizationHttpProvider) -> Iterator[Problem]:
    prefix = http.path_prefix
    if prefix and (not prefix.startswith("/") or not _is_path(prefix)):
        message = "must begin with a / and have no ?, # or spaces"
        yield error("bad-path", f"{path}.pathPrefix", message, prefix)
    for field, names in (
        ("includeHeadersInCheck", http.include_headers_in_check),
        ("includeRequestHeadersInCheck", http.include_request_headers_in_check),
        ("headersToUpstreamOnAllow", http.headers_to_upstream_on_allow),
        ("headersToDownstreamOnDeny", http.headers_to_downstream_on_deny),
        ("headersToDownstreamOnAllow", http.headers_to_downstream_on_allow),
    ):
        for index, name in enumerate(names):
            if not is_token(name):
                message = "is no name of a header, nor one with a * at an end"
                yield error("bad-header", f"{path}.{field}[{index}]", message, name)
    for name, value in http.include_additional_headers_in_check.items():
        here = f'{path}.includeAdditionalHeadersInCheck["{name}"]'
        yield from check_added(here, name, value)


def _is_path(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(" ?#") & set(text)
