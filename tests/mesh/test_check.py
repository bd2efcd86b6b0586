"""What users are told about an object in its surroundings: what, where, and the way out."""

import pytest

from crds.meta import Key
from crds.problem import Problem, Severity
from mesh.check import check, check_all
from tests.meshes import destination_rule, mesh_of, service, virtual_service
from tests.semantics import covers

SUBSETS = destination_rule("d", "{host: reviews, subsets: [{name: v1}, {name: v2}]}")


def problems(text: str) -> tuple[Problem, ...]:
    return check_all(mesh_of(text))


def told(text: str) -> list[tuple[str, str, str, str | None]]:
    return [(str(p.object), p.code, p.path, p.value) for p in problems(text)]


def to(destination: str, hosts: str = "[reviews]", kind: str = "http") -> str:
    return virtual_service(
        "v", f"{{hosts: {hosts}, {kind}: [{{route: [{{destination: {destination}}}]}}]}}"
    )


def test_nothing_is_wrong_with_what_is_right() -> None:
    text = service("reviews", ip="10.0.0.1") + SUBSETS + to("{host: reviews, subset: v1}")
    assert problems(text) == ()


@pytest.mark.parametrize(
    ("destination", "code", "field", "value", "hint"),
    [
        ("{host: review}", "unknown-host", "host", "review", "did you mean reviews.shop."),
        (
            "{host: reviews.bank.svc.cluster.local}",
            "unknown-host",
            "host",
            "reviews.bank.svc.cluster.local",
            "did you mean reviews.shop.",
        ),
        ("{host: other}", "unknown-host", "host", "other", "check the name and the namespace"),
        ("{host: reviews, subset: v11}", "unknown-subset", "subset", "v11", "did you mean v1?"),
        (
            "{host: reviews, subset: canary}",
            "unknown-subset",
            "subset",
            "canary",
            "(it has v1, v2)",
        ),
        (
            "{host: reviews, port: {number: 81}}",
            "unknown-port",
            "port.number",
            "81",
            "name one of 80",
        ),
    ],
)
def test_a_destination_that_does_not_exist(
    destination: str, code: str, field: str, value: str, hint: str
) -> None:
    (found,) = problems(service("reviews") + SUBSETS + to(destination))
    assert found.severity is Severity.ERROR
    assert (found.code, found.value) == (code, value)
    assert found.path == f"spec.http[0].route[0].destination.{field}"
    assert "these requests get a 503" in found.message
    assert hint in found.message


def test_a_subset_of_a_host_that_has_none() -> None:
    (found,) = problems(service("reviews") + to("{host: reviews, subset: v1}"))
    assert "there is none yet" in found.message


def test_a_subset_of_a_host_that_nothing_has_is_an_unknown_host() -> None:
    (found,) = problems(service("reviews") + to("{host: nowhere, subset: v1}"))
    assert found.code == "unknown-host"


def test_a_host_that_is_hidden_from_the_object() -> None:
    hidden = service("ratings", namespace="bank").replace(
        "namespace: bank}", "namespace: bank, annotations: {networking.istio.io/exportTo: '.'}}"
    )
    (found,) = problems(service("reviews") + hidden + to("{host: ratings.bank.svc.cluster.local}"))
    assert "is not exported to namespace shop" in found.message


@pytest.mark.parametrize(
    ("rule", "path", "outcome"),
    [
        (
            "http: [{mirror: {host: x}, route: [{destination: {host: reviews}}]}]",
            "spec.http[0].mirror.host",
            "nothing is mirrored",
        ),
        (
            "http: [{mirrors: [{destination: {host: x}}], route: [{destination: {host: reviews}}]}]",  # noqa: E501  # one rule
            "spec.http[0].mirrors[0].destination.host",
            "nothing is mirrored",
        ),
        (
            "tcp: [{route: [{destination: {host: x}}]}]",
            "spec.tcp[0].route[0].destination.host",
            "these connections are closed",
        ),
    ],
)
def test_what_becomes_of_it_is_said_as_it_is(rule: str, path: str, outcome: str) -> None:
    text = service("reviews", ports=["http:80", "tcp:81"], ip="10.0.0.1")
    (found,) = problems(text + virtual_service("v", f"{{hosts: [reviews], {rule}}}"))
    assert found.path == path
    assert outcome in found.message


