"""A solver program for conda-lock, over py-rattler: it answers as micromamba does, as far as conda-lock asks.

conda-lock calls `--version`, `create --dry-run --json`, `list --json`, `update --dry-run --json` and
`config --json list pkgs_dirs` (conda_lock/conda_solver.py), and reads `actions.FETCH` and, on failure, `message`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from envtool.temporary_folder import temporary_folder

# JSON object: the address of a channel as a lock names it -> where it is on this machine. A lock must not name a
# folder or a loopback address.
CHANNEL_MAP_VARIABLE = "HAC_CHANNEL_MAP"
# JSON list: constraints on what the solver may choose. An upgrade of one package keeps all others by them.
CONSTRAINTS_VARIABLE = "HAC_SOLVER_CONSTRAINTS"
# conda-lock tells micromamba from conda by the program's name.
PROGRAM_NAME = "micromamba"


def write_program(folder: Path) -> Path:
    """Write the executable that conda-lock is to call; it runs `main` with the interpreter of this process."""
    path = folder / PROGRAM_NAME
    path.write_text(f"#!{sys.executable}\nfrom envtool.image.lock.solver import main\n\nmain()\n")
    path.chmod(0o755)
    return path


def main() -> None:
    """Answer one call of conda-lock. Exit status 1 with a `message` where there is no solution."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--version"]:
        print("2.0.0")
        return
    match [word for word in arguments if not word.startswith("-")][:1]:
        case ["create" | "install" | "update"]:
            _answer(_solve(arguments))
        case ["list"]:
            _answer([])
        case ["config"]:
            _answer({"pkgs_dirs": [os.environ.get("CONDA_PKGS_DIRS", "")]})
        case _:
            _fail(f"this solver does not know how to {' '.join(arguments)}")


def _answer(document: Any, status: int = 0) -> NoReturn:
    print(json.dumps(document), flush=True)
    # py-rattler's threads may still be at work when the interpreter takes itself down, which then ends in an abort.
    os._exit(status)


def _fail(message: str) -> NoReturn:
    _answer({"success": False, "message": message}, 1)


def _solve(arguments: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--prefix", "-p")
    parser.add_argument("--channel", "-c", action="append", default=[])
    for flag in ("--dry-run", "--json", "--override-channels", "--yes", "--no-update-deps", "--update-specs"):
        parser.add_argument(flag, action="store_true")
    options, words = parser.parse_known_args(arguments)
    channel_map: dict[str, str] = json.loads(os.environ.get(CHANNEL_MAP_VARIABLE, "{}"))
    try:
        packages = asyncio.run(_records(words[1:], options.channel, channel_map))
    # py-rattler raises its own errors and plain RuntimeErrors; for conda-lock each is "no solution, because".
    except Exception as error:
        _fail(f"{type(error).__name__}: {error}")
    return {"success": True, "actions": {"FETCH": packages, "LINK": packages}}


async def _records(
    specs: Sequence[str], channels: Sequence[str], channel_map: Mapping[str, str]
) -> list[dict[str, Any]]:
    from rattler import Channel, Gateway, Subdir, VirtualPackage, solve

    # The user's cache of channel indexes goes by address. A folder or a loopback port is another channel tomorrow.
    with temporary_folder() as cache:
        solved = await solve(
            sources=[Channel(channel_map.get(channel.rstrip("/"), channel)) for channel in channels],
            specs=list(specs),
            gateway=Gateway(cache_dir=cache),
            platforms=[Subdir(os.environ.get("CONDA_SUBDIR", "linux-64")), Subdir("noarch")],
            constraints=json.loads(os.environ.get(CONSTRAINTS_VARIABLE, "[]")),
            # conda-lock's own channel offers __glibc and the like as packages; nothing of this machine may count.
            virtual_packages=[] if channels else VirtualPackage.detect(),
        )
    found = []
    for record in solved:
        url = str(record.url)
        for named, actual in channel_map.items():
            url = url.replace(actual.rstrip("/"), named)
        row = {
            "name": record.name.normalized,
            "version": str(record.version),
            "build": str(record.build),
            "channel": os.path.dirname(os.path.dirname(url)),  # noqa: PTH120  # an address, not a path
            "url": url,
            "fn": record.file_name,
            "depends": [str(spec) for spec in record.depends],
        }
        # Virtual packages, which conda-lock takes out again, have no hash.
        row |= {key: value.hex() for key in ("md5", "sha256") if (value := getattr(record, key)) is not None}
        found.append(row)
    return found
