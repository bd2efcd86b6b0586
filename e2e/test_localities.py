"""Endpoints near and far: which of them a client in one place uses, and when it turns to others."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

import pytest

from e2e.mesh import Mesh
from e2e.witness import pod, policy

HERE, THERE = "e2e/here", "e2e/there"
URL = "http://place:8080/"
PLACES = {"near": "eu.eu-1.a", "zone": "eu.eu-2.a", "far": "us.us-1.a", "farthest": "ap.ap-1.a"}
PATIENCE = 1000
"""Rounds of requests; Envoy puts changes of endpoints off for up to a second."""
EJECTS = (
    "outlierDetection: {consecutive5xxErrors: 1, interval: 60s, baseEjectionTime: 120s, "
    "maxEjectionPercent: 100}"
)
TURNS = "simple: ROUND_ROBIN"
WORLD = """
apiVersion: v1
kind: Service
metadata: {name: place, namespace: e2e}
spec: {selector: {app: place}, ports: [{name: http, port: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: place, namespace: e2e}
spec: {hosts: [place], http: [{retries: {attempts: 0}, route: [{destination: {host: place}}]}]}
"""


def client(name: str, place: str) -> str:
    """A client there, whose version is `far`."""
    return f"""
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: e2e
  labels: {{app: {name}, istio-locality: {place}, version: far}}
  annotations: {{proxy.istio.io/config: "concurrency: 1"}}
spec:
  containers: [{{name: client, image: heddle-e2e/client, stdin: true}}]
"""


def world(*places: str) -> Iterable[str]:
    """A client in the first of all places, and a server outside of the mesh in each of these, that
    has its name for a version."""
    yield WORLD
    yield client("here", "eu.eu-1.a")
    for name in places:
        labels = f"app: place, version: {name}, istio-locality: {PLACES[name]}"
        yield pod(name, "echo", 8080, labels, VERSION=name)


def used(mesh: Mesh, times: int = 24, via: str = HERE) -> Counter[str]:
    """How often each place answers."""
    answers = mesh.repeat(URL, times, via=via)
    return Counter(answer.seen.version for answer in answers)


def test_without_outlier_detection_no_place_is_preferred(mesh: Mesh) -> None:
    mesh.apply(*world(*PLACES), policy("place", f"loadBalancer: {{{TURNS}}}"))
    assert set(used(mesh)) == set(PLACES)


def test_each_client_uses_what_is_near_to_it(mesh: Mesh) -> None:
    mesh.apply(*world(*PLACES), client("there", "us.us-2"), policy("place", EJECTS))
    assert set(used(mesh)) == {"near"}
    assert set(used(mesh, via=THERE)) == {"far"}


def test_the_next_place_is_used_when_the_nearest_has_gone(mesh: Mesh) -> None:
    mesh.apply(*world(*PLACES), policy("place", EJECTS))
    mesh.apply(*world("zone", "far", "farthest"), policy("place", EJECTS))
    assert set(used(mesh)) == {"zone"}


def failing(place: str) -> Mapping[str, str]:
    return {"x-echo-fail": "1", "x-echo-only": place}


@pytest.mark.parametrize(
    ("setting", "order"),
    [
        ("", ["near", "zone", "far farthest"]),
        ("failover: [{from: eu, to: ap}]", ["near", "zone", "farthest", "far"]),
        ("failoverPriority: [version]", ["far", "near zone farthest"]),
        (
            "failoverPriority: [topology.kubernetes.io/region=ap, topology.kubernetes.io/region]",
            ["farthest", "near zone far"],
        ),
    ],
)
def test_places_that_fail_are_left_one_after_the_other(
    mesh: Mesh, setting: str, order: list[str]
) -> None:
    locality = f"loadBalancer: {{{TURNS}, localityLbSetting: {{{setting}}}}}"
    mesh.apply(*world(*PLACES), policy("place", f"{locality}, {EJECTS}"))
    for place, following in pairwise(order):
        assert set(used(mesh)) == {place}
        assert mesh.get(URL, failing(place), via=HERE).status == 503
        left = (used(mesh, 4) for _ in range(PATIENCE))
        assert any(place not in seen for seen in left)
        assert set(used(mesh)) == set(following.split())


def test_places_get_their_shares(mesh: Mesh) -> None:
    shares = "distribute: [{from: eu/*, to: {eu/eu-2: 75, us: 25}}]"
    locality = f"loadBalancer: {{{TURNS}, localityLbSetting: {{{shares}}}}}"
    mesh.apply(*world(*PLACES), policy("place", locality))
    seen = used(mesh, 40)
    assert set(seen) == {"zone", "far"}
    assert 25 <= seen["zone"] <= 35


def test_nothing_is_preferred_where_it_is_turned_off(mesh: Mesh) -> None:
    locality = f"loadBalancer: {{{TURNS}, localityLbSetting: {{enabled: false}}}}"
    mesh.apply(*world(*PLACES), policy("place", f"{locality}, {EJECTS}"))
    assert set(used(mesh)) == set(PLACES)


def test_endpoints_that_envoy_resolves_have_places_too(mesh: Mesh) -> None:
    mesh.apply(*world(*PLACES))
    listed = ", ".join(
        f"{{address: {mesh.address(f'e2e/{name}')}, locality: {place.replace('.', '/')}}}"
        for name, place in PLACES.items()
    )
    entry = (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: named, namespace: e2e}\n"
        "spec: {hosts: [named.example.com], resolution: DNS, endpoints: "
        f"[{listed}], ports: [{{number: 8080, name: http, protocol: HTTP}}]}}"
    )
    here = (text.replace("{host: place}", "{host: named.example.com}") for text in world(*PLACES))
    mesh.apply(*here, entry, policy("named.example.com", EJECTS))
    assert set(used(mesh)) == {"near"}
    assert mesh.get(URL, failing("near"), via=HERE).status == 503
    assert any("near" not in used(mesh, 4) for _ in range(PATIENCE))
    assert set(used(mesh)) == {"zone"}
