"""Which Sidecar a workload obeys, and what a scope sees by it."""

from dataclasses import replace

import pytest

from crds.mesh_config import MeshConfig
from crds.meta import Key
from mesh.check import check
from mesh.host_view import HostView, selection, view
from mesh.mesh import Mesh
from mesh.outgoing import PASSED_ON, UnknownTraffic, unknown_traffic
from mesh.proxy import Mode, Proxy
from mesh.routing import Missing, Target
from mesh.scope import Scope, scope_of, sidecar_of
from mesh.sidecars import Sidecars
from mesh.sidecars import advance as advance_sidecars
from mesh.source import Source
from mesh.store import Change
from mesh.visibility import candidate_hosts, known_hosts
from tests.meshes import mesh_of, objects_of, secret, service, sidecar, virtual_service

WEB = "web.shop.svc.cluster.local"
LEDGER = "ledger.bank.svc.cluster.local"
SHOP = Scope("shop")
OWN = Scope("shop", sidecar=Key("networking.istio.io", "Sidecar", "shop", "own"))
BOTH = service("web") + service("ledger", "bank")


def key(name: str, namespace: str = "shop") -> Key:
    return Key("networking.istio.io", "Sidecar", namespace, name)


def of(text: str, labels: dict[str, str] | None = None, namespace: str = "shop") -> Key | None:
    mesh = mesh_of(text)
    proxy = Proxy(namespace=namespace, name="p", labels=labels or {}, service_account="default")
    return sidecar_of(mesh, scope_of(mesh, proxy))


def sees(mesh: Mesh, scope: Scope = SHOP) -> set[str]:
    return {host for host in known_hosts(mesh) if selection(mesh, scope, host)}


def seen(mesh: Mesh, host: str, scope: Scope = SHOP) -> HostView:
    chosen = selection(mesh, scope, host)
    assert chosen is not None
    return view(mesh, scope, chosen)


DEFAULT = sidecar("default", "{egress: [{hosts: [./*]}]}")
SELECTING = sidecar("some", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: [./*]}]}")
OF_THE_MESH = sidecar("mesh", "{egress: [{hosts: [./*]}]}", "istio-system")


def test_a_selector_comes_before_the_namespace_and_that_before_the_mesh() -> None:
    every = DEFAULT + SELECTING + OF_THE_MESH
    assert of(every, {"app": "a"}) == key("some")
    assert of(every, {"app": "b"}) == key("default")
    assert of(every, namespace="bank") == key("mesh", "istio-system")
    assert of(SELECTING, {"app": "b"}) is None


def test_the_oldest_wins() -> None:
    first = sidecar("z", "{egress: [{hosts: [./*]}]}", created="2026-01-01T00:00:00Z")
    second = sidecar("a", "{egress: [{hosts: [./*]}]}", created="2026-01-02T00:00:00Z")
    assert of(first + second) == key("z")


def test_a_selector_in_the_root_namespace_is_for_its_own_workloads() -> None:
    text = sidecar(
        "some", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: [./*]}]}", "istio-system"
    )
    assert of(text, {"app": "a"}) is None
    assert of(text, {"app": "a"}, "istio-system") == key("some", "istio-system")


def test_a_sidecar_that_is_gone_leaves_its_scope_to_the_default() -> None:
    """Until the stream of the proxy is opened anew, its scope still names it."""
    assert sidecar_of(mesh_of(DEFAULT), Scope("shop", sidecar=key("gone"))) == key("default")


@pytest.mark.parametrize(
    ("hosts", "imported"),
    [
        ("./*", {WEB}),
        ("shop/*", {WEB}),
        ("bank/*", {LEDGER}),
        ("'*/*'", {WEB, LEDGER}),
        (f"'*/{LEDGER.upper()}'", {LEDGER}),
        (f"./{LEDGER}", set()),
        ("~/*", set()),
        (f"'*/*', '~*/{LEDGER}'", {WEB}),
        ("'*/*.bank.svc.cluster.local'", {LEDGER}),
    ],
)
def test_egress_says_what_is_seen(hosts: str, imported: set[str]) -> None:
    mesh = mesh_of(BOTH + sidecar("s", f"{{egress: [{{hosts: [{hosts}]}}]}}"))
    assert sees(mesh) == imported
    assert imported <= candidate_hosts(mesh, SHOP)


