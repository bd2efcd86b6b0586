"""Which of a service's pods a request reaches."""

from itertools import pairwise

import pytest

from e2e.mesh import ECHO, Mesh, routes

ADDRESSES = 20
USERS = 60
"""That all belong to one of two pods, which has three fifths of the table, is once in 10^13."""
TURNS = 20


def policy(load_balancer: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: echo, namespace: e2e}}
spec: {{host: echo, trafficPolicy: {{loadBalancer: {load_balancer}}}}}
"""


def test_round_robin_takes_turns(mesh: Mesh) -> None:
    """Chance would do so for so long once in 10,000 runs. Envoy begins anew when it hears of the
    pods again."""
    mesh.apply(policy("{simple: ROUND_ROBIN}"))
    seen = [answer.seen.version for answer in mesh.repeat(ECHO, 3 * TURNS)]
    longest, turns = 0, 0
    for before, after in pairwise(seen):
        turns = turns + 1 if before != after else 0
        longest = max(longest, turns)
    assert longest >= TURNS, seen


@pytest.mark.parametrize("table", ["", ", ringHash: {minimumRingSize: 64}", ", maglev: {}"])
def test_a_hash_keeps_a_user_at_one_pod(mesh: Mesh, table: str) -> None:
    mesh.apply(policy(f"{{consistentHash: {{httpHeaderName: x-user{table}}}}}"))
    pods = {}
    for user in map(str, range(USERS)):
        seen = {answer.seen.version for answer in mesh.repeat(ECHO, 2, {"x-user": user})}
        assert len(seen) == 1, user
        pods[user] = seen.pop()
    assert set(pods.values()) == {"v1", "v2"}


def test_a_query_keeps_a_user_at_one_pod(mesh: Mesh) -> None:
    mesh.apply(policy("{consistentHash: {httpQueryParameterName: user}}"))
    pods = {}
    for user in map(str, range(USERS)):
        seen = {answer.seen.version for answer in mesh.repeat(f"{ECHO}/?user={user}", 2)}
        assert len(seen) == 1, user
        pods[user] = seen.pop()
    assert set(pods.values()) == {"v1", "v2"}


def test_an_address_keeps_its_requests_at_one_pod(mesh: Mesh) -> None:
    mesh.apply(policy("{consistentHash: {useSourceIp: true}}"))
    assert len({answer.seen.version for answer in mesh.repeat(ECHO, ADDRESSES)}) == 1


def test_an_address_keeps_its_connections_at_one_pod(intercepting: Mesh) -> None:
    def pods() -> set[str]:
        return {intercepting.tcp("echo", 9000, "hello").split()[1] for _ in range(ADDRESSES)}

    intercepting.apply(policy("{simple: ROUND_ROBIN}"))
    assert pods() == {"v1", "v2"}
    intercepting.apply(policy("{consistentHash: {useSourceIp: true}}"))
    assert len(pods()) == 1


def test_a_subset_has_a_policy_of_its_own(mesh: Mesh) -> None:
    """The rule's own counts for the others."""
    mesh.apply(
        routes(
            "[{match: [{uri: {prefix: /own}}], route: [{destination: {host: echo, subset: all}}]},"
            " {route: [{destination: {host: echo}}]}]"
        ).replace(
            "subsets:",
            "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n  subsets:\n    - {name: all, "
            "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}",
        )
    )
    user = {"x-user": "one"}
    assert len({a.seen.version for a in mesh.repeat(f"{ECHO}/own", ADDRESSES, user)}) == 1
    assert len({a.seen.version for a in mesh.repeat(ECHO, ADDRESSES, user)}) == 2


def test_a_cookie_is_set_and_followed(mesh: Mesh) -> None:
    mesh.apply(policy("{consistentHash: {httpCookie: {name: stick, ttl: 60s}}}"))
    first = mesh.get(ECHO)
    cookie = first.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("stick=")
    again = {answer.seen.version for answer in mesh.repeat(ECHO, 6, {"cookie": cookie})}
    assert again == {first.seen.version}


def test_a_session_cookie_lasts_as_long_as_the_client_does(mesh: Mesh) -> None:
    """A `ttl` of 0; without any, a client without the cookie gets none."""
    mesh.apply(policy("{consistentHash: {httpCookie: {name: stick, ttl: 0s, path: /a}}}"))
    cookie = mesh.get(ECHO).headers["set-cookie"]
    assert cookie.startswith("stick=")
    assert "Max-Age" not in cookie
    assert "Path=/a" in cookie
    mesh.apply(policy("{consistentHash: {httpCookie: {name: stick}}}"))
    assert "set-cookie" not in mesh.get(ECHO).headers
    given = mesh.repeat(ECHO, ADDRESSES, {"cookie": "stick=mine"})
    assert len({answer.seen.version for answer in given}) == 1
