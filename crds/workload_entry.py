"""WorkloadEntry: an endpoint that is not a pod; also the endpoints inside a ServiceEntry."""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.fields import EMPTY, UInt32
from crds.meta import NO_META, Meta


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
