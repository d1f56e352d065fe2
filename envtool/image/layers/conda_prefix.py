"""Links locked conda packages into a staging tree, with py-rattler, as if it lay at its place in the image."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import BuildError
from envtool.language import tell
from envtool.temporary_folder import temporary_file

if TYPE_CHECKING:
    from envtool.image.lock.conda_lock import LockedPackage


def link_packages(packages: Mapping[LockedPackage, Path], root: Path, prefix: Path, cache: Path) -> None:
    """Install `packages`, given with their archives, into `<root>/<prefix>`; files name `prefix`, not `root`.

    `cache` is where archives are unpacked; several calls may share it, also at once. py-rattler checks each archive
    against its locked sha256. No script of a package runs. Raises `BuildError` where an archive is refused.
    """
    target = root / prefix.relative_to("/")
    target.mkdir(parents=True)
    try:
        asyncio.run(_install(packages, target, prefix, cache))
    # py-rattler has no error root of its own.
    except Exception as error:
        raise BuildError(tell("the conda packages could not be installed"), why=str(error)[:600]) from error
    _forget_cache(target)


async def _install(packages: Mapping[LockedPackage, Path], target: Path, prefix: Path, cache: Path) -> None:
    from rattler import PackageRecord, RepoDataRecord
    from rattler.install import install
    from rattler.package_streaming import PackageArchive

    records = []
    for package, path in packages.items():
        index = await (await PackageArchive.from_path(path)).read_file("info/index.json")
        with temporary_file((index or b"").decode(), "index.json") as file:
            size = path.stat().st_size
            record = PackageRecord.from_index_json(file, size=size, sha256=package.sha256, md5=package.md5)
        channel = package.url.rsplit("/", 2)[0]
        records.append(RepoDataRecord(record, package.filename, path.absolute().as_uri(), channel))
    await install(
        records,
        target_prefix=target,
        cache_dir=cache,
        execute_link_scripts=False,
        show_progress=False,
        alternative_target_prefix=prefix,
    )
    for package, path in packages.items():
        _name_channel(target, package, path)


def _name_channel(target: Path, package: LockedPackage, path: Path) -> None:
    """Have the record name the channel's address instead of this machine's store."""
    stem = package.filename.removesuffix(".tar.bz2").removesuffix(".conda")
    record = target / "conda-meta" / f"{stem}.json"
    record.write_text(record.read_text().replace(path.absolute().as_uri(), package.url))


def _forget_cache(target: Path) -> None:
    """Remove from the records where archives were unpacked, which differs from build to build."""
    for record in sorted((target / "conda-meta").glob("*.json")):
        text = record.read_text()
        text = re.sub(r'"(package_tarball_full_path|extracted_package_dir|source)": *"[^"]*"', r'"\1": ""', text)
        record.write_text(text)
