"""What a user writes as a regular expression is Envoy's to run: here it costs next to nothing."""

import ast
import dataclasses
import gc
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import ca
import crds
import heddle
import mesh
import sources
import translator
import webhook
import xds
from crds.decode import decode
from crds.scalars import StringMatch
from tests.security_rows import guards

LIMIT = 0.05
"""Seconds of processor time for one object."""
HOSTILE = (
    "(a+)+$",
    "(a|aa)+$",
    "(a|a?)+$",
    "(.*a){25}",
    "(x+x+)+y",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "([a-zA-Z0-9])(([-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}",
    "a{1000}",
    "(a{30}){30}",
    "((a{100}){100}){100}",
    "((((((a{1,10}){1,10}){1,10}){1,10}){1,10}){1,10})",
    r"\pL{1000}",
    r"(\pL\pN\pS){300}",
    "(?i)" + "|".join(f"word{n}" for n in range(100)),
    "(" * 500 + "a" + ")" * 500,
    "[" + "".join(chr(0x4E00 + n) for n in range(1000)) + "]",
    ".*" * 500,
    "(?:a?){500}a{500}",
    "a" * 1_000_000,
    "(" * 1_000_000,
    "\ud800",
)
"""Patterns on which engines that go back stop, and what takes much to compile."""
MATCHES: Mapping[str, str] = {
    "HTTPMatchRequest.uri": "match: [{uri: {regex: R}}]",
    "HTTPMatchRequest.scheme": "match: [{scheme: {regex: R}}]",
    "HTTPMatchRequest.method": "match: [{method: {regex: R}}]",
    "HTTPMatchRequest.authority": "match: [{authority: {regex: R}}]",
    "HTTPMatchRequest.headers": "match: [{headers: {x: {regex: R}}}]",
    "HTTPMatchRequest.query_params": "match: [{queryParams: {x: {regex: R}}}]",
    "HTTPMatchRequest.without_headers": "match: [{withoutHeaders: {x: {regex: R}}}]",
    "CorsPolicy.allow_origins": "corsPolicy: {allowOrigins: [{regex: R}]}",
    "RegexRewrite.match": r"rewrite: {uriRegexRewrite: {match: R, rewrite: /x\1}}",
}
"""Each field that holds an expression, in a rule of a VirtualService."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def test_each_field_with_an_expression_is_tried() -> None:
    found = {"RegexRewrite.match"}
    for module in modules(crds):
        for value in vars(module).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                found |= {
                    f"{value.__name__}.{each.name}"
                    for each in dataclasses.fields(value)
                    if StringMatch.__name__ in str(each.type)
                }
    assert found == MATCHES.keys()


def filled(value: object, pattern: str) -> object:
    if isinstance(value, dict):
        return {key: filled(each, pattern) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, pattern) for each in value]
    return pattern if value == "R" else value


def virtual_service(rules: list[dict[str, object]]) -> dict[str, object]:
    route: dict[str, object] = {"route": [{"destination": {"host": "a"}}]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"hosts": ["a"], "http": [{**route, **rule} for rule in rules]},
    }


def rule(field: str, pattern: str) -> dict[str, object]:
    found = filled(yaml.safe_load(f"{{{MATCHES[field]}}}"), pattern)
    assert isinstance(found, dict)
    return found


def seconds(act: Callable[[], object]) -> float:
    """Of processor time, without a collection of the garbage of others."""
    gc.disable()
    try:
        began = time.process_time()
        act()
        return time.process_time() - began
    finally:
        gc.enable()


@guards("C5")
@pytest.mark.parametrize("field", MATCHES)
@pytest.mark.parametrize("pattern", HOSTILE, ids=lambda pattern: repr(pattern[:20]))
def test_no_expression_costs_much(field: str, pattern: str) -> None:
    raw = virtual_service([rule(field, pattern)])
    assert seconds(lambda: decode(raw)) < LIMIT


def codes(rules: list[dict[str, object]]) -> list[str]:
    return [problem.code for problem in decode(virtual_service(rules)).problems]


@guards("C5")
@pytest.mark.parametrize("field", MATCHES)
def test_many_expressions_cost_little_more(field: str) -> None:
    """All that take a while each are in one object; they are counted, wherever they stand."""
    costly = [rule(field, rf"(\pL{{35}})a{{{n}}}") for n in range(300)]
    found: list[str] = []
    assert seconds(lambda: found.extend(codes(costly))) < 20 * LIMIT
    assert found == ["too-many-expressions"]


@guards("C5")
def test_many_wrong_expressions_cost_little_more() -> None:
    wrong = [rule("HTTPMatchRequest.uri", rf"\pL{{999}}a{{{n}}}") for n in range(300)]
    assert codes(wrong) == ["too-many-expressions"]


def test_as_many_ordinary_expressions_as_one_likes() -> None:
    paths = [rule("HTTPMatchRequest.uri", rf"/api/v[0-9]+/{n}/[^/]+(/.*)?") for n in range(1000)]
    assert codes(paths) == []


OURS = (ca, crds, heddle, mesh, sources, translator, webhook, xds)
ESCAPED = {"heddle/local/paths.py", "webhook/variables.py"}
"""They make expressions of names that they escape."""
BUILDERS = {
    "compile",
    "match",
    "search",
    "fullmatch",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}


def built_in_functions(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls of `re` with a text, other than where a module is loaded."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                    of = call.func.value
                    if isinstance(of, ast.Name) and of.id == "re" and call.func.attr in BUILDERS:
                        yield call


@guards("C5")
def test_python_never_sees_an_expression_of_a_user() -> None:
    """Its engine goes back, and one such pattern would stop everything else."""
    found = set()
    for package in OURS:
        root = Path(package.__path__[0])
        for file in root.rglob("*.py"):
            if any(built_in_functions(ast.parse(file.read_text()))):
                found.add(str(file.relative_to(root.parent)))
    assert found == ESCAPED


TEXTS = tuple(
    part * (20_000 // len(part)) + end
    for part in ("1", "a", "a.", "1h", ".", "-", "[a]", "a-", "%", "\\", " ", "0.", "a:", "\n")
    for end in ("", "!", "\x00")
)


@guards("C5")
def test_no_text_costs_our_own_expressions_much() -> None:
    slow = []
    for package in OURS:
        for module in modules(package):
            ours = {each for each in vars(module).values() if isinstance(each, re.Pattern)}
            for pattern in (each for each in ours if isinstance(each.pattern, str)):
                slow += [
                    (module.__name__, pattern.pattern, text[:5])
                    for text in TEXTS
                    if seconds(partial(pattern.fullmatch, text)) > LIMIT
                ]
    assert slow == []
