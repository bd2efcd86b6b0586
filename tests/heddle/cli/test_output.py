"""What commands print."""

import json

import yaml

from heddle.cli.output import Form, document, table


def test_columns_are_aligned_and_nothing_steers_the_terminal() -> None:
    shown = table(("NAME", "WHAT"), [("a", "x\x1b[31m"), ("longer", "y")])
    assert shown == "NAME    WHAT\na       x\\x1b[31m\nlonger  y\n"


def test_a_table_without_rows_has_its_headings() -> None:
    assert table(("NAME", "WHAT"), []) == "NAME  WHAT\n"


def test_json_and_yaml_say_the_same() -> None:
    value = {"b": [1, "ü"], "a": None}
    as_json, as_yaml = document(Form.JSON, value), document(Form.YAML, value)
    assert json.loads(as_json) == yaml.safe_load(as_yaml) == value
    assert as_json.endswith("}\n")
    assert as_yaml.startswith("b:")
