"""What is published, compared with the same made from nothing: with MESH_ASSERT=1, always.

For tests and for hunting bugs; it costs a translation of everything for each part that is held.
"""

import os
from collections.abc import Mapping, Sequence

from crds.kinds import Object
from crds.mesh_config import MeshConfig
from crds.meta import Key
from heddle.credentials import Secrets
from heddle.encode import Encoded, encode
from heddle.engine import Engine, PartKey
from heddle.inline_routes import InlineRoutes
from mesh.advance import advance
from mesh.mesh import EMPTY_MESH, Mesh
from mesh.store import Change
from translator.translate import inbound, outbound, placed, upstream
from translator.translate_gateway import whole
from xds.publisher import PartChange, Publisher
from xds.types import CDS, EDS, LDS, PUSH_ORDER, RDS, SDS, VHDS

VARIABLE = "MESH_ASSERT"


class StateDivergedError(Exception):
    """A step has not published what a translation from nothing gives: a bug of the engine."""


def asserting() -> bool:
    """Whether every step is to be checked."""
    return os.environ.get(VARIABLE) == "1"


def verify(
    engine: Engine, publisher: Publisher, objects: Mapping[Key, Object], config: MeshConfig
) -> None:
    """Raises `StateDivergedError` if a part that is held is not what `objects` make of it, or if a
    proxy would be sent a name from two parts, for which Envoy rejects a whole response.
    """
    mesh, _ = advance(EMPTY_MESH, [Change(k, None, o) for k, o in objects.items()], config)
    scopes, workloads = engine.held()
    known = {*scopes, *engine.held_endpoints(), *workloads, *engine.credentials.held()}
    for proxy in workloads.values():
        for inline in (False, True):
            parts = engine.selection(proxy, inline=inline)
            _disjoint(publisher, [key for key in parts if key in known])
    for key in scopes:
        made = encode(
            upstream(mesh, key.scope)
            if key.scope.is_gateway
            else outbound(mesh, key.scope, vhds=not key.inline)
        )
        rest = {kind: made[kind] for kind in (CDS, LDS, RDS, VHDS, SDS)}
        _compare(publisher, key, _inline(rest) if key.inline else rest)
    for held in engine.held_endpoints():
        made = encode(placed(mesh, held.outbound.scope, held.place))
        _compare(publisher, held, {CDS: made[CDS], EDS: made[EDS]})
    for workload, proxy in workloads.items():
        _compare(publisher, workload, encode(inbound(mesh, proxy)))
    _verify_gateways(engine, publisher, mesh, objects)


def _verify_gateways(
    engine: Engine, publisher: Publisher, mesh: Mesh, objects: Mapping[Key, Object]
) -> None:
    for key, proxy in engine.gateways.held().items():
        made = encode(whole(mesh, proxy, vhds=not key.inline))
        _compare(publisher, key, _inline(made) if key.inline else made)
    secrets = Secrets()
    secrets.take([Change(k, None, o) for k, o in objects.items()])
    for held, proxy in engine.credentials.held().items():
        _compare(publisher, held, {SDS: secrets.resources(mesh, proxy)})


def _disjoint(publisher: Publisher, parts: Sequence[PartKey]) -> None:
    for kind in PUSH_ORDER:
        of: dict[str, PartKey] = {}
        for key in parts:
            for name in publisher.resources(key, kind):
                if of.setdefault(name, key) is not key:
                    raise StateDivergedError(f"{name} ({kind}) is both in {of[name]} and in {key}")


def _inline(made: Encoded) -> Encoded:
    upserts = {kind: tuple(resources.values()) for kind, resources in made.items()}
    folded = InlineRoutes().fold(PartChange(upserts=upserts))
    return {kind: {r.name: r for r in folded.upserts.get(kind, ())} for kind in made}


def _compare(publisher: Publisher, key: PartKey, wanted: Encoded) -> None:
    for kind, resources in wanted.items():
        held = {name: r.version for name, r in publisher.resources(key, kind).items()}
        right = {name: r.version for name, r in resources.items()}
        wrong = sorted(n for n in held.keys() | right.keys() if held.get(n) != right.get(n))
        if wrong:
            raise StateDivergedError(f"{key}: {kind}: {', '.join(wrong[:5])}")
