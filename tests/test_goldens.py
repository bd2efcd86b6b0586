"""YAML in, Envoy YAML out. Adding a test is adding a file below tests/golden/translate/.

The first document is the case: `proxy` (namespace, and labels, mode, address if they matter),
`config` (MeshConfig, if it
matters) and `show`: the kinds to compare, or `kind: [names]` to compare only resources whose name
contains one of those.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from crds.mesh_config import mesh_config
from heddle.show import as_yaml, document
from mesh.check import check_all
from mesh.mesh import Mesh
from mesh.proxy import Mode, Proxy
from tests.goldens import Golden, case_id, cases, stale_outs
from tests.meshes import mesh_of
from translator.translate import translate


@pytest.mark.parametrize("case", cases("translate"), ids=case_id)
def test_translation(case: Path, golden: Golden) -> None:
    head, _, rest = case.read_text().partition("\n---\n")
    wanted = yaml.safe_load(head)
    config, problems = mesh_config(wanted.get("config", {}))
    assert not problems
    mesh = mesh_of(rest, config)
    shown = document(translate(mesh, _proxy(wanted.get("proxy", {}))))
    out = {kind: _named(shown[kind], names) for kind, names in _shows(wanted["show"])}
    golden(case, as_yaml({**out, **_problems(mesh)}))


def _proxy(raw: Mapping[str, object]) -> Proxy:
    fields = {
        "namespace": "shop",
        "name": "client",
        "labels": {},
        "service_account": "default",
        **raw,
        "mode": Mode(str(raw.get("mode", Mode.REDIRECT))),
    }
    return Proxy(**fields)  # type: ignore[arg-type]  # a test's own YAML; a wrong field fails here


def _shows(show: list[object]) -> list[tuple[str, list[str]]]:
    pairs: list[tuple[str, list[str]]] = []
    for each in show:
        if isinstance(each, dict):
            pairs += [(kind, list(names)) for kind, names in each.items()]
        else:
            pairs.append((str(each), []))
    return pairs


def _named(resources: list[dict[str, object]], names: list[str]) -> list[dict[str, object]]:
    if not names:
        return resources
    return [
        r for r in resources if any(n in str(r.get("name", r.get("cluster_name"))) for n in names)
    ]


def _problems(mesh: Mesh) -> dict[str, list[str]]:
    found = [str(problem) for problem in check_all(mesh)]
    return {"problems": found} if found else {}


def test_no_golden_is_stale() -> None:
    """An expected output whose input is gone would never be compared with anything."""
    assert stale_outs() == []
