"""WorkloadEntry: an endpoint that is not a pod; also the endpoints inside a ServiceEntry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds import checks
from crds.fields import EMPTY, UInt32
from crds.meta import NO_META, Meta
from crds.names import UNIX, is_ip
from crds.problem import Problem, error


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
    return check_endpoint("spec", workload_entry)


def check_endpoint(path: str, entry: WorkloadEntry) -> Iterator[Problem]:
    """Of its own, or inside a ServiceEntry."""
    if entry.address.startswith(UNIX):
        yield from _check_unix(path, entry)
    elif entry.address:
        if not is_ip(entry.address):
            yield from checks.host(f"{path}.address", entry.address, wildcard=False)
    elif not entry.network:
        yield error("no-address", f"{path}.address", "is missing: give an address, or a network")
    for name, number in entry.ports.items():
        yield from checks.port(f'{path}.ports["{name}"]', number)
    yield from checks.labels(f"{path}.labels", entry.labels)


def _check_unix(path: str, entry: WorkloadEntry) -> Iterator[Problem]:
    if entry.address.removeprefix(UNIX)[:1] not in ("/", "@"):
        message = "must be an absolute path, as in unix:///var/run/app.sock"
        yield error("bad-address", f"{path}.address", message, entry.address)
    if entry.ports:
        yield error("bad-port", f"{path}.ports", "a unix socket has no ports: remove them")
