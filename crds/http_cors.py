"""CORS of an HTTP rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.names import is_token
from crds.problem import Problem, error
from crds.scalars import Duration, StringMatch

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"}
)
SECOND = 1_000_000_000


class UnmatchedPreflights(StrEnum):
    """What becomes of a preflight whose origin is not allowed."""

    UNSPECIFIED = "UNSPECIFIED"
    FORWARD = "FORWARD"
    IGNORE = "IGNORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsPolicy:
    """`allow_origin` is the deprecated form and counts only if `allow_origins` is empty."""

    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: UnmatchedPreflights = UnmatchedPreflights.UNSPECIFIED


def check_cors(path: str, cors: CorsPolicy) -> Iterator[Problem]:
    """Of a rule."""
    for index, origin in enumerate(cors.allow_origins):
        here = f"{path}.allowOrigins[{index}]"
        if origin == StringMatch():
            yield error("empty", here, "needs `exact`, `prefix` or `regex`")
        yield from checks.string_match(here, origin)
    for index, method in enumerate(cors.allow_methods):
        if method not in METHODS:
            here = f"{path}.allowMethods[{index}]"
            yield error("bad-method", here, "is no HTTP method in upper case", method)
    yield from _check_names(f"{path}.allowHeaders", cors.allow_headers)
    yield from _check_names(f"{path}.exposeHeaders", cors.expose_headers)
    yield from checks.at_least_1ms(f"{path}.maxAge", cors.max_age)
    if cors.max_age is not None and cors.max_age.nanos % SECOND:
        yield error("too-fine", f"{path}.maxAge", "must be whole seconds", str(cors.max_age))


def _check_names(path: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name != "*" and not is_token(name):
            yield error("bad-header", f"{path}[{index}]", "is no name of a header", name)
