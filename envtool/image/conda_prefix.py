"""Links locked conda packages into a staging tree, with py-rattler, as if it lay at its place in the image."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from envtool.errors import BuildError
from envtool.image.condalock import LockedPackage
from envtool.image.tool import run


def link_packages(packages: Mapping[LockedPackage, Path], root: Path, prefix: Path) -> None:
    """Install `packages`, given with their archives, into `<root>/<prefix>`; files name `prefix`, not `root`.

    py-rattler checks each archive against the locked sha256 once more. No script of a package is run. Raises
    `BuildError` where an archive is refused.
    """
    target = root / prefix.relative_to("/")
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="hac-rattler-") as cache:
        try:
            asyncio.run(_install(packages, target, prefix, Path(cache)))
        # py-rattler has no error root of its own.
        except Exception as error:
            raise BuildError("the conda packages could not be installed", why=str(error)[:600]) from error
    _forget_cache(target)


async def _install(packages: Mapping[LockedPackage, Path], target: Path, prefix: Path, cache: Path) -> None:
    from rattler import PackageRecord, RepoDataRecord
    from rattler.install import install
    from rattler.package_streaming import PackageArchive

    records = []
    for package, path in packages.items():
        index = await (await PackageArchive.from_path(path)).read_file("info/index.json")
        (cache / "index.json").write_bytes(index or b"")
        record = PackageRecord.from_index_json(
            cache / "index.json", size=path.stat().st_size, sha256=package.sha256, md5=package.md5
        )
        channel = package.url.rsplit("/", 2)[0]
        records.append(RepoDataRecord(record, package.filename, path.absolute().as_uri(), channel))
    await install(
        records,
        target_prefix=target,
        cache_dir=cache / "packages",
        execute_link_scripts=False,
        show_progress=False,
        alternative_target_prefix=prefix,
    )
    for package, path in packages.items():
        _name_channel(target, package, path)


def _name_channel(target: Path, package: LockedPackage, path: Path) -> None:
    """Let the installed record name the channel's address rather than the store of the building machine."""
    stem = package.filename.removesuffix(".tar.bz2").removesuffix(".conda")
    record = target / "conda-meta" / f"{stem}.json"
    record.write_text(record.read_text().replace(path.absolute().as_uri(), package.url))


def _forget_cache(target: Path) -> None:
    """Take out of the records what differs from build to build: where archives were unpacked."""
    for record in sorted((target / "conda-meta").glob("*.json")):
        text = record.read_text()
        text = re.sub(r'"(package_tarball_full_path|extracted_package_dir|source)": *"[^"]*"', r'"\1": ""', text)
        record.write_text(text)


def compile_bytecode(
    root: Path, prefix: Path, python: tuple[int, int], epoch: int, *, only: Sequence[Path] | None = None
) -> None:
    """Compile a staged environment's modules with its own interpreter, so that no start in the image has to.

    `only` are the files and folders to look at, of which those elsewhere than among the modules are passed over.

    The bytecode is checked by hash of nothing: the files never change in place, and times are not to be trusted
    after a trip through a layer.
    """
    target = root / prefix.relative_to("/")
    library = target / "lib" / f"python{python[0]}.{python[1]}"
    interpreter = target / "bin" / f"python{python[0]}.{python[1]}"
    # -B and -f: modules that this very interpreter imports must not get bytecode with times in it, and PYTHONHASHSEED
    # decides the order of sets; that rules out -I, which would ignore it.
    command: list[str | Path] = [interpreter, "-B", "-s", "-m", "compileall", "-q", "-f", "-j", "0"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/"]
    command += ["-x", r"/(lib2to3/tests|bad_coding|test)/"]
    environment = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(epoch), "PYTHONPATH": "", "PYTHONHOME": ""}
    wanted = [library] if only is None else [path for path in only if library in path.parents]
    with tempfile.NamedTemporaryFile("w", prefix="hac-modules-") as listing:
        listing.writelines(f"{path}\n" for path in wanted if path.is_dir() or path.suffix == ".py")
        listing.flush()
        run([*command, "-i", listing.name], environment=environment)
