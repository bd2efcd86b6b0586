"""Objects from YAML, and what decoding says of them in short form, for the tests of crds."""

from collections.abc import Mapping

import yaml

from crds.decode import Decoded, decode
from crds.meta import Key
from crds.problem import Problem, Severity

NETWORKING = "networking.istio.io/v1"


def decoded(kind: str, spec: str, *, api_version: str = NETWORKING) -> Decoded:
    """An object `shop/x` with this spec, in YAML."""
    raw: Mapping[str, object] = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": yaml.safe_load(spec),
    }
    return decode(raw)


def told(found: Decoded) -> list[str]:
    """`code path`, with `~` in front of warnings; an object is there if and only if no error is."""
    assert (found.object is None) == any(p.severity is Severity.ERROR for p in found.problems)
    assert all(p.object == found.key and p.message for p in found.problems)
    return [short(problem) for problem in found.problems]


def short(problem: Problem) -> str:
    mark = "~" if problem.severity is Severity.WARNING else ""
    return f"{mark}{problem.code} {problem.path}".strip()


def key(kind: str, name: str = "x") -> Key:
    return Key("networking.istio.io", kind, "shop", name)
