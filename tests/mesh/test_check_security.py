"""Policies of security that nobody obeys are told of."""

from crds.meta import Key
from mesh.check import check
from tests.meshes import mesh_of
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
    assert told(target, "AuthorizationPolicy", "a") == ["unserved-target spec.targetRef"]
    asked = policy(
        "AuthorizationPolicy", "a", "{action: CUSTOM, provider: {name: opa}, rules: [{}]}"
    )
    assert told(asked, "AuthorizationPolicy", "a") == ["provider-not-served spec.provider.name"]
    plain = policy("AuthorizationPolicy", "a", "{}")
    assert told(plain, "AuthorizationPolicy", "a") == []
