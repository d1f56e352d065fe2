"""The command that mends a finding, ready to paste."""

from __future__ import annotations

import shlex

from envtool.environment.context import Location
from envtool.environment.reader import Environment
from envtool.release.pin import VendorPin


def restore_command(environment: Environment, pin: VendorPin | None) -> str:
    """`update-moreh --force` where that finds this environment by itself, else the long form."""
    path = environment.prefix.path
    setting = environment.setting
    if pin is None or pin.torch.sha256 is None:
        command = f"envtool restore --prefix {shlex.quote(setting.shown(str(path)))} --vendor FOLDER_OR_INDEX"
    elif setting.variables.get("CONDA_PREFIX") == setting.shown(str(path)):
        command = "update-moreh --force"
    else:
        command = f"envtool restore --prefix {shlex.quote(setting.shown(str(path)))}"
    return where_it_runs(environment, command)


def where_it_runs(environment: Environment, command: str) -> str:
    """`command`, a command for the environment's own machine, as it is typed on this one."""
    setting = environment.setting
    if setting.housing is Location.CONTAINER:
        name = shlex.quote(setting.reference)
        return f"docker start {name} && docker exec {name} {command}"
    if setting.housing is Location.IMAGE:
        # An image cannot be changed, only succeeded.
        name = shlex.quote(setting.reference)
        return f"printf 'FROM %s\\nRUN %s\\n' {name} {shlex.quote(command)} | docker build --tag {name} -"
    return command


def pip_uninstall(environment: Environment, *names: str) -> str:
    """The command that takes distributions away, with the environment's own pip."""
    interpreter = shlex.quote(environment.setting.shown(str(environment.prefix.interpreter)))
    return where_it_runs(environment, f"{interpreter} -m pip uninstall --yes {' '.join(names)}")
