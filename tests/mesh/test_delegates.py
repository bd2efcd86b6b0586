"""Rules of delegates in the place of their root's: what goes together, what does not."""

import pytest

from crds.meta import Key
from crds.virtual_service import HTTPRoute
from mesh.check import check
from mesh.delegates import unusable
from mesh.mesh import Mesh
from mesh.store import Change
from mesh.virtual_services import advance, destination_hosts
from tests.meshes import additions, mesh_of, objects_of, service, virtual_service
from tests.semantics import covers

ROUTE = "route: [{destination: {host: b}}]"
SHOP = service("a") + service("b") + service("b", "team")


def root(match: str = "", name: str = "root", more: str = "") -> str:
    blocks = f"match: [{match}], " if match else ""
    return virtual_service(
        name,
        f"{{hosts: [a], http: [{{{blocks}delegate: {{name: rules, namespace: team}}{more}}}]}}",
    )


def delegate(match: str = "", more: str = "", export: str = "") -> str:
    blocks = f"match: [{match}], " if match else ""
    return virtual_service(
        "rules", f"{{http: [{{{blocks}{ROUTE}{more}}}]{export}}}", namespace="team"
    )


def key(name: str, namespace: str = "shop") -> Key:
    return Key("networking.istio.io", "VirtualService", namespace, name)


def codes(mesh: Mesh, name: str, namespace: str = "shop") -> list[str]:
    return [problem.code for problem in check(mesh, key(name, namespace))]


@pytest.mark.parametrize(
    ("above", "own"),
    [
        ("{uri: {prefix: /a}}", "{uri: {prefix: /a}}"),
        ("{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}"),
        ("{uri: {prefix: /a}}", "{uri: {exact: /ab}}"),
        ("{uri: {exact: /a}}", "{uri: {exact: /a}}"),
        ("{uri: {prefix: /a}, ignoreUriCase: true}", "{method: {exact: GET}, ignoreUriCase: true}"),
        ("{headers: {x: {exact: a}}}", "{headers: {y: {regex: a.*}}}"),
        ("{headers: {x: {regex: a.*}}}", "{queryParams: {x: {}}}"),
        ("{port: 80}", "{port: 80}"),
        ("{port: 80}", "{scheme: {exact: http}}"),
        ("{}", "{sourceNamespace: shop}"),
        ("{sourceNamespace: shop}", "{sourceNamespace: shop}"),
        ("{sourceLabels: {app: x}}", "{sourceLabels: {version: v1}}"),
        ("{gateways: [mesh, gw]}", "{gateways: [gw]}"),
        ("{uri: {prefix: /a}}, {uri: {prefix: /b}}", "{uri: {prefix: /b/c}}"),
    ],
)
@covers("S-9")
def test_what_is_narrower_goes_together(above: str, own: str) -> None:
    mesh = mesh_of(SHOP + root(above) + delegate(own))
    assert len(mesh.virtual_services.objects[key("root")].http) == 1
    assert "delegate-conflict" not in codes(mesh, "rules", "team")


@pytest.mark.parametrize(
    ("above", "own", "why"),
    [
        ("{uri: {prefix: /a/b}}", "{uri: {prefix: /a}}", "uri"),
        ("{uri: {exact: /a}}", "{uri: {prefix: /a}}", "uri"),
        ("{uri: {exact: /a}}", "{uri: {exact: /b}}", "uri"),
        ("{uri: {prefix: /a}}", "{uri: {regex: /a/.*}}", "uri"),
        ("{uri: {regex: /a/.*}}", "{uri: {exact: /a/b}}", "uri"),
        ("{uri: {prefix: /a}, ignoreUriCase: true}", "{method: {exact: GET}}", "ignoreUriCase"),
        ("{method: {exact: GET}}", "{method: {exact: POST}}", "method"),
        ("{scheme: {exact: http}}", "{scheme: {exact: https}}", "scheme"),
        ("{authority: {prefix: a}}", "{authority: {exact: b}}", "authority"),
        ("{headers: {x: {}}}", "{headers: {x: {}}}", 'headers["x"]'),
        ("{headers: {x: {exact: a}}}", "{headers: {x: {}}}", 'headers["x"]'),
        ("{withoutHeaders: {x: {}}}", "{withoutHeaders: {x: {}}}", 'withoutHeaders["x"]'),
        ("{queryParams: {x: {prefix: a}}}", "{queryParams: {x: {}}}", 'queryParams["x"]'),
        ("{port: 80}", "{port: 90}", "port"),
        ("{sourceNamespace: shop}", "{}", "sourceNamespace"),
        ("{sourceLabels: {app: x}}", "{sourceLabels: {app: y}}", 'sourceLabels["app"]'),
        ("{gateways: [mesh]}", "{gateways: [mesh, gw]}", "gateways"),
        ("{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}, {uri: {prefix: /b}}", "uri"),
        ("{uri: {exact: /a}}, {port: 9, uri: {exact: /b}}", "{uri: {exact: /c}}", "uri"),
    ],
)
@covers("S-9")
def test_what_is_not_narrower_drops_the_whole_rule(above: str, own: str, why: str) -> None:
    mesh = mesh_of(SHOP + root(above) + delegate(own))
    assert mesh.virtual_services.objects[key("root")].http == ()
    (problem,) = check(mesh, key("rules", "team"))
    assert problem.code == "delegate-conflict"
    assert f"({why})" in problem.message


