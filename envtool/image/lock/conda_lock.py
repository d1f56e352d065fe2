"""environment.yml → conda-lock file, through conda-lock itself with our solver program."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import EnvtoolError, LockError
from envtool.image.lock.solver import CHANNEL_MAP_VARIABLE, CONSTRAINTS_VARIABLE, write_program
from envtool.image.run_program import run
from envtool.language import tell
from envtool.temporary_folder import temporary_folder

PLATFORM = "linux-64"
# What the oldest machine that is to run the images offers.
_VIRTUAL_PACKAGES = """subdirs:
  linux-64:
    packages:
      __unix: "0"
      __linux: "5.10"
      __glibc: "2.31"
      __archspec: "1 x86_64"
"""


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """One conda package of a lock."""

    name: str
    version: str
    url: str
    sha256: str
    md5: str

    @property
    def filename(self) -> str:
        """The package's file name."""
        return self.url.rsplit("/", 1)[-1]


def lock_environment(environment: Path, channel_map: Mapping[str, str], *, keep: Sequence[LockedPackage] = ()) -> str:
    """The text of a conda-lock file for an environment.yml.

    `channel_map` says where on this machine a channel that the file names is; `keep` are packages that stay at their
    versions. Raises `LockError` where there is no solution or a channel cannot be reached.
    """
    constraints = [f"{package.name} =={package.version}" for package in keep]
    with temporary_folder() as scratch:
        (scratch / "virtual-packages.yml").write_text(_VIRTUAL_PACKAGES)
        # The mapping from PyPI's names to conda's, which would be downloaded, is for pip requirements alone.
        (scratch / "lookup.json").write_text("{}")
        target = scratch / "conda-lock.yml"
        # A lock names its sources by their relative path: beside it, that is the bare name on every machine.
        source = Path(shutil.copy(environment, scratch))
        command: list[str | Path] = [sys.executable, "-m", "conda_lock", "lock", "--platform", PLATFORM]
        command += ["--conda", write_program(scratch), "--file", source, "--lockfile", target]
        command += ["--virtual-package-spec", scratch / "virtual-packages.yml"]
        command += ["--pypi_to_conda_lookup_file", str(scratch / "lookup.json")]
        run(
            command,
            environment={
                CHANNEL_MAP_VARIABLE: json.dumps(dict(channel_map)),
                CONSTRAINTS_VARIABLE: json.dumps(constraints),
            },
            folder=scratch,
            failure=lambda _what, why: _make_unsolved_error(environment, why),
        )
        return target.read_text()


def _make_unsolved_error(environment: Path, why: str) -> EnvtoolError:
    unreachable = any(word in why for word in ("error sending request", "dns error", "Connection refused", "connect"))
    return LockError(
        tell(
            "conda-lock could not lock {name}: a channel cannot be reached"
            if unreachable
            else "conda-lock could not lock {name}",
            name=environment.name,
        ),
        why="\n        ".join(_select_telling_lines(why)),
        remedy=tell("run envtool lock where the channel can be reached")
        if unreachable
        else tell("change the environment file"),
    )


def _select_telling_lines(text: str) -> list[str]:
    """What conda-lock passes on of the solver's message, without the command it ran and its own traceback."""
    message = text.rpartition("Could not lock the environment")[2].partition("Command:")[0] or text
    lines = [line.strip() for line in message.splitlines()[1:] if line.strip()]
    return [line[:400] for line in lines[:12]] or text.splitlines()[-3:]


def read_packages(text: str) -> tuple[LockedPackage, ...]:
    """The conda packages of a conda-lock file (its format version 1). Raises `LockError`."""
    import yaml

    try:
        table = yaml.safe_load(text)
        return tuple(
            LockedPackage(
                name=row["name"],
                version=str(row["version"]),
                url=row["url"],
                sha256=row["hash"]["sha256"],
                md5=row["hash"]["md5"],
            )
            for row in table["package"]
            if row["manager"] == "conda" and row["platform"] == PLATFORM
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise LockError(tell("this is not a conda-lock file"), why=str(error), remedy="envtool lock") from error
