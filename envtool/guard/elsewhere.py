"""Where an instruction may have put a torch that is not the environment's: folders, user sites, other environments.

Told from the words of the instruction and from where its tools keep environments. Only folders are listed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.vendor.names import TORCH
from envtool.vendor.version import our_version

_TARGET = re.compile(r"(?:--target|-t)(?:[=\s]+)(\S+)")
_FOLDER = re.compile(r"\bcd\s+(\S+)")
# Where poetry and pipenv keep the environments that they make, below the home folder.
_HOMES = (".cache/pypoetry/virtualenvs", ".local/share/virtualenvs")


@dataclass(frozen=True)
class OtherTorch:
    """A torch beside the environment's: where it is, and its version."""

    folder: Path
    version: str


def find_other_torches(command: str, folder: Path, variables: Mapping[str, str]) -> tuple[OtherTorch, ...]:
    """Every torch of another build where `command`, run in `folder`, may have put one."""
    found: dict[Path, OtherTorch] = {}
    for site in _sites(command, folder, variables):
        for path in sorted(site.glob(f"{TORCH}-*.dist-info")):
            version = path.name.removesuffix(".dist-info").split("-", 1)[1]
            if our_version(version) is None:
                found[site.resolve()] = OtherTorch(site, version)
    return tuple(found.values())


def _sites(command: str, folder: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    folders = [folder, *(folder / name for name in _FOLDER.findall(command))]
    for target in _TARGET.findall(command):
        yield from (base / _unquoted(target) for base in folders)
    named = [variables[name] for name in ("UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV") if variables.get(name)]
    candidates = [base / name for base in folders for name in (".venv", "venv", *named, *_paths_after_venv(command))]
    for home in _HOMES:
        candidates += sorted(Path(variables.get("HOME", "/"), home).glob("*"))
    for candidate in candidates:
        if (candidate / "pyvenv.cfg").is_file():
            yield from candidate.glob("lib/python*/site-packages")


def _paths_after_venv(command: str) -> Iterator[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    seen = False
    for word in words:
        if seen and not word.startswith("-"):
            yield word
        seen = word in {"venv", "virtualenv"} or (seen and word.startswith("-"))


def _unquoted(word: str) -> str:
    return word.strip("\"'").rstrip(";&|")
