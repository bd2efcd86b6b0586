"""One certificate in several Gateways of the same pods (IST0138): a browser keeps a connection for
all names in the certificate, and sends requests for one Gateway's hosts where those of another are.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.gateway import Gateway, Server
from crds.meta import Key

_Use = tuple[int, str, frozenset[tuple[str, str]]]
"""A port, a Secret, and the labels of the pods."""


def _run(facts: Facts) -> Iterator[Message]:
    looked_at = tuple(facts.subjects(Gateway))
    users = _users(facts) if looked_at else {}
    for key, gateway in looked_at:
        for index, server in enumerate(gateway.servers):
            for use in _uses(gateway, server):
                first = users[use][0]
                if first != key:
                    yield finding(
                        codes.GATEWAY_DUPLICATE_CERTIFICATE,
                        key,
                        f"spec.servers[{index}].tls",
                        f"{first} shows the same certificate at port {use[0]}, so browsers send "
                        "requests for the hosts of the one over connections to the other, where "
                        "they get a 404",
                        value=use[1],
                        remedy=f"Put the hosts into one server of {first}, or give each a "
                        "certificate of its own.",
                    )


def _users(facts: Facts) -> Mapping[_Use, list[Key]]:
    found: defaultdict[_Use, list[Key]] = defaultdict(list)
    for key, gateway in facts.every(Gateway):
        for server in gateway.servers:
            for use in _uses(gateway, server):
                found[use].append(key)
    return found


def _uses(gateway: Gateway, server: Server) -> Iterator[_Use]:
    """What it shows where it answers requests itself."""
    if server.is_https and server.tls is not None:
        for credential in server.tls.credentials:
            yield server.port.number, credential, frozenset(gateway.selector.items())


CERTIFICATES = Analyzer(
    name="certificates",
    summary="Gateways that share a certificate and a port.",
    codes=(codes.GATEWAY_DUPLICATE_CERTIFICATE,),
    run=_run,
)
