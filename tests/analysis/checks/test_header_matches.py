"""HED0023: matches of headers that are none."""

import pytest

from analysis.checks.header_matches import HEADER_MATCHES
from tests.facts import findings
from tests.meshes import service, virtual_service


def found(headers: str) -> list[tuple[str, str]]:
    rule = f"{{match: [{{headers: {headers}}}], route: [{{destination: {{host: a}}}}]}}"
    spec = f"{{hosts: [a], http: [{rule}]}}"
    every = findings(service("a") + virtual_service("v", spec), [HEADER_MATCHES])
    return [(m.path, m.remedy) for m in every if m.code.id == "HED0023"]


@pytest.mark.parametrize(
    ("name", "field"),
    [("method", "method"), ("Path", "uri"), ("uri", "uri"), ("authority", "authority")],
)
def test_a_field_that_is_no_header(name: str, field: str) -> None:
    path = f'spec.http[0].match[0].headers["{name}"]'
    assert found(f"{{{name}: {{exact: a}}}}") == [
        (path, f"Write match.{field} in place of headers.")
    ]


@pytest.mark.parametrize("name", ["x-method", "':method'", "host", "X-Path"])
def test_headers(name: str) -> None:
    assert found(f"{{{name}: {{exact: a}}}}") == []
