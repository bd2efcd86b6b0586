"""YAML in, Envoy YAML out. Adding a test is adding a file below tests/golden/translate/.

In the first document `show` lists what to compare: a kind (`clusters`, `endpoints`, `listeners`,
`routes`, or `virtual_hosts` for those of the outbound route configurations by themselves), or
`kind: [names]` for the resources whose name contains one of those. `only: {kind: [field, ...]}`
narrows them to some fields, `routes.route.timeout` for example, so that an output shows what its
case is about. What users are told about the objects (`problems`) is always compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from heddle.show import as_dict, as_yaml, document
from tests.goldens import Golden, case_id, cases, stale_outs
from tests.translations import translation
from translator.config import Config

Resource = Mapping[str, object]


@pytest.mark.parametrize("case", cases("translate"), ids=case_id)
def test_translation(case: Path, golden: Golden) -> None:
    wanted = translation(case)
    every = _resources(wanted.config())
    out: dict[str, object] = {}
    for kind, names in _shows(wanted.show):
        fields = wanted.only.get(kind, [])
        out[kind] = [_narrowed(each, fields) for each in _named(every[kind], names)]
    golden(case, as_yaml(out | ({"problems": list(wanted.problems)} if wanted.problems else {})))


def _resources(config: Config) -> Mapping[str, Sequence[Resource]]:
    hosts = [as_dict(host) for host in config.virtual_hosts]
    return {**document(config), "virtual_hosts": hosts}


def _shows(show: list[object]) -> Iterator[tuple[str, list[str]]]:
    for each in show:
        if isinstance(each, dict):
            yield from each.items()
        else:
            yield str(each), []


def _named(resources: Sequence[Resource], names: list[str]) -> list[Resource]:
    return [r for r in resources if not names or any(name in _name(r) for name in names)]


def _name(resource: Resource) -> str:
    return str(resource.get("name", resource.get("cluster_name")))


def _narrowed(resource: Resource, fields: list[str]) -> object:
    if not fields:
        return resource
    return _picked(resource, [["name"], ["cluster_name"], *(f.split(".") for f in fields)])


def _picked(value: object, paths: Sequence[Sequence[str]]) -> object:
    """The parts of `value` below `paths`; lists are looked through."""
    if isinstance(value, list):
        return [_picked(each, paths) for each in value]
    if [] in paths or not isinstance(value, Mapping):
        return value
    below = {name: [path[1:] for path in paths if path[0] == name] for name in value}
    return {name: _picked(value[name], rest) for name, rest in below.items() if rest}


def test_no_golden_is_stale() -> None:
    """An expected output whose input is gone would never be compared with anything."""
    assert stale_outs() == []
