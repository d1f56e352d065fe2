"""A group of commands, each of whose modules is imported only when it is run or when help needs its first line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from envtool.cli.localize import localize_command


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is: the attribute of a module that is its function, or the Typer application of a group.

    `settings` are further arguments of Click's context.
    """

    module: str
    attribute: str
    is_hidden: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


class LazyGroup(TyperGroup):
    """The commands of a table, `lazy_commands`, by name."""

    lazy_commands: ClassVar[Mapping[str, LazyCommand]] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Click's interface
        """The names, in the order of the table."""
        return list(self.lazy_commands)

    # Any: Typer up to 0.27 takes Click's own classes here, later ones Typer's copies of them.
    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command, its module imported now; `None` where there is none of that name."""
        lazy = self.lazy_commands.get(cmd_name)
        return localize_command(_load(cmd_name, lazy)) if lazy is not None else None


def _load(name: str, lazy: LazyCommand) -> Any:
    found = getattr(import_module(lazy.module), lazy.attribute)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    application.command(name, hidden=lazy.is_hidden, context_settings=dict(lazy.settings))(found)
    return typer.main.get_command(application)
