"""The cases below tests/golden/translate/, read: the mesh and the proxy that each describes.

The first document is the case: `proxy` (namespace, and labels, mode, address if they matter),
`config` (MeshConfig, if it matters), `show` and `only`, which test_goldens.py explains. The rest is
ordinary Kubernetes YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from crds.decode import decode
from crds.mesh_config import mesh_config
from crds.problem import Problem
from mesh.check import check_all
from mesh.endpoints import Locality
from mesh.mesh import Mesh
from mesh.proxy import Mode, Proxy, Role
from tests.goldens import cases
from tests.meshes import mesh_of
from translator.config import Config
from translator.translate import translate


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """One case. `problems` is what a user is told about its objects."""

    show: list[object]
    only: Mapping[str, list[str]]
    mesh: Mesh
    proxy: Proxy
    problems: tuple[str, ...]

    def config(self) -> Config:
        """What the proxy is sent."""
        return translate(self.mesh, self.proxy)


def translation(case: Path) -> Translation:
    """Reads one case; an object in it that cannot be used fails the test."""
    head, _, rest = case.read_text().partition("\n---\n")
    wanted = yaml.safe_load(head)
    config, told = mesh_config(wanted.get("config", {}))
    mesh = mesh_of(rest, config)
    return Translation(
        show=wanted["show"],
        only=wanted.get("only", {}),
        mesh=mesh,
        proxy=_proxy(wanted.get("proxy", {})),
        problems=tuple(map(str, (*told, *_read_problems(rest), *check_all(mesh)))),
    )


@cache
def translations() -> dict[str, Translation]:
    """Every case by its name, such as `routes/canary`."""
    return {_name(case): translation(case) for case in cases("translate")}


def _name(case: Path) -> str:
    return f"{case.parent.name}/{case.name.removesuffix('.in.yaml')}"


def _proxy(raw: Mapping[str, object]) -> Proxy:
    fields = {
        "namespace": "shop",
        "name": "client",
        "labels": {},
        "service_account": "default",
        **raw,
        "mode": Mode(str(raw.get("mode", Mode.REDIRECT))),
        "role": Role(str(raw.get("role", Role.SIDECAR))),
        "named_ports": _pairs(raw.get("named_ports")),
        "locality": _locality(raw.get("locality")),
    }
    return Proxy(**fields)  # type: ignore[arg-type]  # a test's own YAML; a wrong field fails here


def _locality(given: object) -> Locality:
    return Locality(**given) if isinstance(given, dict) else Locality()


def _pairs(ports: object) -> tuple[tuple[str, int], ...]:
    return tuple(ports.items()) if isinstance(ports, dict) else ()


def _read_problems(text: str) -> list[Problem]:
    objects = (raw for raw in yaml.safe_load_all(text) if raw is not None)
    return [problem for raw in objects for problem in decode(raw).problems]
