"""What analyzers are given, from YAML text."""

from collections.abc import Collection, Iterable

from analysis.analyzer import Analyzer
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message
from crds.mesh_config import DEFAULT_MESH_CONFIG, MeshConfig
from crds.meta import Key
from mesh.advance import advance
from mesh.check import check_all
from mesh.mesh import EMPTY_MESH
from tests.meshes import additions, objects_of


def facts_of(
    text: str, focus: Collection[Key] | None = None, config: MeshConfig = DEFAULT_MESH_CONFIG
) -> Facts:
    """The objects in YAML text as they are: pods must be written down."""
    objects = objects_of(text)
    mesh = advance(EMPTY_MESH, additions(objects), config)[0]
    return Facts(mesh=mesh, objects=objects, focus=focus)


def findings(text: str, analyzers: Iterable[Analyzer]) -> tuple[Message, ...]:
    """What these analyzers and the mesh itself say of YAML text."""
    facts = facts_of(text)
    return analyze(facts, analyzers, check_all(facts.mesh))


def told(messages: Iterable[Message]) -> list[tuple[str, str, str]]:
    """Code, object and field of each."""
    return [(each.code.id, str(each.object or ""), each.path) for each in messages]
