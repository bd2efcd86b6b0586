"""Which rules follow from Services and their endpoints."""

from e2e.kube.services import rules
from e2e.kube.watched import Raw

SERVICE: Raw = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"clusterIP": "10.0.0.9", "ports": [{"name": "http", "port": 80}]},
}


def slice_of(service: str, *endpoints: tuple[str, bool]) -> Raw:
    return {
        "metadata": {"namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": ready}} for address, ready in endpoints
        ],
    }


def led(*slices: Raw) -> list[str]:
    """Where the Service leads."""
    lines = rules([SERVICE], slices).splitlines()
    return [line.removeprefix("-A SERVICES ") for line in lines if line.startswith("-A SERVICES")]


def test_each_ready_endpoint_has_an_equal_share() -> None:
    found = led(slice_of("web", ("10.1.0.1", True), ("10.1.0.2", True), ("10.1.0.3", False)))
    what = "-d 10.0.0.9/32 -p tcp --dport 80"
    assert found == [
        f"{what} -m statistic --mode random --probability 0.500000 -j DNAT"
        " --to-destination 10.1.0.1:8080",
        f"{what} -j DNAT --to-destination 10.1.0.2:8080",
    ]


def test_other_services_and_headless_ones_lead_nowhere() -> None:
    assert led(slice_of("api", ("10.1.0.1", True))) == []
    headless = {**SERVICE, "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]}}
    assert "DNAT --to" not in rules([headless], [slice_of("web", ("10.1.0.1", True))])
