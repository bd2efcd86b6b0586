"""Which requests an HTTP rule of a VirtualService is for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds import checks
from crds.fields import EMPTY, UInt32
from crds.names import is_token
from crds.problem import Problem, error
from crds.scalars import StringMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPMatchRequest:
    """All conditions must hold. `port`, `source_labels`, `gateways`, `source_namespace` are judged
    per client proxy, not by Envoy.
    """

    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: Mapping[str, StringMatch] = EMPTY
    port: UInt32 = 0
    source_labels: Mapping[str, str] = EMPTY
    gateways: tuple[str, ...] = ()
    query_params: Mapping[str, StringMatch] = EMPTY
    ignore_uri_case: bool = False
    without_headers: Mapping[str, StringMatch] = EMPTY
    source_namespace: str = ""
    stat_prefix: str = ""


ANY = "*"
"""As the regex of a header: it is present. No RE2, but Istio has it so."""

_PSEUDO_HEADERS = frozenset({":method", ":scheme", ":authority", ":path", ":status"})
CLAIM = "@request.auth.claims"
"""How a claim of a token is named where a header is matched."""


def claim_path(name: str) -> tuple[str, ...]:
    """The way to the claim that stands where a header would: `@request.auth.claims.outer.inner`, or
    `@request.auth.claims[outer][inner]` for names with dots; nothing for a header, or for no way.
    """
    if not is_claim(name):
        return ()
    rest = name[len(CLAIM) :]
    if rest.startswith("."):
        path = rest[1:].split(".")
    elif rest.startswith("[") and rest.endswith("]"):
        path = rest[1:-1].split("][")
    else:
        return ()
    return tuple(path) if all(path) else ()


def is_claim(name: str) -> bool:
    """Whether a claim is meant, and no header."""
    return name[: len(CLAIM)].lower() == CLAIM


def check_match(path: str, match: HTTPMatchRequest, *, in_mesh: bool) -> Iterator[Problem]:
    """`in_mesh`: the rule is for sidecars, too."""
    yield from checks.string_match(f"{path}.uri", match.uri, empty_prefix=True)
    yield from checks.string_match(f"{path}.scheme", match.scheme)
    yield from checks.string_match(f"{path}.method", match.method)
    yield from checks.string_match(f"{path}.authority", match.authority)
    for field, headers in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
        for name, value in headers.items():
            here = f'{path}.{field}["{name}"]'
            yield from _check_name(here, name, in_mesh=in_mesh)
            if value.regex != ANY:
                yield from checks.string_match(here, value)
    for name, value in match.query_params.items():
        here = f'{path}.queryParams["{name}"]'
        if not name:
            yield error("bad-parameter", here, "a query parameter needs a name")
        yield from checks.string_match(here, value)
    yield from checks.port(f"{path}.port", match.port, required=False)
    yield from checks.labels(f"{path}.sourceLabels", match.source_labels)
    yield from checks.gateways(f"{path}.gateways", match.gateways)
    yield from checks.namespace(f"{path}.sourceNamespace", match.source_namespace)


def _check_name(path: str, name: str, *, in_mesh: bool) -> Iterator[Problem]:
    if is_claim(name):
        if in_mesh:
            message = "claims of tokens can be matched at gateways only: leave `mesh` out"
            yield error("bad-header", path, message, name)
        elif not claim_path(name):
            message = f"names no claim: write {CLAIM}.group, or {CLAIM}[group][id]"
            yield error("bad-header", path, message, name)
    elif name not in _PSEUDO_HEADERS and not is_token(name):
        yield error("bad-header", path, "is no name of a header", name)
