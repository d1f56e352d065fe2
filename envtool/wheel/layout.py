"""Lays a wheel out in the staging folder as it will lie in the environment, with commands, INSTALLER and RECORD.

Formats: binary distribution format, "The .data directory"; entry points specification; PyPA "Recording
installed projects".
"""

from __future__ import annotations

import configparser
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envtool.errors import PrefixError, SourceError
from envtool.language import tell
from envtool.transaction.move import Move
from envtool.transaction.open_folder import open_beneath, open_folder
from envtool.transaction.permissions import read_umask
from envtool.wheel.contents import FileProgress, WheelContents, unpack
from envtool.wheel.record import RecordRow, get_installed_path, parse_record, render_record

INSTALLER = b"envtool\n"
_GROUPS: tuple[tuple[str, Literal["console", "gui"]], ...] = (("console_scripts", "console"), ("gui_scripts", "gui"))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The folders of an environment that a distribution's files go to."""

    site_packages: Path
    scripts: Path
    data: Path
    headers: Path
    interpreter: Path

    @classmethod
    def below(cls, prefix: Path, python: tuple[int, int]) -> Layout:
        """The layout of a conda or virtual environment (sysconfig's scheme `posix_prefix`)."""
        version = f"python{python[0]}.{python[1]}"
        return cls(
            site_packages=prefix / "lib" / version / "site-packages",
            scripts=prefix / "bin",
            data=prefix,
            headers=prefix / "include" / "site" / version,
            interpreter=prefix / "bin" / version,
        )


def stage_wheel(
    contents: WheelContents, layout: Layout, staging: Path, *, requested: bool, progress: FileProgress
) -> tuple[Move, ...]:
    """Unpack a wheel below `staging` and return the steps that put its entries in place.

    Raises `SourceError`, `HashError` for an unsound wheel and `OSError` where the staging folder cannot be written.
    """
    name = contents.wheel.name.name
    (staging / name).mkdir(parents=True)
    unpack(contents, staging / name, progress)
    return finish_layout(name, contents.dist_info, render_base_record(contents), layout, staging, requested=requested)


def stage_records(contents: WheelContents, layout: Layout, staging: Path, *, requested: bool) -> tuple[Move, ...]:
    """Like `stage_wheel`, without the files that lie in site-packages as the wheel has them."""
    name = contents.wheel.name.name
    (staging / name).mkdir(parents=True)
    unpack(contents, staging / name, members=contents.own_members())
    return finish_layout(name, contents.dist_info, render_base_record(contents), layout, staging, requested=requested)


def finish_layout(
    name: str, dist_info: str, record: bytes, layout: Layout, staging: Path, *, requested: bool
) -> tuple[Move, ...]:
    """Turn the unpacked wheel in `staging / name` into a distribution, and return the steps that put it in place.

    `record` is what `render_base_record` returns. Raises `SourceError`.
    """
    tree = staging / name
    outside: list[Move] = []
    data = tree / f"{dist_info.removesuffix('.dist-info')}.data"
    if data.is_dir():
        _merge_into_site_packages(data, tree)
        rows, outside = _move_outside(name, data, layout, staging, parse_record(record).rows)
        record = render_record(rows)
        shutil.rmtree(data)
    added: list[RecordRow] = []
    for command, text in generate_commands(tree / dist_info, layout.interpreter):
        target = staging / "commands" / name / command
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
        target.chmod(0o777 & ~read_umask())
        outside.append(Move(target, layout.scripts / command))
        added.append(_make_row(_make_relative_path(layout.scripts / command, layout), text))
    added += _write_installer_files(tree / dist_info, dist_info, requested)
    (tree / dist_info / "RECORD").write_bytes(record + render_record(added))
    inside = (Move(entry, layout.site_packages / entry.name) for entry in sorted(tree.iterdir()))
    return (*inside, *outside)


def stage_files(contents: WheelContents, rows: Iterable[RecordRow], layout: Layout, staging: Path) -> tuple[Move, ...]:
    """Unpack single files of a wheel below `staging`, for an installed distribution that lacks them.

    `rows` are those of its RECORD: files of the wheel, or commands. Raises as `stage_wheel` does.
    """
    tree = staging / contents.wheel.name.name
    tree.mkdir(parents=True)
    wanted = {row.path for row in rows}
    members = {path: member for member in contents.members if (path := get_installed_path(member.path)) in wanted}
    unpack(contents, tree, members=tuple(members.values()))
    places = [Move(tree / member.path, layout.site_packages / path) for path, member in members.items() if path]
    made = wanted - members.keys()
    if made:
        for name, text in generate_commands(layout.site_packages / contents.dist_info, layout.interpreter):
            if _make_relative_path(layout.scripts / name, layout) in made:
                target = staging / "commands" / name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(text)
                target.chmod(0o777 & ~read_umask())
                places.append(Move(target, layout.scripts / name))
    return tuple(places)


