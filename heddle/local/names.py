"""What Kubernetes' DNS would say of Services: their virtual IPs, the pods of headless ones, all and
one by one, and where names of type ExternalName lead.
"""

from collections.abc import Iterable, Iterator, Mapping

from crds.meta import Label
from heddle.local.workloads import Raw, key_of
from mesh import hosts
from webhook import raw

Names = Mapping[str, tuple[str, ...]]
"""The IPv4 addresses of full names: there is no IPv6 between local pods."""


def names(objects: Iterable[Raw]) -> Names:
    """Of all Services among completed objects."""
    found: dict[str, set[str]] = {}
    for each in objects:
        for host, address in _addresses(each):
            if ":" not in address:
                found.setdefault(host, set()).add(address)
    return {host: tuple(sorted(found[host])) for host in sorted(found)}


def _addresses(made: Raw) -> Iterator[tuple[str, str]]:
    match made.get("kind"):
        case "Service":
            host = hosts.fqdn(key_of(made).name, key_of(made).namespace)
            given = raw.spec(made).get("clusterIPs")
            for address in given if isinstance(given, list) else ():
                if address != "None":
                    yield host, str(address)
        case "EndpointSlice" if "service.kubernetes.io/headless" in raw.labels(made):
            service = raw.labels(made).get(Label.SERVICE_NAME, "")
            yield from _pods(made, hosts.fqdn(service, key_of(made).namespace))


def _pods(endpoint_slice: Raw, host: str) -> Iterator[tuple[str, str]]:
    for endpoint in raw.objects(endpoint_slice.get("endpoints")):
        if raw.mapping(endpoint.get("conditions")).get("ready") is not True:
            continue
        name, addresses = raw.text(endpoint.get("hostname")), endpoint.get("addresses")
        for address in addresses if isinstance(addresses, list) else ():
            yield host, str(address)
            if name:
                yield f"{name}.{host}", str(address)


def with_other_names(known: Names, services: Iterable[Raw]) -> Names:
    """`known`, and the names of type ExternalName that lead to one of them."""
    targets = {
        hosts.fqdn(key_of(each).name, key_of(each).namespace): target.lower().removesuffix(".")
        for each in services
        if (target := raw.text(raw.spec(each).get("externalName")))
    }
    found = dict(known)
    for host in targets:
        last, seen = host, {host}
        while last not in known and (target := targets.get(last, "")) and target not in seen:
            last = target
            seen.add(last)
        if last in known:
            found[host] = known[last]
    return found
