"""Policies of security that nobody obeys are told of."""

import pytest

from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key
from mesh.advance import advance
from mesh.check import check
from mesh.check_plaintext import concerned
from mesh.check_security import asking, targeting
from tests.meshes import additions, mesh_of, objects_of, service
from tests.security_rows import guards
from tests.semantics import covers

SECURITY = "security.istio.io"


def policy(kind: str, name: str, spec: str) -> str:
    return (
        f"---\napiVersion: {SECURITY}/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )


def told(text: str, kind: str, name: str) -> list[str]:
    """`code path` of the problems of an object."""
    key = Key(SECURITY, kind, "shop", name)
    found = check(mesh_of(text), key)
    assert all(problem.object == key for problem in found)
    return [f"{problem.code} {problem.path}" for problem in found]


@covers("S-31")
def test_the_younger_of_two_for_the_same_workloads_is_told() -> None:
    both = policy("PeerAuthentication", "a", "{}") + policy("PeerAuthentication", "b", "{}")
    assert told(both, "PeerAuthentication", "a") == []
    assert told(both, "PeerAuthentication", "b") == ["shadowed-policy spec.selector"]


@covers("S-94", "S-95")
def test_what_no_sidecar_can_do_is_told() -> None:
    target = policy("AuthorizationPolicy", "a", "{targetRef: {kind: Service, name: x}}")
    assert told(target, "AuthorizationPolicy", "a") == ["unserved-target spec.targetRef.name"]
    asked = policy(
        "AuthorizationPolicy", "a", "{action: CUSTOM, provider: {name: opa}, rules: [{}]}"
    )
    assert told(asked, "AuthorizationPolicy", "a") == ["unusable-provider spec.provider.name"]
    plain = policy("AuthorizationPolicy", "a", "{}")
    assert told(plain, "AuthorizationPolicy", "a") == []


def test_who_asks_and_who_targets_is_known() -> None:
    """They are looked at again when a provider or a gateway comes or goes."""
    mesh = mesh_of(
        policy("AuthorizationPolicy", "asks", "{action: CUSTOM, provider: {name: a}, rules: [{}]}")
        + policy("AuthorizationPolicy", "plain", "{}")
        + policy(
            "RequestAuthentication",
            "aims",
            "{targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: a}}",
        )
    )
    assert [key.name for key in asking(mesh)] == ["asks"]
    assert [key.name for key in targeting(mesh)] == ["aims"]


@guards("C7")
@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        ("issuer: a", ["no-jwks spec.jwtRules[0]"]),
        ("issuer: a, jwks: x", ["bad-jwks spec.jwtRules[0].jwks"]),
        ("issuer: a, jwks: x, jwksUri: 'http://b'", ["conflict spec.jwtRules[0].jwks"]),
        ("issuer: a, jwksUri: 'ftp://b'", ["bad-jwks-uri spec.jwtRules[0].jwksUri"]),
        ("issuer: a, jwksUri: 'http://b/keys'", ["unknown-host spec.jwtRules[0].jwksUri"]),
        ("issuer: a, jwksUri: 'http://a.shop:81/'", ["unknown-port spec.jwtRules[0].jwksUri"]),
        ("issuer: a, jwksUri: 'http://a.shop/keys'", []),
        ("issuer: a, jwksUri: 'https://idp.example.com/keys'", []),
        ("""issuer: a, jwks: '{"keys": [{"kty": "oct", "k": "YQ"}]}'""", []),
        (
            """issuer: a, jwks: '{"keys": [{"kty": "oct", "k": "YQ"}, {}]}'""",
            ["skipped-key spec.jwtRules[0].jwks"],
        ),
    ],
)
def test_c7_keys_that_are_not_there_are_told(rule: str, problems: list[str]) -> None:
    tokens = policy("RequestAuthentication", "a", f"{{jwtRules: [{{{rule}}}]}}")
    assert told(service("a") + tokens, "RequestAuthentication", "a") == problems


