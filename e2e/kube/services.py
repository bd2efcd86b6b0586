"""A stand-in for kube-proxy: the rules that lead addresses of Services to ready pods.

Pure. The mesh does without: its sidecars call pods. But whoever has no sidecar (the control plane
that calls the API server, the API server that calls webhooks, a sidecar that looks for the control
plane) calls a Service.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crds.meta import Label
from webhook import raw

Raw = Mapping[str, object]
Target = tuple[str, int]


def rules(services: Iterable[Raw], slices: Sequence[Raw]) -> str:
    """All of it, for `iptables-restore`: TCP over IPv4.

    The answer of a pod would go straight to its neighbour, which knows nothing of it: so what was
    led somewhere else comes from the node.
    """
    lines = [
        "*nat",
        ":PREROUTING ACCEPT [0:0]",
        ":OUTPUT ACCEPT [0:0]",
        ":POSTROUTING ACCEPT [0:0]",
        ":SERVICES - [0:0]",
        "-A PREROUTING -j SERVICES",
        "-A OUTPUT -j SERVICES",
        *(line for service in services for line in _of_service(service, slices)),
        "-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE",
        "COMMIT",
    ]
    return "".join(f"{line}\n" for line in lines)


def _of_service(service: Raw, slices: Sequence[Raw]) -> Iterator[str]:
    address = raw.text(raw.spec(service).get("clusterIP"))
    if not address or address == "None":
        return
    own = [each for each in slices if _belongs(each, service)]
    for port in raw.objects(raw.spec(service).get("ports")):
        if port.get("protocol", "TCP") == "TCP":
            found = sorted({t for each in own for t in _targets(each, raw.text(port.get("name")))})
            yield from _shared(f"-d {address}/32 -p tcp --dport {port.get('port')}", found)


def _shared(what: str, targets: Sequence[Target]) -> Iterator[str]:
    """One of the targets for each new connection."""
    for number, (address, port) in enumerate(targets):
        left = len(targets) - number
        share = f" -m statistic --mode random --probability {1 / left:.6f}" if left > 1 else ""
        yield f"-A SERVICES {what}{share} -j DNAT --to-destination {address}:{port}"


def _belongs(found: Raw, service: Raw) -> bool:
    of, name = raw.metadata(found), raw.metadata(service)
    return of.get("namespace") == name.get("namespace") and (
        raw.labels(found).get(Label.SERVICE_NAME) == name.get("name")
    )


def _targets(found: Raw, port: str) -> Iterator[Target]:
    if found.get("addressType") != "IPv4":
        return
    numbers = [
        each.get("port")
        for each in raw.objects(found.get("ports"))
        if raw.text(each.get("name")) == port
    ]
    for endpoint in raw.objects(found.get("endpoints")):
        if raw.mapping(endpoint.get("conditions")).get("ready") is not False:
            addresses = endpoint.get("addresses")
            for address in addresses if isinstance(addresses, list) else ():
                yield from ((str(address), n) for n in numbers if isinstance(n, int))
