"""TCP: a port that is not HTTP is passed through byte by byte, to the version that is chosen."""

from e2e.mesh import SUBSETS, Mesh

PLAIN = "hello, this is no HTTP"


def routed(version: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: e2e}}
spec:
  hosts: [echo]
  tcp: [{{match: [{{port: 9000}}], route: [{{destination: {{host: echo, subset: {version}}}}}]}}]
"""


def test_bytes_arrive_and_come_back(intercepting: Mesh) -> None:
    assert intercepting.tcp("echo", 9000, PLAIN).endswith(PLAIN)


def test_a_rule_chooses_the_version(intercepting: Mesh) -> None:
    for version in ("v1", "v2", "v1"):
        intercepting.apply(SUBSETS, routed(version))
        answers = {intercepting.tcp("echo", 9000, PLAIN) for _ in range(5)}
        assert answers == {f"echo {version} {PLAIN}"}
