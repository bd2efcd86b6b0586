"""From which address a call comes, as the policies of who takes it see that."""

from dataclasses import replace

import pytest

from explain.request import ELSEWHERE
from explain.trace import trace
from heddle.explained.tracing import Called, asked_of
from mesh.proxy import Mode
from tests.explain.egress import EGRESS, OUT, PLAIN, called, passing, pod_of, server, to, way
from tests.explain.scenario import policy, situation

WEB = "web.shop.svc.cluster.local"
CLIENT, GATEWAY = "deploy/client-v1.shop", "deploy/out.edge"
REQUESTS = (PLAIN, way(80, onward=to(WEB, 80)))
CONNECTIONS = (
    server(443, "TLS", "mode: PASSTHROUGH"),
    passing(
        "tls",
        f"port: 443, sniHosts: [far.test]}}], {to(OUT, 443)}",
        f"port: 443, sniHosts: [far.test]}}], {to(WEB, 5432)}",
    ),
)


@pytest.mark.parametrize(
    ("url", "who", "field"),
    [
        ("http://web/", CLIENT, "ipBlocks"),
        ("http://web/", CLIENT, "remoteIpBlocks"),
        ("http://far.test/", GATEWAY, "ipBlocks"),
        ("http://far.test/", CLIENT, "remoteIpBlocks"),
        ("tls://far.test", GATEWAY, "ipBlocks"),
        ("tls://far.test", GATEWAY, "remoteIpBlocks"),
    ],
)
def test_behind_a_gateway_the_first_client_is_known_too(url: str, who: str, field: str) -> None:
    """By what the gateway says in requests; who connects is the gateway itself."""
    objects = CONNECTIONS if url.startswith("tls") else REQUESTS
    for other in (CLIENT, GATEWAY):
        with situation(EGRESS) as now:
            (address,) = pod_of(now, other)
        rule = f"{{from: [{{source: {{{field}: [{address}]}}}}]}}"
        denied = policy("away", f"  action: DENY\n  rules: [{rule}]\n")
        with situation(EGRESS, *objects, denied) as now:
            assert called(now, url).ok is (other != who)


def test_who_is_not_intercepted_has_no_address_of_its_own() -> None:
    rule = f"{{from: [{{source: {{ipBlocks: [{ELSEWHERE}]}}}}]}}"
    with situation(policy("away", f"  action: DENY\n  rules: [{rule}]\n")) as now:
        client = now.proxy(CLIENT)
        asked = asked_of(now, client, Called(url="http://web/"))
        assert trace(now.mesh, client, now.proxies, asked).ok
        bare = replace(client, mode=Mode.NONE, address="127.0.0.9")
        assert not trace(now.mesh, bare, now.proxies, asked).ok