def test_without_egress_everything_is_seen() -> None:
    text = BOTH + sidecar("s", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}")
    assert sees(mesh_of(text)) == {WEB, LEDGER}


def test_a_complete_import_shares_bytes_with_no_sidecar_at_all() -> None:
    scoped = mesh_of(BOTH + sidecar("s", "{egress: [{hosts: ['*/*']}]}"))
    other = selection(scoped, Scope("other"), WEB)
    assert selection(scoped, Scope("third"), WEB) == other
    chosen = selection(scoped, SHOP, LEDGER)
    assert chosen == selection(scoped, Scope("other"), LEDGER)


def test_a_wildcard_of_a_virtual_service_meets_the_names_that_are_imported() -> None:
    routes = virtual_service(
        "v", "{hosts: ['*.example.com'], http: [{directResponse: {status: 418}}]}", "bank"
    )
    mesh = mesh_of(routes + sidecar("s", "{egress: [{hosts: [bank/a.example.com]}]}"))
    assert sees(mesh) == {"*.example.com"}
    assert sees(mesh_of(routes + sidecar("s", "{egress: [{hosts: [bank/a.b]}]}"))) == set()


def test_one_host_imports_a_virtual_service_with_all_its_hosts() -> None:
    """Istio leaks the others too, and clients may count on them (S-6, C-10)."""
    routes = virtual_service(
        "v", f"{{hosts: [{WEB}, a.example.com], http: [{{directResponse: {{status: 418}}}}]}}"
    )
    mesh = mesh_of(BOTH + routes + sidecar("s", f"{{egress: [{{hosts: [./{WEB}]}}]}}"))
    assert sees(mesh) == {WEB, "a.example.com"}


def test_a_host_that_is_only_routed_is_called_where_port_80_is_imported() -> None:
    routes = virtual_service("v", "{hosts: [a.b], http: [{directResponse: {status: 418}}]}")
    named = "{port: {number: 80, protocol: HTTP, name: x}, %shosts: [%s]}"
    here = mesh_of(routes + sidecar("s", f"{{egress: [{named % ('', './*')}]}}"))
    assert [p.routes[0].name for p in seen(here, "a.b").ports] == ["80"]
    away = mesh_of(routes + sidecar("s", f"{{egress: [{named % ('', 'bank/*')}]}}"))
    assert sees(away) == set()


def test_a_route_of_a_host_that_is_not_imported_keeps_its_cluster() -> None:
    """The VirtualService is imported, its host's service only as a destination (S-5, C-10)."""
    routes = virtual_service(
        "v", f"{{hosts: [{LEDGER}], http: [{{route: [{{destination: {{host: {LEDGER}}}}}]}}]}}"
    )
    mesh = mesh_of(BOTH + routes + sidecar("s", "{egress: [{hosts: [./*]}]}"))
    port = seen(mesh, LEDGER).ports[0]
    assert seen(mesh, LEDGER).service is not None
    assert port.domains
    assert port.rules


def test_a_route_of_a_host_that_is_not_imported_is_at_port_80_alone() -> None:
    routes = virtual_service(
        "v", f"{{hosts: [{LEDGER}], http: [{{route: [{{destination: {{host: {LEDGER}}}}}]}}]}}"
    )
    text = service("ledger", "bank", ["http:8080"]) + routes
    mesh = mesh_of(text + sidecar("s", "{egress: [{hosts: [./*]}]}"))
    ports = {p.port.number: bool(p.domains) for p in seen(mesh, LEDGER).ports}
    assert ports == {8080: False, 80: True}


def test_who_excludes_a_destination_is_told_apart() -> None:
    """Two scopes of one namespace share bytes only if their 503s say the same."""
    routes = virtual_service(
        "v", f"{{hosts: [{WEB}], http: [{{route: [{{destination: {{host: {LEDGER}}}}}]}}]}}"
    )
    without = f"egress: [{{hosts: ['*/*', '~bank/{LEDGER}']}}]"
    selecting = f"{{workloadSelector: {{labels: {{app: a}}}}, {without}}}"
    mesh = mesh_of(BOTH + routes + sidecar("s", f"{{{without}}}") + sidecar("own", selecting))
    ruled = [seen(mesh, WEB, each).ports[0].rules for each in (SHOP, OWN)]
    reasons = [t.reason for rule in ruled for t in rule[0].targets if isinstance(t, Missing)]
    assert [reason.rpartition(" ")[2] for reason in reasons] == ["shop/s", "shop/own"]
    assert selection(mesh, SHOP, WEB) != selection(mesh, OWN, WEB)


