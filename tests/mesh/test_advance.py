"""Advancing a mesh by what changed gives the mesh made from nothing, and names every host that
became different.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key
from mesh.advance import advance
from mesh.host_view import selection, view
from mesh.inbound import inbound_ports
from mesh.mesh import EMPTY_MESH, Mesh
from mesh.proxy import Mode, Proxy
from mesh.scope import Scope
from mesh.service_endpoints import endpoints_of
from mesh.store import Store
from tests.meshes import additions
from tests.strategies import examples, stepped, steps

SIDECAR = Key("networking.istio.io", "Sidecar", "shop", "a")
SCOPES = (
    Scope("shop"),
    Scope("bank"),
    Scope("shop", Mode.NONE),
    Scope("shop", labels=frozenset({("app", "a")}), sidecar=SIDECAR),
)
PROXIES = tuple(
    Proxy(namespace=ns, name="p", labels={"app": app}, service_account="default")
    for ns in ("shop", "bank")
    for app in ("a", "b")
)


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(steps(), min_size=2, max_size=12))
def test_advancing_is_the_same_as_building_from_nothing(history: list[tuple[str, bool]]) -> None:
    store, mesh, objects = Store(), EMPTY_MESH, dict[Key, Object]()
    for step in history:
        before, objects = objects, stepped(objects, step)
        _apply(store, before, objects)
        old = mesh
        mesh, dirty = advance(mesh, store.take(), DEFAULT_MESH_CONFIG)
        assert mesh == advance(EMPTY_MESH, additions(objects), DEFAULT_MESH_CONFIG)[0]
        for scope in SCOPES:
            if not {scope.namespace, "istio-system"} & dirty.sidecars:
                assert _changed_selections(scope, old, mesh) <= dirty.hosts | dirty.seen
                assert _changed_views(scope, old, mesh) <= dirty.hosts
        assert _changed_endpoints(old, mesh) <= dirty.endpoints
        if "istio-system" not in dirty.sidecars:
            assert _changed_inbound(old, mesh) <= dirty.inbound


def _apply(store: Store, before: dict[Key, Object], after: dict[Key, Object]) -> None:
    for key in before.keys() - after.keys():
        store.delete(key)
    for key, made in after.items():
        store.put(key, made)


def _hosts(mesh: Mesh) -> set[str]:
    return set(mesh.services.hosts) | set(mesh.virtual_services.hosts)


def _changed_selections(scope: Scope, old: Mesh, new: Mesh) -> set[str]:
    hosts = _hosts(old) | _hosts(new)
    return {h for h in hosts if _view(old, scope, h) != _view(new, scope, h)}


def _changed_views(scope: Scope, old: Mesh, new: Mesh) -> set[str]:
    """Those that are selected as before, and yet have become different."""
    hosts = _hosts(old) & _hosts(new)
    same = {h for h in hosts if selection(old, scope, h) == selection(new, scope, h)}
    return {h for h in same if _view(old, scope, h) != _view(new, scope, h)}


def _view(mesh: Mesh, scope: Scope, host: str) -> object:
    chosen = selection(mesh, scope, host)
    return (chosen, view(mesh, scope, chosen)) if chosen else None


def _changed_endpoints(old: Mesh, new: Mesh) -> set[str]:
    hosts = set(old.services.hosts) | set(new.services.hosts)
    return {host for host in hosts if _endpoints(old, host) != _endpoints(new, host)}


def _endpoints(mesh: Mesh, host: str) -> object:
    return [endpoints_of(mesh.endpoints, service) for service in mesh.services.at(host)]


def _changed_inbound(old: Mesh, new: Mesh) -> set[str]:
    return {p.namespace for p in PROXIES if inbound_ports(old, p) != inbound_ports(new, p)}
