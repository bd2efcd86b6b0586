"""SARIF: what code review needs of it, by the essentials of its schema."""

import json
import re
from urllib.parse import urlsplit

from jsonschema import Draft7Validator

from analysis import istio_codes as istio
from analysis import own_codes as own
from analysis.message import Message, finding
from crds.meta import Key, Origin
from heddle.analyze.sarif import as_sarif

KEY = Key("networking.istio.io", "VirtualService", "shop", "v")
LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {"rules": {"items": {"$ref": "#/$defs/rule"}}},
                            }
                        },
                    },
                    "results": {"items": {"$ref": "#/$defs/result"}},
                },
            },
        },
    },
    "$defs": {
        "rule": {
            "type": "object",
            "required": ["id"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "name": {"type": "string"},
                "shortDescription": TEXT,
                "fullDescription": TEXT,
                "help": TEXT,
                "helpUri": {"type": "string", "pattern": "^https://"},
                "defaultConfiguration": {"properties": {"level": LEVEL}},
                "properties": {"type": "object"},
            },
        },
        "result": {
            "type": "object",
            "required": ["message"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": -1},
                "level": LEVEL,
                "message": TEXT,
                "locations": {
                    "items": {
                        "additionalProperties": False,
                        "properties": {
                            "physicalLocation": {
                                "properties": {
                                    "artifactLocation": {"required": ["uri"]},
                                    "region": {
                                        "properties": {
                                            "startLine": {"type": "integer", "minimum": 1}
                                        }
                                    },
                                }
                            },
                            "logicalLocations": {"type": "array"},
                        },
                    }
                },
                "partialFingerprints": {"additionalProperties": {"type": "string"}},
            },
        },
    },
}
"""The parts of the schema of SARIF 2.1.0 that we fill, with what they require."""

FOUND = finding(istio.REFERENCED_RESOURCE_NOT_FOUND, KEY, "spec.a", "is lost", value="b").at(
    Origin("my shop/v.yaml", 2, 7)
)
OTHERS = (
    finding(own.UNSUPPORTED, KEY, "kind", "x"),
    finding(istio.NAMESPACE_NOT_INJECTED, Key("", "Namespace", "", "shop"), "", "x"),
    finding(own.UNREADABLE_FILE, None, "", "x").at(Origin("a.yaml")),
)


def sarif(*messages: Message) -> dict[str, list[dict[str, list[dict[str, object]]]]]:
    made = json.loads(as_sarif(messages, "1.2.3"))
    Draft7Validator(SCHEMA).validate(made)
    assert isinstance(made, dict)
    return made


def test_a_finding_at_its_line() -> None:
    (run,) = sarif(FOUND, *OTHERS)["runs"]
    result = run["results"][0]
    assert result["ruleId"] == "IST0101"
    assert result["level"] == "error"
    assert result["message"] == {
        "text": "VirtualService v.shop: spec.a: is lost. "
        "Correct the name, or add what it refers to. (It is 'b'.)"
    }
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "my%20shop/v.yaml"},
                "region": {"startLine": 7},
            },
            "logicalLocations": [
                {
                    "name": "v",
                    "fullyQualifiedName": "VirtualService v.shop spec.a",
                    "kind": "resource",
                }
            ],
        }
    ]


def test_each_rule_once_and_each_result_points_to_its_own() -> None:
    made = json.loads(as_sarif((FOUND, FOUND, *OTHERS), "1.2.3"))
    (run,) = made["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["HED0001", "HED0002", "IST0101", "IST0102"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["level"] for result in run["results"]] == [
        "error",
        "error",
        "warning",
        "note",
        "error",
    ]
    for rule in rules:
        assert re.search(r"docs/analysis/[A-Z]{3}\d{4}\.md", rule["help"]["text"])
        if rule["id"].startswith("IST"):
            assert urlsplit(rule["helpUri"]).path.endswith(f"/{rule['id'].lower()}/")


def test_a_fingerprint_stays_when_lines_move_and_tells_findings_apart() -> None:
    moved = FOUND.at(Origin("my shop/v.yaml", 2, 70))
    (run,) = sarif(FOUND, moved, *OTHERS)["runs"]
    prints = [str(result["partialFingerprints"]) for result in run["results"]]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_nothing_found_is_a_run_too() -> None:
    (run,) = sarif()["runs"]
    assert run["results"] == []
