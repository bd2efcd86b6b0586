"""Problems that were found before the analysis are told under the codes that users know."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.problems import CODES, OF_KIND, code_of, messages
from analysis.severity import Severity
from crds.meta import Key
from crds.problem import Problem, error, warning

NETWORKING = "networking.istio.io"


def of(problem: Problem, kind: str) -> Problem:
    return replace(problem, object=Key(NETWORKING, kind, "shop", "x"))


@pytest.mark.parametrize(
    ("code", "kind", "path", "id_"),
    [
        ("unknown-host", "VirtualService", "spec.http[0].route[0].destination.host", "IST0101"),
        ("unknown-host", "VirtualService", "spec.hosts[1]", "HED0004"),
        ("unknown-host", "DestinationRule", "spec.host", "IST0174"),
        ("unknown-host", "Sidecar", "spec.egress[0].hosts[0]", "IST0101"),
        ("shadowed-sidecar", "Sidecar", "spec", "IST0111"),
        ("shadowed-sidecar", "Sidecar", "spec.workloadSelector", "IST0110"),
        ("port-conflict", "Gateway", "spec.servers[0].port", "IST0145"),
        ("port-conflict", "ServiceEntry", "spec.ports[0]", "HED0021"),
        ("unusable-secret", "Gateway", "", "IST0161"),
        ("unusable-secret", "DestinationRule", "", "HED0020"),
        ("bad-host", "Gateway", "", "IST0106"),
    ],
)
def test_a_code_by_problem_kind_and_field(code: str, kind: str, path: str, id_: str) -> None:
    assert code_of(of(error(code, path, "x"), kind)).id == id_


def test_the_general_codes_and_severities() -> None:
    (message,) = messages([of(warning("no-effect", "spec.a", "x", "y"), "VirtualService")])
    assert (message.code.id, message.severity) == ("IST0133", Severity.WARNING)
    assert (message.path, message.text, message.value) == ("spec.a", "x", "y")
    (message,) = messages([error("bad-yaml", "", "x")])
    assert (message.code.id, message.severity) == ("HED0001", Severity.ERROR)
    (message,) = messages([error("no-type", "kind", "x")])
    assert (message.code.id, message.severity) == ("HED0031", Severity.WARNING)


def test_what_the_mesh_finds_is_never_a_matter_of_form(repo_root: Path) -> None:
    """A new code of mesh/ needs a line in the table."""
    known = CODES.keys() | {code for code, _ in OF_KIND}
    assert set(codes_in(repo_root / "mesh")) <= known


def test_no_line_of_the_table_is_for_nothing(repo_root: Path) -> None:
    source = "".join(
        path.read_text()
        for folder in ("crds", "mesh", "webhook", "heddle/local")
        for path in (repo_root / folder).glob("*.py")
    )
    for code in CODES.keys() | {code for code, _ in OF_KIND}:
        assert f'"{code}"' in source, code


def codes_in(folder: Path) -> Iterator[str]:
    """Words with dashes that are given to what makes a problem."""
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _makes_a_problem(node.func):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                for each in (part for argument in given for part in ast.walk(argument)):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        yield from re.findall(r"\A[a-z]+(?:-[a-z]+)+\Z", each.value)


def _makes_a_problem(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return re.search("error|warning|problem|refused|missing|fault", str(name), re.I) is not None
