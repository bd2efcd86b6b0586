"""Which tokens a workload knows, and by which cluster its proxy gets the keys (S-98)."""

import pytest

from crds.mesh_config import DEFAULT_MESH_CONFIG
from mesh.advance import advance
from mesh.proxy import Proxy, Role
from mesh.store import Change
from mesh.tokens import Issuer, NoKeys, Remote, issuers
from tests.meshes import additions, destination_rule, mesh_of, objects_of, service, sidecar

LABELS = {"app": "a", "gateway.networking.k8s.io/gateway-name": "edge"}


def policy(name: str, rules: str, whom: str = "", namespace: str = "shop") -> str:
    return (
        "---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{{whom}jwtRules: [{rules}]}}\n"
    )


def proxy(role: Role = Role.SIDECAR) -> Proxy:
    return Proxy(namespace="shop", name="p", labels=LABELS, service_account="default", role=role)


def known(text: str, role: Role = Role.SIDECAR) -> tuple[Issuer, ...]:
    return issuers(mesh_of(text), proxy(role))


def by(text: str, uri: str) -> tuple[str, int] | None:
    """The service by whose cluster keys are fetched."""
    (issuer,) = known(text + policy("p", f"{{issuer: a, jwksUri: '{uri}'}}"))
    assert isinstance(issuer.keys, Remote)
    return issuer.keys.service


def names(*found: Issuer) -> list[str]:
    return [each.rule.issuer for each in found]


def test_policies_of_the_mesh_of_the_namespace_and_of_the_workload_add_up() -> None:
    text = policy("z", "{issuer: of-all}", namespace="istio-system")
    text += policy("y", "{issuer: of-shop}, {issuer: another}")
    text += policy("x", "{issuer: of-a}", "selector: {matchLabels: {app: a}}, ")
    text += policy("w", "{issuer: of-b}", "selector: {matchLabels: {app: b}}, ")
    text += policy("v", "{issuer: of-bank}", namespace="bank")
    found = known(text)
    assert names(*found) == ["another", "of-a", "of-all", "of-shop"]
    assert all(isinstance(each.keys, NoKeys) for each in found)


def test_a_target_is_a_gateway() -> None:
    ref = "group: gateway.networking.k8s.io, kind: Gateway"
    text = policy("a", "{issuer: edge}", f"targetRef: {{{ref}, name: edge}}, ")
    text += policy("b", "{issuer: other}", f"targetRefs: [{{{ref}, name: other}}], ")
    text += policy("c", "{issuer: service}", "targetRefs: [{kind: Service, name: edge}], ")
    text += policy("d", "{issuer: root}", f"targetRef: {{{ref}, name: edge}}, ", "istio-system")
    assert names(*known(text)) == []
    assert names(*known(text, Role.ROUTER)) == ["edge"]


IDP = service("idp", ports=("http:80", "https:443"))
HOST = "idp.shop.svc.cluster.local"


@pytest.mark.parametrize("host", ["idp", "idp.shop", "idp.shop.svc", HOST])
def test_a_service_goes_by_each_of_its_names(host: str) -> None:
    assert by(IDP, f"http://{host}/keys") == (HOST, 80)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        (IDP, "http://idp:81/keys"),
        (IDP, f"https://{HOST}/keys"),
        (IDP, "http://idp.bank/keys"),
        ("", "http://idp.example.com/keys"),
        (IDP + sidecar("s", "{egress: [{hosts: ['bank/*']}]}"), "http://idp/keys"),
        (IDP.replace("spec:", "spec:\n  clusterIP: None"), "http://idp/keys"),
    ],
    ids=["port", "https", "namespace", "outside", "not-imported", "headless"],
)
def test_where_no_cluster_of_a_service_fits_there_is_one_for_the_keys(text: str, uri: str) -> None:
    assert by(text, uri) is None


@pytest.mark.parametrize("mode", ["SIMPLE", "MUTUAL", "ISTIO_MUTUAL", "DISABLE"])
def test_https_goes_by_a_cluster_that_speaks_tls(mode: str) -> None:
    files = ", clientCertificate: /c, privateKey: /k" if mode == "MUTUAL" else ""
    rule = destination_rule(
        "idp", f"{{host: idp, trafficPolicy: {{tls: {{mode: {mode}{files}}}}}}}"
    )
    wanted = (HOST, 443) if mode in ("SIMPLE", "MUTUAL") else None
    assert by(IDP + rule, "https://idp/keys") == wanted


@pytest.mark.parametrize(("namespace", "everywhere"), [("shop", False), ("istio-system", True)])
def test_a_service_that_has_keys_concerns_who_asks_it(namespace: str, everywhere: bool) -> None:
    before = mesh_of(policy("p", f"{{issuer: a, jwksUri: 'http://{HOST}/'}}", "", namespace))
    changes = additions(objects_of(IDP))
    after, dirty = advance(before, changes, DEFAULT_MESH_CONFIG)
    assert namespace in dirty.inbound
    assert dirty.every_inbound is everywhere
    _, gone = advance(after, [Change(c.key, c.new, None) for c in changes], DEFAULT_MESH_CONFIG)
    assert namespace in gone.inbound
