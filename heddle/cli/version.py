"""`heddle version`."""

from importlib.metadata import version as package_version

import typer


def version() -> None:
    """Print the version."""
    typer.echo(package_version("heddle"))