def test_a_destination_without_the_port_that_was_called() -> None:
    """Without `port` the port that was called is meant, if the destination has several."""
    text = service("reviews", ports=["http:80", "http-b:82"])
    text += service("ratings", ports=["http:80", "http-b:81"]) + to("{host: ratings}")
    (found,) = problems(text)
    assert found.code == "port-needed"
    assert "has no port 82" in found.message
    assert found.value == ""


def test_a_routed_host_that_nothing_has() -> None:
    assert told(service("reviews") + to("{host: reviews}", "[reviews, review]")) == [
        (
            "VirtualService shop/v",
            "unknown-host",
            "spec.hosts[1]",
            "review.shop.svc.cluster.local",
        )
    ]


def test_a_destination_is_looked_for_at_the_ports_that_a_wildcard_covers() -> None:
    two = service("reviews", ports=["http:8080", "tcp:9000"])
    rule = to("{host: reviews}", "['*.shop.svc.cluster.local']")
    assert told(two + rule) == []


def test_a_wildcard_may_wait_for_its_services() -> None:
    assert told(service("reviews") + to("{host: reviews}", "['*.example.com']")) == []


def test_a_virtual_service_that_another_one_overrules() -> None:
    spec = "{hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}"
    text = service("reviews") + virtual_service("a", spec) + virtual_service("b", spec)
    ((about, code, path, _),) = told(text)
    assert (about, code, path) == (
        "VirtualService shop/b",
        "shadowed-virtual-service",
        "spec.hosts[0]",
    )


def test_a_virtual_service_that_hides_from_its_own_namespace_is_overruled_by_nobody() -> None:
    spec = "{hosts: [reviews], exportTo: [bank], http: [{route: [{destination: {host: reviews}}]}]}"
    assert told(service("reviews") + virtual_service("a", spec)) == []


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("reviews", True),
        ("'*.shop.svc.cluster.local'", True),
        ("review", False),
        ("'*.example.com'", False),
    ],
)
def test_a_destination_rule_for_nobody(host: str, known: bool) -> None:
    found = told(service("reviews") + destination_rule("d", f"{{host: {host}}}"))
    assert [code for _, code, _, _ in found] == ([] if known else ["unknown-host"])


def test_a_destination_rule_that_an_older_one_overrules() -> None:
    policy = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
    text = service("reviews")
    text += destination_rule("a", f"{{host: reviews, {policy}, subsets: [{{name: v1}}]}}")
    text += destination_rule(
        "b", f"{{host: reviews, {policy}, subsets: [{{name: v1}}, {{name: v2}}]}}"
    )
    assert [(about, code, path) for about, code, path, _ in told(text)] == [
        ("DestinationRule shop/b", "shadowed-traffic-policy", "spec.trafficPolicy"),
        ("DestinationRule shop/b", "duplicate-subset", "spec.subsets[0].name"),
    ]


def test_a_destination_rule_may_add_subsets_to_an_older_one() -> None:
    text = service("reviews") + SUBSETS
    text += destination_rule("e", "{host: reviews, subsets: [{name: v3}]}")
    assert told(text) == []


def test_a_port_that_does_not_say_what_it_speaks() -> None:
    assert told(service("a", ports=["http:80", "odd:81"], ip="10.0.0.1")) == [
        ("Service shop/a", "protocol-unknown", "spec.ports[1]", "odd")
    ]


def test_two_services_with_one_address_and_port() -> None:
    text = service("a", ip="10.0.0.1") + service("b", ip="10.0.0.1")
    ((about, code, path, value),) = told(text)
    assert (about, code, path, value) == (
        "Service shop/b",
        "address-conflict",
        "spec.ports[0]",
        "10.0.0.1:80",
    )


def test_http_on_a_port_of_the_sidecar() -> None:
    found = told(service("a", ports=["http:15001", "tcp:15006"], ip="10.0.0.1"))
    assert found == [("Service shop/a", "reserved-port", "spec.ports[0]", "15001")]


