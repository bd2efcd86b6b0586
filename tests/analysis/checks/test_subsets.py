"""IST0173: subsets that select no endpoint."""

import pytest

from analysis.checks.subsets import SUBSETS
from analysis.severity import Severity
from tests.analysis.yaml_objects import istio, pod, slice_of
from tests.facts import findings, told
from tests.meshes import destination_rule, service, virtual_service

SHOP = service("web") + pod("web", labels="version: v1") + slice_of("web", "web", "http:80")
RULE = destination_rule(
    "web", "{host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: %s}]}"
)
ROUTE = virtual_service(
    "web", "{hosts: [web], http: [{route: [{destination: {host: web, subset: %s}}]}]}"
)


@pytest.mark.parametrize(("subset", "severity"), [("v2", Severity.ERROR), ("v1", Severity.WARNING)])
def test_a_subset_without_endpoints_is_worse_if_requests_go_there(
    subset: str, severity: Severity
) -> None:
    text = SHOP + RULE % "{version: v2}" + ROUTE % subset
    found = findings(text, [SUBSETS])
    assert told(found) == [("IST0173", "DestinationRule shop/web", "spec.subsets[1].labels")]
    assert (found[0].severity, found[0].value) == (severity, "version=v2")


@pytest.mark.parametrize(
    "text",
    [
        SHOP + RULE % "{app: web}",
        service("web") + RULE % "{version: v2}",
        SHOP + destination_rule("web", "{host: web}"),
        istio(
            "ServiceEntry",
            "api",
            "{hosts: [api.example.com], resolution: DNS, ports: [{number: 80, name: http, "
            "protocol: HTTP}]}",
        )
        + destination_rule("api", "{host: api.example.com, subsets: [{name: a, labels: {b: c}}]}"),
    ],
    ids=["it has one", "nothing runs", "no subsets", "only DNS knows"],
)
def test_what_is_no_mistake(text: str) -> None:
    assert findings(text, [SUBSETS]) == ()


TO_V2 = "{destination: {host: web, subset: v2}, weight: %d}"
TO_V1 = "{destination: {host: web, subset: v1}, weight: 100}"


@pytest.mark.parametrize(
    ("rules", "severity"),
    [
        (f"http: [{{route: [{TO_V1}, {TO_V2 % 0}]}}]", Severity.WARNING),
        (f"http: [{{route: [{TO_V1}, {TO_V2 % 1}]}}]", Severity.ERROR),
        (f"tcp: [{{route: [{TO_V2 % 0}]}}]", Severity.ERROR),
        (f"http: [{{route: [{TO_V1}], mirror: {{host: web, subset: v2}}}}]", Severity.ERROR),
        (
            f"http: [{{route: [{TO_V1}], mirrors: [{{destination: {{host: web, subset: v2}}}}]}}]",
            Severity.ERROR,
        ),
    ],
    ids=["a place for a canary", "a share", "all", "a mirror", "one of the mirrors"],
)
def test_it_is_worse_only_where_something_is_sent(rules: str, severity: Severity) -> None:
    routes = virtual_service("web", f"{{hosts: [web], {rules}}}")
    found = findings(SHOP + RULE % "{version: v2}" + routes, [SUBSETS])
    assert [each.severity for each in found if each.code.id == "IST0173"] == [severity]
