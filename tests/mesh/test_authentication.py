"""Which mode of mutual TLS holds at a port (S-31, S-32)."""

from dataclasses import replace

import pytest

from crds.meta import Key, Meta
from crds.peer_authentication import Mode, MutualTLS, PeerAuthentication
from crds.selector import WorkloadSelector
from mesh.authentication import Modes, PeerAuthentications, modes, shadowed
from mesh.by_namespace import ByNamespace, advance
from mesh.store import Change

KIND = PeerAuthentication
ROOT, SHOP = "istio-system", "shop"
LABELS = {"app": "a", "version": "v1"}


def policy(
    namespace: str,
    mode: str,
    name: str = "default",
    *,
    labels: dict[str, str] | None = None,
    ports: dict[str, str] | None = None,
    created: str = "",
) -> PeerAuthentication:
    return PeerAuthentication(
        meta=Meta(namespace=namespace, name=name, created=created),
        selector=WorkloadSelector(match_labels=labels) if labels is not None else None,
        mtls=MutualTLS(mode=Mode(mode)) if mode else None,
        port_level_mtls={p: MutualTLS(mode=Mode(m)) for p, m in (ports or {}).items()},
    )


def key_of(each: PeerAuthentication) -> Key:
    return Key("security.istio.io", "PeerAuthentication", each.meta.namespace, each.meta.name)


def index(*policies: PeerAuthentication) -> PeerAuthentications:
    changes = [Change(key_of(each), None, each) for each in policies]
    return advance(KIND, ByNamespace(), changes)[0]


def mode(*policies: PeerAuthentication, port: int = 8080) -> Mode:
    return modes(index(*policies), ROOT, SHOP, LABELS).at(port)


MESH = policy(ROOT, "STRICT")
OWN = policy(SHOP, "DISABLE")
WORKLOAD = policy(SHOP, "STRICT", "a", labels={"app": "a"})


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ((), "PERMISSIVE"),
        ((MESH,), "STRICT"),
        ((MESH, OWN), "DISABLE"),
        ((MESH, OWN, WORKLOAD), "STRICT"),
        ((MESH, policy(SHOP, "UNSET")), "STRICT"),
        ((MESH, policy(SHOP, "")), "STRICT"),
        ((OWN, policy(SHOP, "UNSET", "a", labels={"app": "a"})), "DISABLE"),
        ((policy(SHOP, "STRICT", "b", labels={"app": "b"}),), "PERMISSIVE"),
        ((policy("bank", "STRICT"),), "PERMISSIVE"),
        ((policy(ROOT, "STRICT", "a", labels={"app": "a"}),), "PERMISSIVE"),
        ((policy(SHOP, "STRICT", "none", labels={}),), "STRICT"),
    ],
    ids=[
        "none",
        "mesh",
        "namespace-over-mesh",
        "workload-over-namespace",
        "unset-inherits",
        "no-mtls-inherits",
        "unset-workload-inherits",
        "other-workload",
        "other-namespace",
        "selector-in-the-root-namespace-is-for-that-only",
        "empty-selector-is-the-namespace",
    ],
)
def test_s31_the_nearest_policy_that_says_something_holds(
    policies: tuple[PeerAuthentication, ...], expected: str
) -> None:
    assert mode(*policies) == expected


def test_s31_the_oldest_of_two_holds() -> None:
    young = policy(SHOP, "STRICT", "a-young", created="2026-01-02T00:00:00Z")
    old = policy(SHOP, "DISABLE", "z-old", created="2026-01-01T00:00:00Z")
    assert mode(young, old) is Mode.DISABLE
    assert list(shadowed(index(young, old), SHOP)) == [(key_of(young), key_of(old))]


def test_policies_of_different_workloads_shadow_nobody() -> None:
    assert list(shadowed(index(OWN, WORKLOAD), SHOP)) == []


@pytest.mark.parametrize(("port", "expected"), [(8080, "DISABLE"), (9090, "STRICT"), (1, "STRICT")])
def test_s32_a_port_of_the_workload_can_differ(port: int, expected: str) -> None:
    ports = {"8080": "DISABLE", "9090": "UNSET"}
    own = policy(SHOP, "STRICT", "a", labels={"app": "a"}, ports=ports)
    assert mode(own, port=port) == expected


def test_a_change_tells_its_namespace_and_nothing_else_moves() -> None:
    before = index(MESH)
    after, touched = advance(KIND, before, [Change(key_of(OWN), None, OWN)])
    assert touched == {SHOP}
    gone, touched = advance(KIND, after, [Change(key_of(OWN), OWN, None)])
    assert touched == {SHOP}
    assert gone == before
    assert advance(KIND, before, []) == (before, frozenset())


def test_an_edit_counts() -> None:
    changed = replace(OWN, mtls=MutualTLS(mode=Mode.STRICT))
    after, _ = advance(KIND, index(OWN), [Change(key_of(OWN), OWN, changed)])
    assert modes(after, ROOT, SHOP, LABELS) == Modes(default=Mode.STRICT)
