"""TCP: a port that is not HTTP is carried byte by byte, to the version that is chosen.

In proxy-port mode through a tunnel that the client's sidecar opens.
"""

from collections import Counter

from e2e.mesh import CHANCE, CLIENT, STRANGER, SUBSETS, Mesh
from heddle.demo.statistics import p_value
from tests.semantics import covers

PLAIN = "hello, this is no HTTP"
HOST = "echo.e2e.svc.cluster.local"


def to(*versions: str) -> str:
    """The destinations of a rule: `v1` or, with a share, `v1:90`."""
    shares = (version.partition(":") for version in versions)
    listed = (
        f"{{destination: {{host: echo, subset: {name}}}{f', weight: {share}' if share else ''}}}"
        for name, _, share in shares
    )
    return f"route: [{', '.join(listed)}]"


def rules(*tcp: str) -> str:
    return f"""
{SUBSETS}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: e2e}}
spec: {{hosts: [{HOST}], tcp: [{", ".join(f"{{{rule}}}" for rule in tcp)}]}}
"""


def reached(mesh: Mesh, via: str = CLIENT, times: int = 3) -> Counter[str]:
    """How often each version answered; every answer is to what was sent."""
    answers = [mesh.tcp(HOST, 9000, f"{PLAIN} {i}", via=via).split(" ", 2) for i in range(times)]
    assert [rest for _, _, rest in answers] == [f"{PLAIN} {i}" for i in range(times)]
    return Counter(version for _, version, _ in answers)


def test_bytes_arrive_and_come_back(mesh: Mesh) -> None:
    assert mesh.tcp("echo", 9000, PLAIN).endswith(PLAIN)


def test_a_rule_chooses_the_version(mesh: Mesh) -> None:
    for version in ("v1", "v2", "v1"):
        mesh.apply(rules(f"match: [{{port: 9000}}], {to(version)}"))
        assert reached(mesh).keys() == {version}


def test_weights_are_shares_of_the_connections(mesh: Mesh) -> None:
    mesh.apply(rules(to("v1:4", "v2:1")))
    shares = reached(mesh, times=200)
    assert p_value(shares["v2"], 200, 0.2) > CHANCE, shares
    mesh.apply(rules(to("v1:0", "v2:1")))
    assert reached(mesh, times=10).keys() == {"v2"}


@covers("S-12")
def test_rules_are_for_some_clients(mesh: Mesh) -> None:
    for source in ("sourceNamespace: other", "sourceLabels: {app: stranger}"):
        mesh.apply(rules(f"match: [{{{source}}}], {to('v2')}", to("v1")))
        assert reached(mesh, CLIENT).keys() == {"v1"}, source
        assert reached(mesh, STRANGER).keys() == {"v2"}, source


@covers("S-49")
def test_the_first_rule_that_matches_counts_and_the_service_gets_the_rest(mesh: Mesh) -> None:
    nowhere = "destinationSubnets: [203.0.113.0/24]"
    mesh.apply(rules(f"match: [{{{nowhere}}}, {{port: 9000}}], {to('v1')}", to("v2")))
    assert reached(mesh).keys() == {"v1"}
    mesh.apply(rules(f"match: [{{{nowhere}}}, {{port: 9001}}], {to('v1')}", to("v2")))
    assert reached(mesh).keys() == {"v2"}
    mesh.apply(rules(f"match: [{{{nowhere}}}], {to('v1')}"))
    assert reached(mesh, times=40).keys() == {"v1", "v2"}


def test_rules_tell_addresses_apart(intercepting: Mesh) -> None:
    """One port of one service at two addresses."""
    here, there = "198.51.100.1", "198.51.100.2"
    v1, v2 = (intercepting.address(f"e2e/echo-{version}") for version in ("v1", "v2"))
    one, two = (
        f"{{address: {address}, labels: {{version: {version}}}}}"
        for address, version in ((v1, "v1"), (v2, "v2"))
    )
    entry = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: two, namespace: e2e}}
spec:
  hosts: [two.test]
  addresses: [{here}, {there}]
  ports: [{{number: 9000, name: tcp, protocol: TCP}}]
  resolution: STATIC
  endpoints: [{one}, {two}]
"""
    text = rules(f"match: [{{destinationSubnets: [{there}/32]}}], {to('v2')}", to("v1"))
    intercepting.apply(
        entry, text.replace(HOST, "two.test").replace("host: echo", "host: two.test")
    )
    for address, version in ((here, "v1"), (there, "v2")):
        assert intercepting.tcp(address, 9000, "hello") == f"echo {version} hello"