def render_base_record(contents: WheelContents) -> bytes:
    """The wheel's RECORD without the rows of RECORD itself and of its signatures."""
    gone = {f"{contents.dist_info}/{name}" for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    return render_record(row for row in contents.record.rows if row.path not in gone)


def _merge_into_site_packages(data: Path, tree: Path) -> None:
    for scheme in ("purelib", "platlib"):
        for path in sorted((data / scheme).rglob("*")):
            target = tree / path.relative_to(data / scheme)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            elif target.exists():
                raise SourceError(
                    tell(
                        "{name} has a second file for {relative_to}",
                        name=data.name,
                        relative_to=target.relative_to(tree),
                    )
                )
            else:
                path.rename(target)


def _move_outside(
    name: str, data: Path, layout: Layout, staging: Path, rows: Iterable[RecordRow]
) -> tuple[list[RecordRow], list[Move]]:
    """Rows with `.data` paths rewritten to where the files go, and the steps for those outside site-packages."""
    roots = {
        "scripts": layout.scripts,
        "data": layout.data,
        "headers": layout.headers / name,
    }
    kept: list[RecordRow] = []
    steps: list[Move] = []
    for row in rows:
        parts = row.path.split("/", 2)
        if parts[0] != data.name or len(parts) < 3:
            kept.append(row)
        elif parts[1] in {"purelib", "platlib"}:
            kept.append(RecordRow(parts[2], row.sha256, row.size))
        elif parts[1] in roots:
            final = roots[parts[1]] / parts[2]
            staged = staging / "outside" / name / parts[1] / parts[2]
            staged.parent.mkdir(parents=True, exist_ok=True)
            (data / parts[1] / parts[2]).rename(staged)
            if parts[1] == "scripts":
                _point_at_interpreter(staged, layout.interpreter)
            kept.append(_make_row(_make_relative_path(final, layout), staged.read_bytes()))
            steps.append(Move(staged, final))
        else:
            raise SourceError(
                tell("{name} has files for the unknown place {parts!r}", name=data.name, parts=parts[1]),
                remedy=tell("get the wheel from the vendor again; nothing was changed"),
            )
    return kept, steps


def _point_at_interpreter(script: Path, interpreter: Path) -> None:
    text = script.read_bytes()
    first, newline, rest = text.partition(b"\n")
    if first.startswith(b"#!python"):
        script.write_bytes(b"#!" + os.fsencode(interpreter) + newline + rest)
    script.chmod(0o777 & ~read_umask())


def generate_commands(dist_info: Path, interpreter: Path) -> Iterator[tuple[str, bytes]]:
    """Generate the commands of `entry_points.txt`: file name and text. Raises `SourceError` where it is malformed.

    Raises `PrefixError` where the interpreter's path cannot stand in a script.
    """
    from installer.scripts import InvalidScript, Script

    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read(dist_info / "entry_points.txt", encoding="utf-8")
        for group, section in _GROUPS:
            for name, reference in parser.items(group) if parser.has_section(group) else ():
                module, _, attribute = reference.split("[", 1)[0].strip().partition(":")
                if "/" in name or name in {"", ".", ".."}:
                    raise SourceError(
                        tell("{name} wants a command called {command!r}", name=dist_info.name, command=name)
                    )
                script = Script(name, module.strip(), attribute.strip(), section)
                yield script.generate(os.fspath(interpreter), kind="posix")
    except UnicodeEncodeError as error:
        raise PrefixError(
            tell("no command can be made that {interpreter} runs", interpreter=interpreter),
            why=tell("its path is not UTF-8, and Python reads the first line of a script as that"),
            remedy=tell("move the environment to a path that is"),
        ) from error
    except (configparser.Error, UnicodeDecodeError, InvalidScript) as error:
        raise SourceError(
            tell("{name} has a malformed entry_points.txt", name=dist_info.name), why=str(error)
        ) from error


def _write_installer_files(dist_info: Path, name: str, requested: bool) -> Iterator[RecordRow]:
    (dist_info / "INSTALLER").write_bytes(INSTALLER)
    yield _make_row(f"{name}/INSTALLER", INSTALLER)
    if requested:
        (dist_info / "REQUESTED").write_bytes(b"")
        yield _make_row(f"{name}/REQUESTED", b"")
    for signature in ("RECORD.jws", "RECORD.p7s"):
        (dist_info / signature).unlink(missing_ok=True)
    yield RecordRow(f"{name}/RECORD", None, None)


def _make_relative_path(final: Path, layout: Layout) -> str:
    return os.path.relpath(final, layout.site_packages)


def _make_row(path: str, data: bytes) -> RecordRow:
    return RecordRow(path, hashlib.sha256(data).hexdigest(), len(data))


def keep_foreign_files(tree: Path, site_packages: Path, paths: Iterable[str]) -> None:
    """Copy files of other distributions that live in a folder about to be swapped into the new folder.

    A file that a link leads to on the way is not in that folder, whatever its RECORD says.
    """
    with open_folder(site_packages) as top:
        for path in paths:
            if not os.path.lexists(tree / path):
                _keep_file(top, path, tree / path)


def _keep_file(top: int, path: str, target: Path) -> None:
    folder, _separator, name = path.rpartition("/")
    try:
        parent = open_beneath(top, folder or ".")
    except OSError:
        # Not there, a link, or a path that leads elsewhere.
        return
    try:
        with suppress(FileNotFoundError, IsADirectoryError):
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(os.readlink(name, dir_fd=parent))
            elif stat.S_ISREG(found.st_mode):
                target.parent.mkdir(parents=True, exist_ok=True)
                # Opened here and copied by its number: it cannot be another by then.
                with os.fdopen(open_beneath(parent, name, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
                    shutil.copy2(f"/proc/self/fd/{source.fileno()}", target)
    finally:
        os.close(parent)
