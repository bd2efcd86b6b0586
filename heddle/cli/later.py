"""Commands that are imported when they are called. All of them together take seconds to import, and
who asks for one of them, for help or for a completion is not to wait for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pkgutil import resolve_name

import typer
from typer.core import TyperCommand, TyperGroup

from heddle.cli.uncollected import uncollected

Command = TyperCommand | TyperGroup


@dataclass(frozen=True, slots=True)
class Later:
    """`place` is `module:name` of a function, or of the `typer.Typer` of a group of commands.
    `help` is its first sentence, for the list of all commands, which does not have the `alias`.
    """

    name: str
    place: str
    help: str
    alias: str = ""


def app_of(commands: Sequence[Later], *, help_text: str) -> typer.Typer:
    """The command line that consists of these."""
    app = typer.Typer(
        cls=_group_of(commands),
        help=help_text,
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_show_locals=False,
    )
    for each in commands:
        app.command(each.name, help=each.help)(_stands_in)
        if each.alias:
            app.command(each.alias, help=each.help, hidden=True)(_stands_in)
    return app


def _stands_in() -> None:
    """For a command that is not imported yet: it has a name and a help, and is never called."""


def _group_of(commands: Sequence[Later]) -> type[TyperGroup]:
    table = {name: each for each in commands for name in (each.name, each.alias)}

    class Group(TyperGroup):
        """Lists what stands in for commands, and resolves to the commands themselves."""

        def resolve_command(
            self, ctx: object, args: list[str]
        ) -> tuple[str | None, Command | None, list[str]]:
            # Typer says only by a private name what a context is.
            name, _, rest = super().resolve_command(ctx, args)  # type: ignore[arg-type]
            return name, None if name is None else loaded(table[name]), rest

    return Group


def loaded(later: Later) -> Command:
    """The command itself."""
    with uncollected():
        found: object = resolve_name(later.place)
    holder = typer.Typer(add_completion=False)
    holder.callback()(_stands_in)  # so that it is a group, even of one command
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=later.name)
    elif callable(found):
        holder.command(later.name)(found)
    group = typer.main.get_command(holder)
    made = group.commands.get(later.name) if isinstance(group, TyperGroup) else None
    if not isinstance(made, TyperCommand | TyperGroup):
        raise TypeError(f"{later.place} is no command")
    return made
