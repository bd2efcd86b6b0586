"""Findings as SARIF 2.1.0, which code review shows at the lines that they are about
(https://docs.oasis-open.org/sarif/sarif/v2.1.0/).
"""

import json
import os
from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import quote

from analysis.code import Code
from analysis.message import Message, friendly
from analysis.severity import Severity
from crds.problem import printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def as_sarif(messages: Sequence[Message], version: str) -> str:
    """One run. `version` is ours."""
    codes = sorted({each.code.id: each.code for each in messages}.values(), key=lambda c: c.id)
    places = {code.id: index for index, code in enumerate(codes)}
    run = {
        "tool": {
            "driver": {
                "name": "heddle",
                "semanticVersion": version,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, places[each.code.id]) for each in messages],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(code: Code) -> dict[str, object]:
    found: dict[str, object] = {
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": f"{code.summary} {code.remedy}"},
        "help": {
            "text": f"{code.remedy} See {code.page}.",
            "markdown": f"{code.remedy} See `{code.page}`.",
        },
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
        "properties": {"tags": ["service-mesh", "istio" if code.is_istio else "heddle"]},
    }
    # The page of a finding of ours is in this project: no address that a URI could be.
    return {**found, "helpUri": code.url} if code.is_istio else found


def _result(message: Message, rule: int) -> dict[str, object]:
    where = f"{friendly(message.object)}: " if message.object else ""
    field = f"{message.path}: " if message.path else ""
    got = f" (It is {message.value!r}.)" if message.value is not None else ""
    return {
        "ruleId": message.code.id,
        "ruleIndex": rule,
        "level": _LEVELS[message.severity],
        "message": {"text": printable(f"{where}{field}{message.advice}{got}")},
        "locations": [_location(message)],
        "partialFingerprints": {"heddle/v1": _fingerprint(message)},
    }


def _location(message: Message) -> dict[str, object]:
    """The file and line, as far as there are any, and the object in any case."""
    found: dict[str, object] = {}
    origin = message.origin
    if origin is not None:
        place: dict[str, object] = {"artifactLocation": {"uri": quote(os.fsencode(origin.file))}}
        if origin.line:
            place["region"] = {"startLine": origin.line}
        found["physicalLocation"] = place
    if message.object is not None:
        name = friendly(message.object)
        found["logicalLocations"] = [
            {
                "name": message.object.name,
                "fullyQualifiedName": f"{name} {message.path}".rstrip(),
                "kind": "resource",
            }
        ]
    return found


def _fingerprint(message: Message) -> str:
    """The same finding, wherever its lines move to."""
    where = str(message.object) if message.object else f"{message.origin} {message.text}"
    parts = (message.code.id, where, message.path, str(message.value))
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()
