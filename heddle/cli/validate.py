"""`heddle validate`: what is wrong with a folder in itself."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from crds.problem import Problem, Severity
from heddle.cli.folder import FolderOption, folder_of


class Report(StrEnum):
    """How `validate` prints."""

    TEXT = "text"
    JSON = "json"


def validate(
    folder: FolderOption,
    output: Annotated[Report, typer.Option("-o", "--output", help="text or json")] = Report.TEXT,
) -> None:
    """Check a folder: exit 1 if anything in it is an error."""
    problems = folder_of(folder).problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if output is Report.JSON:
        typer.echo(json.dumps([_as_dict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(f"{errors} errors, {len(problems) - errors} warnings", err=True)
    if errors:
        raise typer.Exit(1)


def _as_dict(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "object": str(problem.object) if problem.object else None,
        "path": problem.path,
        "value": problem.value,
        "message": problem.message,
        "file": place.file if place else None,
        "document": place.document if place else None,
        "line": place.line if place else None,
    }
