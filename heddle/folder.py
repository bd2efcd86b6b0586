"""A folder read once, without any server: for `heddle translate` and `heddle validate`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crds.meta import Key, Origin
from crds.problem import Problem
from heddle.control_plane import ControlPlane
from heddle.injection import PORT, SERVER_NAME, inject_settings
from heddle.local.addresses import PROXY_PORT_SUBNETS, Subnets
from heddle.local_cluster import LocalCluster
from mesh.mesh import Mesh
from mesh.proxy import Mode, Proxy
from sources.directory import load

_SUBNETS = {Mode.REDIRECT: Subnets(), Mode.NONE: PROXY_PORT_SUBNETS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What a folder describes, and what is wrong with it."""

    mesh: Mesh
    problems: tuple[Problem, ...]
    proxies: tuple[Proxy, ...]
    skipped: Mapping[str, str]
    """Why a pod, by namespace/name, has no sidecar."""
    owners: Mapping[str, str]
    """The Deployment or StatefulSet, as namespace/name, that a pod was made from."""
    origins: Mapping[Key, Origin]
    """Where each object was read; `Origin.of` knows its fields."""


def read_folder(path: Path, mode: Mode = Mode.REDIRECT) -> Folder:
    """The mesh of a folder as the local runner would run it in `mode`; raises `SourceError`."""
    settings = inject_settings(host=SERVER_NAME, port=PORT, mode=mode)
    cluster = LocalCluster(settings, _SUBNETS[mode])
    plane = ControlPlane(quiet=True)
    plane.apply(cluster.apply(load(path)))
    placed = ((key, plane.origin(key)) for key, _ in plane.objects())
    return Folder(
        mesh=plane.engine.mesh,
        problems=plane.problems(),
        proxies=tuple(plane.engine.proxies()),
        skipped=cluster.skipped,
        owners=cluster.owners(),
        origins={key: origin for key, origin in placed if origin is not None},
    )
