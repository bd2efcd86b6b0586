from envoy.config.core.v3.health_check_pb2 import HealthStatus

from crds.fields import EMPTY, FrozenMap
from mesh.endpoints import Endpoint, Locality
from translator.endpoints import load_assignment

V1 = FrozenMap({"app": "reviews", "version": "v1"})
V2 = FrozenMap({"app": "reviews", "version": "v2"})


def addresses(*endpoints: Endpoint, labels: FrozenMap[str] | None = None) -> list[str]:
    assignment = load_assignment("c", endpoints, EMPTY if labels is None else labels)
    return [
        endpoint.endpoint.address.socket_address.address
        for locality in assignment.endpoints
        for endpoint in locality.lb_endpoints
    ]


def test_no_endpoints_are_still_an_assignment() -> None:
    assignment = load_assignment("c", (), EMPTY)
    assert assignment.cluster_name == "c"
    assert not assignment.endpoints


def test_a_subset_has_the_endpoints_with_all_of_its_labels() -> None:
    endpoints = (
        Endpoint(address="10.0.0.1", port=80, labels=V1),
        Endpoint(address="10.0.0.2", port=80, labels=V2),
    )
    assert addresses(*endpoints) == ["10.0.0.1", "10.0.0.2"]
    assert addresses(*endpoints, labels=FrozenMap({"version": "v2"})) == ["10.0.0.2"]
    assert addresses(*endpoints, labels=FrozenMap({"version": "v3"})) == []


def test_the_order_of_endpoints_does_not_matter() -> None:
    east, west = Locality(region="east"), Locality(region="west", zone="a")
    endpoints = [
        Endpoint(address="10.0.0.2", port=80, locality=east),
        Endpoint(address="10.0.0.1", port=80, locality=west),
        Endpoint(address="10.0.0.1", port=80, locality=east),
        Endpoint(address="10.0.0.3", port=80),
    ]
    forward = load_assignment("c", endpoints, EMPTY)
    backward = load_assignment("c", endpoints[::-1], EMPTY)
    assert forward == backward
    assert [group.locality.region for group in forward.endpoints] == ["", "east", "west"]


def test_an_unready_endpoint_is_sent_as_unhealthy() -> None:
    assignment = load_assignment("c", (Endpoint(address="1.1.1.1", port=80, healthy=False),), EMPTY)
    assert assignment.endpoints[0].lb_endpoints[0].health_status == HealthStatus.UNHEALTHY


def test_a_locality_weighs_what_its_endpoints_weigh() -> None:
    endpoints = (
        Endpoint(address="1.1.1.1", port=80, weight=3),
        Endpoint(address="1.1.1.2", port=80, weight=0),
    )
    group = load_assignment("c", endpoints, EMPTY).endpoints[0]
    assert [e.load_balancing_weight.value for e in group.lb_endpoints] == [3, 1]
    assert group.load_balancing_weight.value == 4