def test_a_policy_concerns_the_services_of_its_namespace() -> None:
    """Those of others are not looked at again; with the root namespace's it is all of them."""
    mesh = mesh_of(service("a", "shop") + service("b", "bank"))
    for namespace, hosts in (("bank", {"b.bank"}), ("istio-system", {"a.shop", "b.bank"})):
        text = policy("PeerAuthentication", "a", "{}").replace("shop", namespace)
        _, dirty = advance(mesh, additions(objects_of(text)), DEFAULT_MESH_CONFIG)
        wanted = frozenset(f"{host}.svc.cluster.local" for host in hosts)
        assert (dirty.hosts, dirty.endpoints) == (wanted, wanted)
        assert dirty.every_inbound is (namespace == "istio-system")


def strict(name: str = "strict", selector: str = "", mode: str = "STRICT") -> str:
    return policy("PeerAuthentication", name, f"{{mtls: {{mode: {mode}}}{selector}}}")


ANY_PORT = ", selector: {matchLabels: {app: a}}, portLevelMtls: {80: {mode: PERMISSIVE}}"


@guards("P7")
@pytest.mark.parametrize(
    ("action", "source", "field"),
    [
        ("ALLOW", "notPrincipals: [x]", "notPrincipals"),
        ("ALLOW", "notNamespaces: [x], ipBlocks: [10.0.0.0/8]", "notNamespaces"),
        ("ALLOW", "notServiceAccounts: [x]", "notServiceAccounts"),
        ("ALLOW", "notTrustDomains: [x]", "notTrustDomains"),
        ("ALLOW", 'notPrincipals: [x], principals: ["*"]', ""),
        ("ALLOW", 'notPrincipals: [x], requestPrincipals: ["*"]', ""),
        ("ALLOW", "namespaces: [x]", ""),
        ("ALLOW", "ipBlocks: [10.0.0.0/8]", ""),
        ("DENY", "principals: [x]", "principals"),
        ("DENY", "namespaces: [x]", "namespaces"),
        ("DENY", "serviceAccounts: [x]", "serviceAccounts"),
        ("DENY", "trustDomains: [x]", "trustDomains"),
        ("DENY", 'notPrincipals: ["*"]', ""),
        ("AUDIT", "principals: [x]", ""),
    ],
)
def test_who_shows_no_certificate_is_thought_of(action: str, source: str, field: str) -> None:
    """As in Istio he is nobody, and that is told (S-83); where every port is STRICT he is not let
    in.
    """
    rules = f"rules: [{{}}, {{from: [{{source: {{{source}}}}}]}}]"
    text = policy("AuthorizationPolicy", "a", f"{{action: {action}, {rules}}}")
    expected = [f"no-certificate spec.rules[1].from[0].source.{field}"] if field else []
    assert told(text, "AuthorizationPolicy", "a") == expected
    assert told(text + strict(), "AuthorizationPolicy", "a") == []
    assert told(text + strict(mode="PERMISSIVE"), "AuthorizationPolicy", "a") == expected


@guards("P7")
def test_one_port_in_the_clear_is_enough() -> None:
    rules = "rules: [{from: [{source: {namespaces: [x]}}]}]"
    spec = f"{{action: DENY, selector: {{matchLabels: {{app: a}}}}, {rules}}}"
    text = policy("AuthorizationPolicy", "a", spec) + strict()
    assert told(text, "AuthorizationPolicy", "a") == []
    ports = strict("ports", ANY_PORT)
    assert len(told(text + ports, "AuthorizationPolicy", "a")) == 1


def test_a_mode_of_the_whole_mesh_concerns_every_policy() -> None:
    policy = (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        "metadata: {name: a, namespace: shop}\nspec: {rules: [{}]}\n"
    )
    mesh = mesh_of(policy)
    assert list(concerned(mesh, frozenset({"istio-system"}))) == list(objects_of(policy))
    assert not list(concerned(mesh, frozenset({"bank"})))
