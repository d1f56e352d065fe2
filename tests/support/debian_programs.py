"""Programs of Debian's packages, unpacked below .work: nothing is installed, started or configured on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / ".work/debian"


def find_debian_program(program: str, package: str) -> Path:
    """The path of a program: the machine's own, else that of Debian's package, which is downloaded.

    Where it can be had from neither, the test is skipped; with HAC_REQUIRE_DEBIAN=1 it fails, so that a pipeline cannot
    be green because nothing was tried.
    """
    found = shutil.which(program)
    return Path(found) if found is not None else _unpack(package) / program


def make_debian_command(program: str, package: str) -> list[str]:
    """What runs a program that reads files of its package below /usr/share, which the unpacked package has elsewhere.

    They are put there in a mount namespace of the program's own, where nobody else sees them.
    """
    path = find_debian_program(program, package)
    if _FOLDER not in path.parents:
        return [str(path)]
    private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    script = 'mount --bind "$1" /usr/share && shift && exec "$@"'
    return [*private, "sh", "-c", script, "sh", str(path.parents[1] / "share"), str(path)]


def _unpack(package: str) -> Path:
    folder = _FOLDER / package
    if not (folder / "usr/bin").is_dir():
        problem = _download(package, folder)
        if problem:
            reason = f"Debian's package {package} cannot be had: {problem}"
            if os.environ.get("HAC_REQUIRE_DEBIAN"):
                pytest.fail(reason)
            pytest.skip(reason)
    return folder / "usr/bin"


def _download(package: str, folder: Path) -> str:
    """What went wrong, or nothing."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    # A process each: several workers may want the same one. The last step is one rename.
    staging = _FOLDER / f".{package}.{os.getpid()}"
    staging.mkdir(parents=True)
    try:
        done = _run("apt-get", "-qq", "download", package, cwd=staging)
        if done.returncode and os.geteuid() == 0:
            _run("apt-get", "-qq", "update", cwd=staging)
            done = _run("apt-get", "-qq", "download", package, cwd=staging)
        archives = list(staging.glob("*.deb"))
        if done.returncode or not archives:
            return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "apt-get download failed"
        done = _run("dpkg-deb", "--extract", str(archives[0]), str(staging / "content"), cwd=staging)
        if done.returncode:
            return done.stderr.strip()
        if not folder.exists():
            (staging / "content").rename(folder)
        return ""
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
