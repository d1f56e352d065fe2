"""Requirements → the wheels that meet them, resolved by pip for an image's Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from envtool.documents import parse_json
from envtool.image.lock.lockfile import LockedFile
from envtool.image.pip_program import TOOL_PYTHON, PythonVersion, run_pip
from envtool.temporary_folder import temporary_folder


def resolve_wheels(
    requirements: Sequence[str],
    constraints: Sequence[str] = (),
    *,
    python: PythonVersion = TOOL_PYTHON,
    links: Path | None = None,
) -> tuple[LockedFile, ...]:
    """The newest wheels for a Python that meet `requirements` and `constraints`, with what they require.

    `requirements` are words of pip's command line; `links` is a folder with further wheels. Raises `SourceError`.
    """
    with temporary_folder() as folder:
        options = ["--dry-run", "--ignore-installed", "--report", "-"]
        if constraints:
            listing = folder / "constraints.txt"
            listing.write_text("".join(f"{line}\n" for line in constraints))
            options += ["--constraint", str(listing)]
        if links is not None:
            options += ["--find-links", str(links)]
        report = run_pip("install", [*options, "--target", str(folder), *requirements], python)
    found = []
    for item in parse_json(report)["install"]:
        archive = item["download_info"]
        name = unquote(urlsplit(archive["url"]).path.rsplit("/", 1)[-1])
        found.append(LockedFile(name, archive["archive_info"]["hashes"]["sha256"]))
    return tuple(sorted(found, key=lambda wheel: wheel.name))


def make_version_constraints(wheels: Sequence[LockedFile]) -> list[str]:
    """Constraints that keep projects at the versions of these wheels."""
    return ["==".join(wheel.name.split("-")[:2]) for wheel in wheels]
