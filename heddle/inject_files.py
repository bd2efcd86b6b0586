"""`heddle inject`: sidecars added to files, without a cluster."""

import json
from dataclasses import replace
from pathlib import Path

import yaml

from crds.problem import Problem, Severity, error
from heddle.injection import PORT, inject_settings, server_name
from heddle.plain_yaml import PlainDumper
from sources.documents import pieces
from sources.yaml_values import Fault, parse
from webhook.settings import InjectSettings
from webhook.templates import with_sidecars
from webhook.values import injection_values, with_values

_LONGEST_CONSTANT = 32
_AS_GIVEN = 1 << 30
"""Columns: lines are never broken, for what is in quotes is easier to compare then."""


def file_settings(file: Path | None, *, revision: str, system_namespace: str) -> InjectSettings:
    """The settings for a cluster; raises `OSError` for a file that is not there, `ValueError` for
    one with errors.
    """
    name = server_name(revision, system_namespace)
    base = replace(inject_settings(host=name, port=PORT, server_name=name), revision=revision)
    if file is None:
        return base
    try:
        found = parse(file.read_text()) or {}
    except Fault as fault:
        raise ValueError(f"{file}: {fault.message}") from fault
    if not isinstance(found, dict):
        raise ValueError(f"{file} must be a mapping of settings")
    values, problems = injection_values(found)
    for problem in problems:
        if problem.severity is Severity.ERROR:
            raise ValueError(f"{file}: {problem}")
    return with_values(base, values)


def injected_text(
    text: str, settings: InjectSettings, namespace: str = "default"
) -> tuple[str, tuple[Problem, ...]]:
    """The YAML or JSON documents of a text with sidecars; what gets none is there as it was, byte
    for byte. The same text gives the same result.
    """
    problems: list[Problem] = []
    made = [_piece(piece, settings, namespace, problems) for piece in pieces(text)]
    return "".join(made), tuple(problems)


def _piece(text: str, settings: InjectSettings, namespace: str, problems: list[Problem]) -> str:
    try:
        item = parse(text)
    except Fault as fault:
        problems.append(error(fault.code, "", fault.message))
        return text
    if not isinstance(item, dict):
        return text
    made = with_sidecars(item, namespace, settings)
    problems += made.problems
    if made.item is item:
        return text
    marker = "---\n" if text.startswith("---") else ""
    # Through JSON: tuples and read-only mappings are lists and mappings then.
    plain = json.loads(json.dumps(made.item, default=dict))
    return marker + yaml.dump(plain, Dumper=_Dumper, sort_keys=False, width=_AS_GIVEN)


class _Dumper(PlainDumper):
    """Texts of several lines as blocks; in quotes what somebody would take for no text."""


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if "\n" in text:
        return "|"
    if len(text) > _LONGEST_CONSTANT:
        return None
    try:
        # PyYAML asks a newer YAML than Kubernetes reads, where `y` is no boolean.
        return None if parse(text) == text else "'"
    except Fault:
        return "'"


_Dumper.add_representer(str, _text)
