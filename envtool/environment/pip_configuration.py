"""What pip is configured with where an environment is used: its files and its variables.

Source: pip documentation, "Configuration". Later files win over earlier ones, variables over files.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.regular_file import read_regular_text

if TYPE_CHECKING:
    from envtool.environment.context import EnvironmentContext
    from envtool.environment.prefix import Prefix

_SECTIONS = ("global", "install")


def read_pip_settings(context: EnvironmentContext, prefix: Prefix | None = None) -> dict[str, str]:
    """pip's settings by their long option's name, such as `index-url`; those of `pip install` where both are set."""
    variables = context.variables
    found: dict[str, str] = {}
    for name in _list_files(context, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(_read_text(context.locate(name)))
        except configparser.Error:
            continue
        for section in _SECTIONS:
            if parser.has_section(section):
                found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    for name, value in variables.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def _list_files(context: EnvironmentContext, prefix: Prefix | None) -> list[str]:
    variables = context.variables
    home = variables.get("HOME", "")
    named = variables.get("PIP_CONFIG_FILE")
    if named == "/dev/null":
        return []
    configuration = variables.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{home}/.pip/pip.conf", f"{configuration}/pip/pip.conf"]
    files += [str(prefix.path / "pip.conf")] if prefix is not None else []
    return [*files, *([named] if named else [])]


def _read_text(path: Path) -> str:
    try:
        return read_regular_text(path)
    except (OSError, ValueError):
        return ""
