"""pylock.toml (PEP 751)."""

from __future__ import annotations

from pathlib import Path

from packaging.specifiers import SpecifierSet

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, SourceLocation
from envtool.requirements.readers.common import parse_toml
from envtool.requirements.text_file import LineFinder, read_text


def read_pylock(path: Path) -> DependencyFile:
    """Everything the lock may install, with its markers. Raises `RequirementsError`."""
    from packaging.pylock import Pylock, PylockValidationError

    text = read_text(path)
    try:
        lock = Pylock.from_dict(parse_toml(text, path))
    except PylockValidationError as error:
        raise RequirementsError(
            tell("{path} is not a pylock file", path=path),
            why=str(error),
            remedy=tell("make it anew with the tool that its created-by names"),
        ) from error
    lines = LineFinder(text)
    entries = []
    after = 1
    for package in lock.packages:
        after = lines.find(f'"{package.name}"', after)
        hashes = tuple(
            f"{kind}:{value}"
            for file in (*(package.wheels or ()), *((package.sdist,) if package.sdist else ()))
            for kind, value in file.hashes.items()
        )
        link = package.archive.url if package.archive is not None else None
        if package.vcs is not None:
            link = f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}"
        entries.append(
            DeclaredRequirement(
                location=SourceLocation(path, after),
                source_text=package.name,
                name=package.name,
                specifier=SpecifierSet(f"=={package.version}" if package.version is not None else ""),
                marker=package.marker,
                link=link,
                hashes=hashes,
            )
        )
    return DependencyFile(
        path,
        "pylock.toml",
        (RequirementSet(path=path, entries=tuple(entries), locked=True),),
        tell(
            "{name} is made by {program} from something else: change that, and lock again",
            name=path.name,
            program=lock.created_by,
        ),
    )
