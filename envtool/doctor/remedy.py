"""Builds the command that fixes a finding, ready to paste."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from envtool.environment.context import Location

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


def build_restore_command(environment: Environment, pin: VendorPin | None) -> str:
    """Build the command that restores torch: `update-moreh --force` where that finds this environment by itself."""
    path = environment.prefix.path
    context = environment.context
    if pin is None or pin.torch.sha256 is None:
        command = f"envtool restore --prefix {shlex.quote(context.display(str(path)))} --vendor FOLDER_OR_INDEX"
    elif context.variables.get("CONDA_PREFIX") == context.display(str(path)):
        command = "update-moreh --force"
    else:
        command = f"envtool restore --prefix {shlex.quote(context.display(str(path)))}"
    return translate_command(environment, command)


def translate_command(environment: Environment, command: str) -> str:
    """Turn a command for inside of an image or a container into one for this machine."""
    context = environment.context
    if context.location is Location.CONTAINER:
        name = shlex.quote(context.reference)
        return f"docker start {name} && docker exec {name} {command}"
    if context.location is Location.IMAGE:
        # An image cannot be changed; a child of it gets its name.
        name = shlex.quote(context.reference)
        return f"printf 'FROM %s\\nRUN %s\\n' {name} {shlex.quote(command)} | docker build --tag {name} -"
    return command


def build_uninstall_command(environment: Environment, *names: str) -> str:
    """Build the command that uninstalls distributions with the environment's own pip."""
    interpreter = shlex.quote(environment.context.display(str(environment.prefix.interpreter)))
    return translate_command(environment, f"{interpreter} -m pip uninstall --yes {' '.join(names)}")
