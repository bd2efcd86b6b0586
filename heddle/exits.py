"""How a command of the command line fails."""

import typer


def fail(message: str, code: int = 2) -> typer.Exit:
    """Says why on stderr; to be raised."""
    typer.echo(f"heddle: {message}", err=True)
    return typer.Exit(code)
