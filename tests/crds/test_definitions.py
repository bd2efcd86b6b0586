"""The CustomResourceDefinitions say what the types say, no less and no more; the chart has them.

`pytest --golden=write tests/crds` writes the chart's files anew.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from crds.compatibility import kinds, rows
from crds.decode import decode
from crds.kinds import KINDS
from heddle.definitions import documents, stream, templates
from heddle.main import app
from tests.crds.cluster import DEFINITIONS, Schema, everything
from tests.goldens import Golden

MAX_APPLIED_BYTES = 262_144
"""What `kubectl apply` can keep in its annotation."""


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_every_field_of_the_types_is_in_the_schema(kind: str) -> None:
    known = {path for path, _ in everything(kind)}
    (message,) = (each for each in kinds() if each.__name__ == kind)
    assert [row.path for row in rows(message) if f"spec.{row.path}" not in known] == []


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_every_field_of_the_schema_is_in_the_types(kind: str) -> None:
    """A field that is there is read: as what the schema says, and with each value of an enum."""
    for path, schema in everything(kind):
        if not path.startswith("spec."):
            continue
        for value in _values(schema):
            told = decode(_object(kind, _placed(path, value))).problems
            codes = {"unknown-field", "wrong-type", "bad-enum", "bad-duration", "null-entry"}
            assert [str(each) for each in told if each.code in codes] == []


def _values(schema: Schema) -> list[object]:
    """What is of the schema's type. A number may be in all the range that it has."""
    match schema:
        case {"enum": enum}:
            return list(enum)
        case {"type": "object"}:
            return [{}]
        case {"type": "array"}:
            return [[]]
        case {"type": "boolean"}:
            return [True, False]
        case {"type": "integer" | "number"}:
            return [schema.get("minimum", 0), schema.get("maximum", 0)]
        case {"pattern": pattern} if "ns|us" in pattern:
            return ["1.5s", "1m30s", "0", ".5ms"]
        case _:
            return ["x"]


def _placed(path: str, value: object) -> object:
    """The value within as many lists and maps as its path has."""
    for step in reversed(path.replace("[]", ".[]").replace("{}", ".{}").split(".")[1:]):
        value = [value] if step == "[]" else {"x" if step == "{}" else step: value}
    return value


def _object(kind: str, spec: object) -> Mapping[str, object]:
    definition = DEFINITIONS[kind]["spec"]
    return {
        "apiVersion": f"{definition['group']}/v1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": spec,
    }


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_nothing_is_put_in_nor_kept_that_nobody_wrote(kind: str) -> None:
    """A default would differ from what is in Git; only the status, which is not, is free form."""
    for path, schema in everything(kind):
        assert "default" not in schema, path
        assert ("x-kubernetes-preserve-unknown-fields" in schema) == (path == "status"), path


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_versions_need_no_conversion(kind: str) -> None:
    spec = DEFINITIONS[kind]["spec"]
    versions = spec["versions"]
    (known,) = (each for (_, name), each in KINDS.items() if name == kind)
    assert spec["conversion"] == {"strategy": "None"}
    assert [each["name"] for each in versions] == list(known.versions)
    assert [each["name"] for each in versions if each["storage"]] == ["v1"]
    assert all(each["served"] and each["schema"] == versions[0]["schema"] for each in versions)


def test_every_kind_of_the_mesh_s_has_a_definition() -> None:
    assert list(DEFINITIONS) != []
    assert {each.__name__ for each in kinds()} == set(DEFINITIONS)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_kubectl_can_apply_it(kind: str) -> None:
    """Client-side apply keeps the whole definition in an annotation, which has a limit."""
    assert len(json.dumps(DEFINITIONS[kind])) < MAX_APPLIED_BYTES


def test_the_chart_is_current(repo_root: Path, golden: Golden) -> None:
    folder = repo_root / "charts/heddle-crds/templates"
    made = dict(templates())
    if golden.write:
        for stale in {each.name for each in folder.iterdir()} - made.keys():
            (folder / stale).unlink()
        for name, text in made.items():
            (folder / name).write_text(text)
    assert {each.name: each.read_text() for each in folder.iterdir()} == made


def test_nothing_in_a_template_is_taken_for_one() -> None:
    for name, text in templates():
        _, first, *middle, last, _ = text.split("\n")
        assert (first[:3], last) == ("{{-", "{{- end }}")
        assert [line for line in middle if "{{" in line or "}}" in line] == [], name


def test_the_chart_s_values_name_the_definitions(repo_root: Path) -> None:
    schema = json.loads((repo_root / "charts/heddle-crds/values.schema.json").read_text())
    names = schema["properties"]["excludedCRDs"]["items"]["enum"]
    assert names == list(dict(documents()))


def test_the_command_prints_all_of_them() -> None:
    done = CliRunner().invoke(app, ["crds"])
    assert (done.exit_code, done.stdout) == (0, stream())
    assert list(yaml.load_all(stream(), Loader=yaml.CSafeLoader)) == list(DEFINITIONS.values())