@pytest.mark.parametrize("ip", ["None", "", "10.0.0.1"])
def test_tcp_of_kubernetes_has_an_address(ip: str) -> None:
    """Without a clusterIP in a file the cluster still gives one; the clients of a headless service
    know those of its endpoints."""
    assert told(service("a", ports=["http:80", "tcp:81"], ip=ip)) == []


@pytest.mark.parametrize(
    ("port", "more", "code"),
    [
        ("{number: 81, name: tcp, protocol: TCP}", "", "no-address"),
        ("{number: 81, name: tcp, protocol: TCP}", ", addresses: [10.0.0.1]", ""),
        ("{number: 81, name: tcp, protocol: TCP}", ", addresses: [10.0.0.0/8]", ""),
        ("{number: 81, name: tls, protocol: TLS}", "", ""),
        ("{number: 81, name: http, protocol: HTTP}", "", ""),
        ("{number: 15006, name: tls, protocol: TLS}", "", "reserved-port"),
        ("{number: 15021, name: http, protocol: HTTP}", ", addresses: [10.0.0.1]", "reserved-port"),
        ("{number: 15020, name: http, protocol: HTTP}", "", "reserved-port"),
    ],
)
def test_a_service_entry_that_is_told_by_its_port_alone(port: str, more: str, code: str) -> None:
    text = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: e, namespace: shop}\n"
        f"spec: {{hosts: [a.example.com], ports: [{port}], resolution: STATIC,"
        f" endpoints: [{{address: 10.9.0.1}}]{more}}}\n"
    )
    assert [found for _, found, _, _ in told(text)] == ([code] if code else [])


def opaque(name: str, created: str, protocol: str = "TCP", namespace: str = "shop") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}'}}\n"
        f"spec: {{hosts: [{name}.example.com], resolution: DNS, exportTo: ['.'], "
        f"ports: [{{number: 81, name: p, protocol: {protocol}}}]}}\n"
    )


@pytest.mark.parametrize(
    ("other", "about"),
    [
        (opaque("b", "2026-01-01T00:00:00Z"), "a belongs to ServiceEntry shop/b"),
        (opaque("b", "2026-03-01T00:00:00Z"), "b belongs to ServiceEntry shop/a"),
        (opaque("b", "2026-03-01T00:00:00Z", "HTTP"), "a belongs to HTTP services"),
        (opaque("b", "2026-01-01T00:00:00Z", "TLS"), ""),
        (opaque("b", "2026-01-01T00:00:00Z", namespace="bank"), ""),
    ],
    ids=["an older one", "a younger one", "HTTP", "TLS", "one that it does not see"],
)
@covers("S-50")
def test_who_does_not_get_the_port_hears_of_it(other: str, about: str) -> None:
    found = check_all(mesh_of(opaque("a", "2026-02-01T00:00:00Z") + other))
    told_of = [
        f"{p.object.name} belongs to {p.message.rpartition('belongs to ')[2]}"
        for p in found
        if p.code == "port-conflict" and p.object
    ]
    assert told_of == ([about] if about else [])


def test_an_endpoint_that_nobody_can_connect_to() -> None:
    text = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: e, namespace: shop}\n"
        "spec: {hosts: [a.example.com], ports: [{number: 80, name: http, protocol: HTTP}],"
        " resolution: STATIC, workloadSelector: {labels: {app: a}}}\n"
        "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
        "metadata: {name: w, namespace: shop}\n"
        "spec: {address: a.example.org, labels: {app: a}}\n"
    )
    assert told(text) == [
        ("ServiceEntry shop/e", "unusable-endpoint", "spec.endpoints", "a.example.org")
    ]


def test_an_object_of_which_nothing_is_known_has_no_problems() -> None:
    assert check(mesh_of(service("a")), Key("", "Service", "shop", "b")) == ()


def test_of_many_names_that_are_alike_the_nearest_is_meant() -> None:
    """Only a few are compared letter by letter: those that begin and end alike."""
    text = "".join(service(f"part-{number}-of-shop") for number in range(100, 200))
    routed = (
        "{hosts: [part-100-of-shop], http: [{route: [{destination: {host: prat-142-of-shop}}]}]}"
    )
    (found,) = problems(text + virtual_service("v", routed))
    assert "did you mean part-142-of-shop." in found.message
