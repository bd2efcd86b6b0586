"""A subset comes and goes, with the rule that needs it, at 500 requests a second: none fails."""

from itertools import cycle, islice

import pytest

from e2e.mesh import ECHO, SUBSETS, Mesh

RATE = 500
AIMED_AT = 600
"""So that the client reaches the rate although it waits for its turn on the machine."""
ROUNDS, MANY_ROUNDS = 4, 60
"""The many are for `make test-load`, which also wants to see the rate reached."""

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: e2e}
spec:
  hosts: [echo]
  http:
    - route:
        - {destination: {host: echo, subset: v1}, weight: 50}
        - {destination: {host: echo, subset: v2}, weight: 50}
"""

ORDERS = {
    "the rule comes first": (RULE, SUBSETS),
    "the subset comes first": (SUBSETS, RULE),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("texts", ORDERS.values(), ids=ORDERS)
def test_a_subset_that_comes_and_goes_fails_no_request(
    mesh: Mesh, texts: tuple[str, str], heavy: bool
) -> None:
    """Both objects in one apply, each time; both gone in one."""
    rounds = MANY_ROUNDS if heavy else ROUNDS
    with mesh.load(ECHO, rate=AIMED_AT) as counts:
        for objects in islice(cycle((texts, ("",))), 2 * rounds):
            mesh.apply(*objects)
    print(f"{counts.requests} requests, {counts.rate:.0f} a second, failed: {counts.failures}")
    assert counts.failures == {}
    assert counts.rate >= RATE or not heavy
    assert set(counts.versions) == {"v1", "v2"}
