"""PeerAuthentication: whether a workload takes plaintext, mutual TLS or both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds.fields import EMPTY
from crds.meta import Meta
from crds.names import MAX_PORT
from crds.problem import Problem, error
from crds.selector import WorkloadSelector, check_selector


class Mode(StrEnum):
    """What is accepted. UNSET takes the mode of what is around."""

    UNSET = "UNSET"
    DISABLE = "DISABLE"
    PERMISSIVE = "PERMISSIVE"
    STRICT = "STRICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutualTLS:
    """One mode."""

    mode: Mode = Mode.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAuthentication:
    """`port_level_mtls` has the workload's own ports, as text."""

    meta: Meta
    selector: WorkloadSelector | None = None
    mtls: MutualTLS | None = None
    port_level_mtls: Mapping[str, MutualTLS] = EMPTY


def check(policy: PeerAuthentication) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from check_selector(policy.selector)
    if not policy.port_level_mtls:
        return
    if policy.selector is None or not policy.selector.match_labels:
        message = "needs a selector: ports are those of certain workloads"
        yield error("no-selector", "spec.portLevelMtls", message)
    for port in policy.port_level_mtls:
        if port_number(port) is None:
            message = f"must be a port, 1 to {MAX_PORT}"
            yield error("bad-port", f'spec.portLevelMtls["{port}"]', message, port)


def port_number(text: str) -> int | None:
    """The port that a key of `port_level_mtls` stands for."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    return number if 1 <= number <= MAX_PORT else None
