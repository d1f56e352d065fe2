"""The command that mends a finding, ready to paste."""

from __future__ import annotations

import os
import shlex

from envtool.environment.reader import Environment
from envtool.vendor.pin import VendorPin


def restore_command(environment: Environment, pin: VendorPin | None) -> str:
    """`update-moreh --force` where that finds this environment by itself, else the long form."""
    path = environment.prefix.path
    if pin is None or pin.torch.sha256 is None:
        return f"envtool restore --prefix {shlex.quote(str(path))} --vendor FOLDER_OR_INDEX"
    if os.environ.get("CONDA_PREFIX") == str(path):
        return "update-moreh --force"
    return f"envtool restore --prefix {shlex.quote(str(path))}"