def test_an_address_belongs_to_the_oldest_service_that_is_seen() -> None:
    """One that is not imported takes nothing from it."""
    older = service("aa", "bank", ["tcp:80"], ip="10.0.0.1")
    text = service("zz", ports=["tcp:80"], ip="10.0.0.1") + older
    host = "zz.shop.svc.cluster.local"
    assert seen(mesh_of(text), host).ports[0].addresses == ()
    mesh = mesh_of(text + sidecar("s", "{egress: [{hosts: [./*]}]}"))
    assert seen(mesh, host).ports[0].addresses == ("10.0.0.1",)


def test_the_policy_of_the_sidecar_counts() -> None:
    mesh = mesh_of(sidecar("s", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"))
    assert not unknown_traffic(mesh, SHOP).allowed
    assert unknown_traffic(mesh, Scope("bank")) == PASSED_ON


def bound(port: int, protocol: str, address: str = "127.0.0.1") -> str:
    number = f"port: {{number: {port}, protocol: {protocol}, name: x}}"
    return f"{{{number}, bind: {address}, captureMode: NONE, hosts: [./{WEB}]}}"


def through(destination: str) -> str:
    policy = f"{{mode: ALLOW_ANY, egressProxy: {destination}}}"
    return sidecar("other", f"{{egress: [{{hosts: [./*]}}], outboundTrafficPolicy: {policy}}}")


def test_the_proxy_of_unknown_traffic_is_there_without_being_imported() -> None:
    """Its short name is one of the Sidecar's namespace."""
    mesh = mesh_of(BOTH + through(f"{{host: {LEDGER}, port: {{number: 80}}}}"))
    unknown = unknown_traffic(mesh, SHOP)
    assert replace(unknown, source=None) == UnknownTraffic(proxy=Target(host=LEDGER, port=80))
    assert unknown.source == Source(
        object=Key("networking.istio.io", "Sidecar", "shop", "other"),
        path="spec.outboundTrafficPolicy",
    )
    assert sees(mesh) == {WEB, LEDGER}
    assert not seen(mesh, LEDGER).ports[0].called
    mesh = mesh_of(BOTH + through("{host: web, port: {number: 80}}"))
    assert unknown_traffic(mesh, SHOP).proxy == Target(host=WEB, port=80)


def test_namespaces_narrow_what_has_to_be_looked_at() -> None:
    mesh = mesh_of(BOTH + sidecar("s", "{egress: [{hosts: [./*]}]}"))
    assert candidate_hosts(mesh, SHOP) == {WEB}
    assert candidate_hosts(mesh, Scope("bank")) == {WEB, LEDGER}


def test_what_is_exported_to_others_alone_has_not_to_be_looked_at() -> None:
    """With a thousand namespaces each would look at what is private to every other one."""
    mesh = mesh_of(BOTH, MeshConfig(default_service_export_to=(".",)))
    assert candidate_hosts(mesh, SHOP) == {WEB}


def test_in_proxy_port_mode_too_only_what_is_imported_is_called() -> None:
    mesh = mesh_of(BOTH + sidecar("s", "{egress: [{hosts: [bank/*]}]}"))
    assert sees(mesh, Scope("shop", Mode.NONE)) == {LEDGER}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (DEFAULT + sidecar("other", "{egress: [{hosts: [./*]}]}"), ["shadowed-sidecar spec"]),
        (
            SELECTING
            + sidecar(
                "other",
                "{workloadSelector: {labels: {app: a, x: y}}, egress: [{hosts: [./*]}]}",
                created="",
            ),
            [],
        ),
        (
            sidecar("a", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: [./*]}]}")
            + sidecar(
                "other", "{workloadSelector: {labels: {app: a, x: y}}, egress: [{hosts: [./*]}]}"
            ),
            ["shadowed-sidecar spec.workloadSelector"],
        ),
        (
            BOTH + sidecar("other", f"{{egress: [{{hosts: [./{LEDGER}, '*/a.b', ./{WEB}]}}]}}"),
            ["unknown-host spec.egress[0].hosts[0]", "unknown-host spec.egress[0].hosts[1]"],
        ),
        (
            service("web", "bank").replace(
                "namespace: bank", "namespace: bank, annotations: {networking.istio.io/exportTo: .}"
            )
            + sidecar("other", "{egress: [{hosts: [bank/web.bank.svc.cluster.local]}]}"),
            ["hidden-host spec.egress[0].hosts[0]"],
        ),
        (
            virtual_service("v", "{hosts: [a.b], http: [{directResponse: {status: 418}}]}")
            + sidecar("other", "{egress: [{hosts: [./a.b]}]}"),
            [],
        ),
        (
            BOTH
            + sidecar(
                "other",
                f"{{egress: [{{port: {{number: 9, protocol: HTTP, name: x}}, hosts: [./{WEB}]}},"
                f" {{port: {{number: 80, protocol: HTTP, name: x}}, hosts: [./{WEB}]}},"
                " {port: {number: 7, protocol: HTTP, name: x}, hosts: [./*]}, {hosts: [./*]}]}",
            ),
            ["unknown-port spec.egress[0].port.number"],
        ),
        (BOTH + through("{host: web, port: {number: 80}}"), []),
        (
            BOTH + sidecar("other", f"{{egress: [{bound(8080, 'TCP')}, {bound(8081, 'HTTP')}]}}"),
            ["unknown-port spec.egress[1].port.number"],
        ),
        (
            BOTH
            + sidecar(
                "other",
                f"{{egress: [{bound(80, 'TCP')}, {bound(8080, 'TCP', '0.0.0.0')}, "
                f"{bound(15001, 'HTTP_PROXY')}]}}",
            ),
            [
                "not-listening spec.egress[0].port.number",
                "not-listening spec.egress[1].bind",
                "not-listening spec.egress[2].port.number",
            ],
        ),
        (
            BOTH + through("{host: ledger, port: {number: 80}}"),
            ["unknown-host spec.outboundTrafficPolicy.egressProxy.host"],
        ),
        (
            BOTH + through("{host: web, port: {number: 81}}"),
            ["unknown-port spec.outboundTrafficPolicy.egressProxy.port.number"],
        ),
        (
            BOTH + through("{host: web, port: {number: 80}, subset: v1}"),
            ["unknown-subset spec.outboundTrafficPolicy.egressProxy.subset"],
        ),
    ],
)
def test_problems_of_a_sidecar_in_its_mesh(text: str, problems: list[str]) -> None:
    mesh = mesh_of(text)
    found = check(mesh, key("other"))
    assert [f"{problem.code} {problem.path}" for problem in found] == problems


DISABLED = """---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: a, namespace: shop}
spec: {mtls: {mode: DISABLE}}
"""
LACKING = "unusable-secret spec.ingress[0].tls.credentialName"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["no-effect spec.ingress[0].tls", LACKING]),
        (DISABLED, [LACKING]),
        (DISABLED + secret("cert", "shop", tls_crt=b"1", tls_key=b"2"), []),
        (DISABLED + secret("cert", "bank", tls_crt=b"1", tls_key=b"2"), [LACKING]),
    ],
    ids=["mutual", "missing", "there", "elsewhere"],
)
def test_tls_for_callers_from_outside_needs_a_secret_and_no_mutual_tls(
    text: str, problems: list[str]
) -> None:
    listener = (
        "{port: {number: 8443, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: cert}}, "
        "{port: {number: 8444, protocol: HTTP}}"
    )
    mesh = mesh_of(sidecar("other", f"{{ingress: [{listener}]}}") + text)
    found = check(mesh, key("other"))
    assert [f"{problem.code} {problem.path}" for problem in found] == problems


def test_a_selector_in_the_root_namespace_is_told_of() -> None:
    text = sidecar(
        "s", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: [./*]}]}", "istio-system"
    )
    assert [p.code for p in check(mesh_of(text), key("s", "istio-system"))] == ["root-selector"]


def test_a_sidecar_that_goes_is_forgotten() -> None:
    text = (
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\n"
        "metadata: {name: a, namespace: shop}\nspec: {egress: [{hosts: [./*]}]}\n"
    )
    ((key, item),) = objects_of(text).items()
    held = advance_sidecars(Sidecars(), [Change(key, None, item)])
    gone = advance_sidecars(held.sidecars, [Change(key, item, None)])
    assert (gone.sidecars, gone.namespaces) == (Sidecars(), frozenset({"shop"}))
