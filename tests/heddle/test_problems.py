"""What is told of objects in their surroundings is kept up to date at every step."""

from collections.abc import Iterable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from crds.kinds import Object
from crds.meta import Key
from crds.problem import Problem
from heddle.problems import Surroundings
from mesh.advance import advance
from mesh.check import check_all
from mesh.mesh import EMPTY_MESH
from mesh.store import Store
from tests.security_objects import JUDGED
from tests.strategies import examples, stepped, steps

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.0.0.1, selector: {app: a}, ports: [{name: http, port: 80}]}
"""
MACHINE = """
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: a, namespace: shop}
spec: {address: vm.example.com, labels: {app: a}}
"""
"""Of no use to the service, which has no DNS."""


@settings(max_examples=examples(30), deadline=None)
@example([(SERVICE, False), (MACHINE, False), (MACHINE, True)])
@given(st.lists(steps(), min_size=2, max_size=12))
def test_what_was_told_is_what_a_look_at_everything_tells(history: list[tuple[str, bool]]) -> None:
    store, mesh, known, objects = Store(), EMPTY_MESH, Surroundings(), dict[Key, Object]()
    for step in history:
        before, objects = objects, stepped(objects, step)
        for gone in before.keys() - objects.keys():
            store.delete(gone)
        for key, made in objects.items():
            store.put(key, made)
        changes = store.take()
        mesh, dirty = advance(mesh, changes, JUDGED)
        known.update(mesh, changes, dirty)
        assert _told(known.problems()) == _told(check_all(mesh))


def _told(problems: Iterable[Problem]) -> list[tuple[object, ...]]:
    """Without the message: what it guesses was meant depends on every name in the mesh."""
    return [(each.object, each.code, each.path, each.severity) for each in problems]
