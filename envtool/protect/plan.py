"""Which files of an environment hold pip, uv and conda to its torch, and what they will say. Reads only."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.conda_pins import CONDA_PINS, OVERWRITING
from envtool.environment.prefix import PrefixKind
from envtool.errors import RestoreError
from envtool.language import tell
from envtool.protect.edits import (
    add_block,
    add_pip_constraint,
    add_uv_constraints,
    make_activation_lines,
    make_conda_scripts,
    remove_block,
    remove_pip_constraint,
    remove_uv_constraints,
)
from envtool.protect.manifest import FileEdit, ProtectedFile, ProtectManifest, hash_content, read_if_there
from envtool.release.pin import PIN_FILE, PinOrigin, VendorPin, render_pin

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.environment.reader import Environment
    from envtool.transaction.owner import Owner

# Relative to the prefix.
CONSTRAINTS = Path("etc/hac/constraints.txt")
# Where uv looks whatever folder it is started in; for a Python that is the machine's.
SYSTEM_UV = Path("/etc/uv/uv.toml")
_MACHINES = (Path("/usr"), Path("/usr/local"))
# conda runs these when the environment is activated, and when that ends.
_ACTIVATE = Path("etc/conda/activate.d/hac-protect.sh")
_DEACTIVATE = Path("etc/conda/deactivate.d/hac-protect.sh")

Edit = Callable[[str], str]


def list_places(prefix: Prefix, owner: Owner | None) -> dict[Path, str]:
    """All files that a protection of the prefix may change, each with the id of what is done to it.

    `owner` is the user other than root whose prefix it is. The machine's own settings are nobody's else to change.
    """
    machine = prefix.kind is PrefixKind.SYSTEM and owner is None and prefix.path in _MACHINES
    return {
        prefix.path / PIN_FILE: "whole",
        prefix.path / CONSTRAINTS: "whole",
        prefix.path / "pip.conf": "pip",
        SYSTEM_UV if machine else prefix.path / "uv.toml": "uv",
        prefix.path / CONDA_PINS: "block",
        prefix.path / _ACTIVATE: "whole",
        prefix.path / _DEACTIVATE: "whole",
        prefix.path / "bin/activate": "block",
    }


def plan_protection(
    environment: Environment, pin: VendorPin, present: ProtectManifest | None, places: Mapping[Path, str]
) -> list[FileEdit]:
    """What to write. Files that an earlier protection changed are taken from what they were without it.

    `places` are those of `list_places`. Raises `RestoreError` where a file is a link, or not what its name says.
    """
    prefix = environment.prefix
    if any(character.isspace() for character in str(prefix.path)):
        raise RestoreError(
            tell("{path} cannot be protected", path=prefix.path),
            why=tell("pip and uv split the names of constraints at white space"),
            remedy=tell("move the environment to a folder without one"),
        )
    edits = []
    for path, edit in _list_edits(environment, pin, places):
        before = _read_unprotected(path, present)
        try:
            after = edit((before or b"").decode()).encode()
        except ValueError as error:
            raise _make_unreadable(path, error) from error
        if after != before:
            edits.append(FileEdit(path=path, edit=places[path], before=before, after=after, mode=_read_mode(path)))
    return edits


def plan_removal(present: ProtectManifest) -> list[FileEdit]:
    """How to take a protection back: a file that nobody changed since becomes what it was, byte for byte.

    From one that was changed since, only what was written is taken out. Raises `RestoreError`.
    """
    edits = []
    for item in present.files:
        now = _read(item.path)
        after = item.before if now is None or hash_content(now) == item.sha256 else _take_out(item, now, present)
        if now != after and now is not None:
            edits.append(FileEdit(path=item.path, edit=item.edit, before=now, after=after, mode=item.mode))
    return edits


def _list_edits(environment: Environment, pin: VendorPin, places: Mapping[Path, str]) -> Iterator[tuple[Path, Edit]]:
    prefix, pins = environment.prefix, pin.requirements
    constraints = str(prefix.path / CONSTRAINTS)
    if pin.origin is not PinOrigin.FILE:
        yield prefix.path / PIN_FILE, lambda _text: render_pin(pin)
    yield prefix.path / CONSTRAINTS, lambda _text: pin.render_constraints()
    yield prefix.path / "pip.conf", partial(add_pip_constraint, path=constraints)
    uv = SYSTEM_UV if SYSTEM_UV in places else prefix.path / "uv.toml"
    yield uv, partial(add_uv_constraints, pins=pins)
    if prefix.kind is PrefixKind.CONDA:
        activate, deactivate = make_conda_scripts(constraints)
        yield prefix.path / CONDA_PINS, partial(add_block, lines=_list_conda_pins(prefix))
        yield prefix.path / _ACTIVATE, lambda _text: activate
        yield prefix.path / _DEACTIVATE, lambda _text: deactivate
    script = prefix.path / "bin/activate"
    if prefix.kind is PrefixKind.VENV and script.is_file():
        yield script, partial(add_block, lines=make_activation_lines(constraints))


def _list_conda_pins(prefix: Prefix) -> list[str]:
    """No version of conda's torch but the one that is there, and the Python that it is for."""
    lines = []
    for name in OVERWRITING:
        versions = {
            path.name.removesuffix(".json").rsplit("-", 2)[1]
            for path in (prefix.path / "conda-meta").glob(f"{name}-*-*.json")
            if path.name.removesuffix(".json").rsplit("-", 2)[0] == name
        }
        lines.append(f"{name} =={min(versions)}" if versions else f"{name} <0")
    return [*lines, f"python {prefix.python[0]}.{prefix.python[1]}.*"]


def _read_unprotected(path: Path, present: ProtectManifest | None) -> bytes | None:
    now = _read(path)
    item = present.find(path) if present is not None else None
    if item is None or present is None or now is None:
        return now
    return item.before if hash_content(now) == item.sha256 else _take_out(item, now, present)


def _take_out(item: ProtectedFile, now: bytes, present: ProtectManifest) -> bytes | None:
    """A file that was changed since, without what was written into it."""
    if item.edit == "whole":
        # It is nobody's but ours, or was somebody's before; either way theirs comes back.
        return item.before
    constraints = next((str(row.path) for row in present.files if row.path.name == CONSTRAINTS.name), "")
    edits: dict[str, Edit] = {
        "pip": partial(remove_pip_constraint, path=constraints),
        "uv": partial(remove_uv_constraints, pins=present.pins),
        "block": remove_block,
    }
    try:
        return edits[item.edit](now.decode()).encode()
    except (ValueError, KeyError) as error:
        raise _make_unreadable(item.path, error) from error


def _read(path: Path) -> bytes | None:
    if path.is_symlink():
        raise RestoreError(
            tell("{path} is a link, so it is not changed", path=path),
            why=tell("it leads to {readlink}", readlink=path.readlink()),
            remedy=f"ls -l {path}",
        )
    return read_if_there(path)


def _read_mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o644


def _make_unreadable(path: Path, error: Exception) -> RestoreError:
    return RestoreError(
        tell("{path} is not what its name says, so it is not changed", path=path),
        why=str(error),
        remedy=f"${{EDITOR:-vi}} {path}",
    )
