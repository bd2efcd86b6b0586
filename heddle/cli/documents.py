"""What the command line prints of the API: documents that the project keeps as files, too."""

import typer

from heddle.compatibility import compatibility as compatibility_document
from heddle.definitions import stream as definition_stream


def compatibility() -> None:
    """Print what becomes of each field of Istio's API, as Markdown (docs/compatibility.md)."""
    typer.echo(compatibility_document(), nl=False)


def crds() -> None:
    """Print the CustomResourceDefinitions, for `kubectl apply -f -` (charts/heddle-crds)."""
    typer.echo(definition_stream(), nl=False)