@covers("S-9")
def test_a_private_delegate_serves_its_own_namespace_only() -> None:
    private = delegate(export=", exportTo: ['.']")
    hidden = mesh_of(SHOP + root() + private)
    assert codes(hidden, "root") == ["unknown-delegate"]
    assert codes(hidden, "rules", "team") == []
    by_name = delegate(export=", exportTo: [shop]")
    assert codes(mesh_of(SHOP + root() + by_name), "root") == []
    at_home = virtual_service("own", f"{{http: [{{{ROUTE}}}], exportTo: ['.']}}")
    beside = virtual_service("root", "{hosts: [a], http: [{delegate: {name: own}}]}")
    assert codes(mesh_of(SHOP + beside + at_home), "root") == []


def test_what_would_become_too_much_is_refused() -> None:
    """Each block of the root with each of the delegate: a few kilobytes could fill the memory."""
    many = ", ".join(f"{{port: {port}}}" for port in range(1, 66))
    mesh = mesh_of(SHOP + root(many) + delegate(many))
    assert codes(mesh, "root") == ["unknown-delegate"]
    assert len(mesh.virtual_services.objects[key("root")].http) == 1


def test_two_roots_may_share_a_delegate() -> None:
    """One of them may use it while the other may not."""
    narrow = root("{uri: {prefix: /x}}")
    other = virtual_service(
        "other", "{hosts: [b], http: [{delegate: {name: rules, namespace: team}}]}"
    )
    mesh = mesh_of(SHOP + narrow + other + delegate("{uri: {prefix: /y}}"))
    assert mesh.virtual_services.objects[key("root")].http == ()
    assert len(mesh.virtual_services.objects[key("other")].http) == 1
    assert codes(mesh, "rules", "team") == ["delegate-conflict"]


def test_a_root_routes_to_the_hosts_of_its_delegate() -> None:
    mirrors = ", mirrors: [{destination: {host: m}}], name: x"
    mesh = mesh_of(SHOP + root() + delegate(more=mirrors))
    assert destination_hosts(mesh.virtual_services.objects[key("root")]) == {
        "b.team.svc.cluster.local",
        "m.team.svc.cluster.local",
    }
    mesh = mesh_of(SHOP + root() + delegate(more=", mirror: {host: m}"))
    assert "m.team.svc.cluster.local" in mesh.virtual_services.destinations


@pytest.mark.parametrize("edit", ["come", "go", "change"])
def test_editing_a_delegate_touches_the_hosts_of_its_roots(edit: str) -> None:
    before = SHOP + root() + ("" if edit == "come" else delegate())
    after = {
        "come": delegate(),
        "go": "",
        "change": delegate("{uri: {exact: /x}}"),
    }[edit]
    index = mesh_of(before).virtual_services
    old, new = (objects_of(text).get(key("rules", "team")) for text in (before, after or SHOP))
    changed, touched = advance(index, [Change(key("rules", "team"), old, new)])
    assert touched == {"a.shop.svc.cluster.local"}
    everything = {**objects_of(SHOP + root()), **objects_of(after or SHOP)}
    assert changed == advance(type(index)(), additions(everything))[0]


def test_the_destinations_of_a_delegate_are_looked_for_at_the_ports_of_its_roots() -> None:
    """The delegate itself routes no host, so it cannot say which port is called."""
    two = service("a", ports=("http:8080",)) + service("b", "team", ports=("http:8080", "x:9"))
    assert codes(mesh_of(two + root() + delegate()), "rules", "team") == []
    other = service("a", ports=("http:80",)) + service("b", "team", ports=("http:8080", "x:9"))
    assert codes(mesh_of(other + root() + delegate()), "rules", "team") == ["port-needed"]


def test_a_rule_without_a_delegate_has_nothing_that_is_unusable() -> None:
    assert unusable(HTTPRoute(), "shop", {}) == ""
