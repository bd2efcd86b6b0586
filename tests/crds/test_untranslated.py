"""What is not translated yet is told where it is set, and only there."""

import pytest

from tests.crds.specs import decoded, told

ROUTE = "route: [{destination: {host: a}}]"


@pytest.mark.parametrize(
    ("kind", "spec", "problems"),
    [
        ("VirtualService", f"{{hosts: [a], http: [{{{ROUTE}}}], gateways: [mesh]}}", []),
        (
            "VirtualService",
            f"{{hosts: [a], http: [{{{ROUTE}}}], gateways: [mesh, gw]}}",
            [],
        ),
        (
            "VirtualService",
            f"{{hosts: [a], http: [{{{ROUTE}, match: [{{gateways: [gw]}}]}}]}}",
            [],
        ),
        (
            "VirtualService",
            f"{{hosts: [a], tcp: [{{{ROUTE}, match: [{{sourceSubnet: a, port: 1}}]}}]}}",
            ["~unsupported spec.tcp[0].match[0].sourceSubnet"],
        ),
        ("DestinationRule", "{host: a, trafficPolicy: {tls: {mode: DISABLE}}}", []),
        (
            "DestinationRule",
            "{host: a, trafficPolicy: {loadBalancer: {backendUtilization: {}}}}",
            ["~not-translated spec.trafficPolicy.loadBalancer.backendUtilization"],
        ),
        ("ServiceEntry", "{hosts: ['*.a'], resolution: DYNAMIC_DNS}", []),
        ("ServiceEntry", "{hosts: [a.b], resolution: DNS, subjectAltNames: []}", []),
    ],
)  # fmt: skip
def test_only_what_the_user_sets_is_told_of(kind: str, spec: str, problems: list[str]) -> None:
    assert told(decoded(kind, spec)) == problems
