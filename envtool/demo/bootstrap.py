"""Bootstraps the Debian base of the embedded default with mmdebstrap.

The packages that the embedded conda channel is made from come in the same run, through the same signed index.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from envtool.errors import SetupError, SourceError
from envtool.image.run_program import quote_output, run
from envtool.language import tell
from envtool.temporary_folder import temporary_folder

CHECK_DEBIAN = tell("check that Debian's packages can be reached: apt-get update")
# Files that mmdebstrap copies from the machine it runs on, or that differ from run to run.
_MACHINE_FILES = (
    "etc/hostname",
    "etc/resolv.conf",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/cache/ldconfig/aux-cache",
    "var/log/alternatives.log",
    "var/log/apt",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
)


@dataclass(frozen=True)
class Bootstrap:
    """A base as a tar archive, the Debian packages in it (`name=version`), and a folder of further packages."""

    tar: Path
    packages: tuple[str, ...]
    debs: Path


def bootstrap(suite: str, packages: Sequence[str], further: Sequence[str], epoch: int, folder: Path) -> Bootstrap:
    """Make the base below `folder`. Takes about 20 seconds and needs Debian's packages to be reachable.

    Raises `SetupError` where mmdebstrap cannot run here, `SourceError` where packages cannot be had.
    """
    _require_mmdebstrap()
    folder.mkdir(parents=True, exist_ok=True)
    tar, debs, listing = folder / "base.tar", folder / "debs", folder / "hac-packages"
    shutil.rmtree(debs, ignore_errors=True)
    shutil.rmtree(folder / "hac-debs", ignore_errors=True)
    download = f"APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq download {' '.join(further)}" if further else "true"
    query = "dpkg-query --admindir=\"$1/var/lib/dpkg\" --show --showformat '${Package}=${Version}\\n'"
    # copy-out: without root the hooks run as a user who may not write to this folder.
    hooks = [
        f'mkdir "$1/hac-debs" && cd "$1/hac-debs" && {download}',
        f'{query} > "$1/hac-packages"',
        f"copy-out /hac-debs /hac-packages {folder}",
        'rm -r "$1/hac-debs" "$1/hac-packages"',
        'cd "$1" && rm -rf ' + " ".join(_MACHINE_FILES),
        'find "$1/var/cache/debconf" -name "*-old" -delete',
    ]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
    command += [f"--customize-hook={hook}" for hook in hooks]
    with temporary_folder(folder) as scratch:
        incoming = scratch / "base.tar"
        run(
            [*command, suite, incoming],
            environment={"SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C"},
            failure=partial(quote_output, kind=SourceError, remedy=CHECK_DEBIAN),
        )
        (folder / "hac-debs").replace(debs)
        incoming.replace(tar)
    return Bootstrap(tar, tuple(sorted(listing.read_text().split())), debs)


def _require_mmdebstrap() -> None:
    if shutil.which("mmdebstrap") is None:
        raise SetupError(
            tell("{words} is not installed", words="mmdebstrap"),
            why=tell("the embedded default bootstraps its base with it"),
            remedy=tell("apt-get install mmdebstrap   (and uidmap, where you are not root)"),
        )
