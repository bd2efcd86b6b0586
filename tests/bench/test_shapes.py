"""The meshes that are measured are what they say, and each edit can be told by its mark."""

from pathlib import Path

import pytest
import yaml

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from bench import shapes
from bench.shapes import EditKind, Shape
from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.analyze.files import read_files
from heddle.analyze.subject import subject
from heddle.engine import Engine
from mesh.advance import advance
from mesh.mesh import EMPTY_MESH
from mesh.store import Store
from tests.meshes import additions
from translator.translate import translate
from xds.publisher import Publisher
from xds.types import CDS, EDS, PUSH_ORDER, VHDS

SHAPE = Shape(services=4, endpoints=2)
KINDS: tuple[EditKind, ...] = ("vs_edit", "endpoint", "new_service")


class Published:
    """A small mesh, and what the simulated proxies are served of it."""

    def __init__(self) -> None:
        self._publisher = Publisher()
        self._engine = Engine(self._publisher)
        self._store = Store()
        self._put(shapes.objects(SHAPE))

    def edit(self, kind: EditKind, number: int) -> None:
        self._put(shapes.edit(SHAPE, kind, number))

    def _put(self, objects: shapes.Objects) -> None:
        for key, each in objects.items():
            self._store.put(key, each)
        self._engine.apply(self._store.take(), DEFAULT_MESH_CONFIG)

    def resources(self, type_url: str) -> list[bytes]:
        parts = self._engine.select(shapes.client(shapes.namespace()))
        found = (self._publisher.resources(part, type_url).values() for part in parts)
        return [resource.framed for each in found for resource in each]

    def marked(self, kind: EditKind, number: int) -> list[int]:
        """For each mark, how many resources carry it."""
        return [
            sum(mark in framed for framed in self.resources(type_url))
            for type_url, mark in shapes.marks(kind, number)
        ]


def test_in_a_scoped_mesh_each_namespace_sees_its_own() -> None:
    shape = Shape(services=6, endpoints=1, namespaces=3, scoped=True)
    mesh, _ = advance(EMPTY_MESH, additions(dict(shapes.objects(shape))), DEFAULT_MESH_CONFIG)
    config = translate(mesh, shapes.client(shapes.namespace(1)))
    seen = {each.cluster_name.split("|")[-1].split(".")[0] for each in config.endpoints}
    assert seen == {"client", "service-1", "service-4"}


def test_the_mesh_has_the_size_that_was_asked_for() -> None:
    published = Published()
    sizes = {kind: len(published.resources(kind)) for kind in PUSH_ORDER}
    assert sizes[EDS] == 4 + 1  # and the clients' own service
    assert sizes[VHDS] == 4 + 1 + 1  # and the catch-all
    assert sizes[CDS] > sizes[EDS]


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_marks_one_resource_of_each_type_that_it_changes(kind: EditKind) -> None:
    published = Published()
    assert not any(published.marked(kind, 3))
    published.edit(kind, 3)
    assert set(published.marked(kind, 3)) == {1}


@pytest.mark.parametrize("kind", KINDS)
def test_no_mark_is_a_part_of_another(kind: EditKind) -> None:
    marks = [mark for number in range(1, 130) for _, mark in shapes.marks(kind, number)[:1]]
    assert not [(a, b) for a in marks for b in marks if a is not b and a in b]


def test_a_gateway_serves_each_routed_service() -> None:
    shape = Shape(services=4, endpoints=2, routed=1, gateways=True)
    publisher, store = Publisher(), Store()
    engine = Engine(publisher)
    for number in range(2):
        for key, each in {
            **shapes.objects(shape),
            **shapes.edit(shape, "vs_edit", number),
        }.items():
            store.put(key, each)
        engine.apply(store.take(), DEFAULT_MESH_CONFIG)
    parts = engine.select(shapes.proxy(shape, shapes.namespace()))
    served = [publisher.resources(part, VHDS).values() for part in parts]
    hosts = [resource.framed for each in served for resource in each]
    assert sum(b".example.com" in host for host in hosts) == 4
    ((_, mark),) = shapes.marks("vs_edit", 1)
    assert sum(mark in host for host in hosts) == 1


@pytest.mark.parametrize("pods", [0, 2])
def test_what_authors_write_is_clean(pods: int, tmp_path: Path) -> None:
    """The analysis that is timed has nothing to say, and so nothing to look up the lines of."""
    path = tmp_path / "mesh.yaml"
    made = shapes.authored(Shape(services=3, endpoints=pods, routed=1))
    path.write_text(yaml.safe_dump_all(made, explicit_start=True))
    found = subject(read_files([str(path)], recursive=False))
    assert analyze(found.facts, ANALYZERS, found.problems) == ()
    assert sum(key.kind == "Pod" for key in found.facts.objects) == (3 * pods + 1 if pods else 0)
