"""WorkloadEntry: an endpoint that is not a pod; also the endpoints inside a ServiceEntry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds.fields import EMPTY, UInt32
from crds.meta import NO_META, Meta
from crds.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadEntry:
    """`address` is an IP, a DNS name or `unix:///path`; `ports` maps the service's port names to
    numbers. Inside a ServiceEntry `meta` is empty.
    """

    meta: Meta = NO_META
    address: str = ""
    ports: Mapping[str, UInt32] = EMPTY
    labels: Mapping[str, str] = EMPTY
    network: str = ""
    locality: str = ""
    weight: UInt32 = 0
    service_account: str = ""


def check(workload_entry: WorkloadEntry) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    yield from ()
