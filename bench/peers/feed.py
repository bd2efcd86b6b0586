"""What the other control planes serve: the very clusters and endpoints that Heddle makes."""

from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import any_pb2

from bench import shapes
from bench.shapes import EditKind, Shape
from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.engine import Engine
from mesh.store import Store
from xds.publisher import Publisher
from xds.resource import Resource
from xds.types import CDS, EDS

TYPES = (CDS, EDS)
Response = discovery_pb2.DiscoveryResponse


class Feed:
    """The mesh, edit by edit, as resources of the first namespace's proxies."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._store = Store()
        self._publisher = Publisher()
        self._engine = Engine(self._publisher, shapes.STAMPS)
        self._given: dict[tuple[str, str], str] = {}
        self._put(shapes.objects(shape))

    def initial(self) -> list[Response]:
        """Everything, a response for each type."""
        return self._news()

    def edit(self, kind: EditKind, number: int) -> list[Response]:
        """What that edit changes."""
        self._put(shapes.edit(self._shape, kind, number))
        return self._news()

    def _put(self, objects: shapes.Objects) -> None:
        for key, each in objects.items():
            self._store.put(key, each)
        self._engine.apply(self._store.take(), DEFAULT_MESH_CONFIG)

    def _news(self) -> list[Response]:
        """What differs from what was given before. Removals are none of the edits."""
        parts = self._engine.select(shapes.client(shapes.namespace()))
        found = []
        for type_url in TYPES:
            response = Response(type_url=type_url)
            for part in parts:
                for name, each in self._publisher.resources(part, type_url).items():
                    if self._given.get((type_url, name)) != each.version:
                        self._given[type_url, name] = each.version
                        response.resources.append(_packed(each))
            if response.resources:
                found.append(response)
        return found


def marks(kind: EditKind, number: int) -> tuple[tuple[str, bytes], ...]:
    """Those of `shapes.marks` that are of the types served here."""
    return tuple(mark for mark in shapes.marks(kind, number) if mark[0] in TYPES)


def _packed(each: Resource) -> any_pb2.Any:
    framed = discovery_pb2.DeltaDiscoveryResponse.FromString(each.framed)
    return framed.resources[0].resource
