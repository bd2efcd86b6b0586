"""The options that say which mesh is meant, the same for every command that asks one."""

import functools
import inspect
from collections.abc import Callable
from typing import Final

from heddle.cli.reach import (
    ContextOption,
    KubeconfigOption,
    MeshOption,
    RevisionOption,
    SystemOption,
    Where,
)

_OPTIONS: Final = {
    "mesh": MeshOption,
    "kubeconfig": KubeconfigOption,
    "context": ContextOption,
    "system_namespace": SystemOption,
    "revision": RevisionOption,
}
"""By their fields of `Where`, which has the defaults."""


def reaching(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `where` is made from those options, which come after its own: Typer
    reads a command's options from its signature.
    """
    signature = inspect.signature(command)
    defaults = Where()
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=getattr(defaults, name),
            annotation=annotation,
        )
        for name, annotation in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def wrapped(**given: object) -> None:
        said = {name: given.pop(name) for name in _OPTIONS if name in given}
        command(where=Where(**said), **given)  # type: ignore[arg-type]  # as the options have them

    own = [each for each in signature.parameters.values() if each.name != "where"]
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    wrapped.__signature__ = signature.replace(  # type: ignore[attr-defined]  # inspect looks there
        parameters=[*keyword, *more]
    )
    return wrapped
