"""Which of a service's pods a request reaches."""

from collections import Counter

from e2e.mesh import ECHO, Mesh

ADDRESSES = 20


def policy(load_balancer: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: echo, namespace: e2e}}
spec: {{host: echo, trafficPolicy: {{loadBalancer: {load_balancer}}}}}
"""


def test_round_robin_takes_turns(mesh: Mesh) -> None:
    mesh.apply(policy("{simple: ROUND_ROBIN}"))
    seen = Counter(answer.seen.version for answer in mesh.repeat(ECHO, 20))
    assert seen == {"v1": 10, "v2": 10}


def test_a_hash_keeps_a_user_at_one_pod(mesh: Mesh) -> None:
    mesh.apply(policy("{consistentHash: {httpHeaderName: x-user}}"))
    pods = {}
    for user in map(str, range(ADDRESSES)):
        seen = {answer.seen.version for answer in mesh.repeat(ECHO, 4, {"x-user": user})}
        assert len(seen) == 1, user
        pods[user] = seen.pop()
    assert set(pods.values()) == {"v1", "v2"}


def test_a_cookie_is_set_and_followed(mesh: Mesh) -> None:
    mesh.apply(policy("{consistentHash: {httpCookie: {name: stick, ttl: 60s}}}"))
    first = mesh.get(ECHO)
    cookie = first.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("stick=")
    again = {answer.seen.version for answer in mesh.repeat(ECHO, 6, {"cookie": cookie})}
    assert again == {first.seen.version}
