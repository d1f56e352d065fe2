"""Answers → files that install cleanly beside the vendor torch, proven by resolving them again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.allowed_folder import open_allowed_folder
from envtool.errors import RequirementsError, ResolutionError
from envtool.language import join_messages, tell
from envtool.requirements.pip_proof import find_objection
from envtool.requirements.read_file import read_file
from envtool.requirements.rewrite import Rewrite, list_included_files, rewrite_files
from envtool.requirements.static import Verdict
from envtool.requirements.text_file import read_text
from envtool.requirements.uv_options import Installer

if TYPE_CHECKING:
    from envtool.requirements.checker import Checker
    from envtool.requirements.model import DependencyFile, RequirementSet
    from envtool.requirements.prediction import LineChange, Prediction


def write_fixed_files(
    file: DependencyFile, answers: Sequence[Prediction], checker: Checker, folder: Path
) -> tuple[Path, ...]:
    """Write the file, and all that it includes, into `folder`, which must not hold any of them yet.

    Nothing is written where a set has no fix, or where the new files are not safe. Raises `RequirementsError`,
    `ResolutionError` and `SourceError`.
    """
    if file.not_rewritable is not None:
        raise RequirementsError(tell("{path} is not rewritten", path=file.path), why=file.not_rewritable)
    for answer in answers:
        _refuse_hopeless(answer)
    paths = list_included_files(file)
    targets = _list_targets(paths, folder)
    for target in targets.values():
        if target.exists():
            raise RequirementsError(
                tell("{target} exists", target=target),
                why=tell("nothing is overwritten"),
                remedy=tell("rm -r {folder}   (or give --write-fixed another folder)", folder=folder),
            )
    ways = [(answer.requirement_set, answer.suggestion) for answer in answers if answer.suggestion is not None]
    rewriting = Rewrite(
        file,
        tuple(_add_hashes(item, wanted, checker) for wanted, way in ways for item in way.replacements),
        tuple((wanted, way.added) for wanted, way in ways if way.added),
    )
    texts = {path: read_text(path) for path in paths}
    new = rewrite_files(rewriting, texts, {path: target.parent for path, target in targets.items()})
    fixed = {targets[path]: text for path, text in new.items()}
    sources = {target: path for path, target in targets.items()}
    whole = all(answer.failure is None for answer in answers)
    changed = frozenset(answer.requirement_set.label for answer in answers if answer.is_bad)
    _prove_and_write(fixed, sources, targets[file.path], checker, file.kind, changed, is_whole=whole)
    return tuple(targets.values())


def _add_hashes(item: LineChange, wanted: RequirementSet, checker: Checker) -> LineChange:
    """The change with the new version's hashes, where the line has some: installers refuse one without then."""
    name, version = item.entry.name or "", (item.specifier or "").removeprefix("==")
    if not item.entry.hashes or not version:
        return item
    pinned = checker.target.pin.find(name)
    if pinned is not None:
        # What is installed is taken without.
        return replace(item, hashes=(f"sha256:{pinned.sha256}",) if pinned.sha256 is not None else ())
    hashes = checker.read_hashes(wanted, name, version)
    if not hashes:
        raise RequirementsError(
            tell(
                "{location}: {name} {version} has no hashes on the index, and the line has to have some",
                location=item.entry.location,
                name=name,
                version=version,
            ),
            remedy=tell(
                "change the line to {name}{specifier} by hand, with the hashes of the files that you trust",
                name=name,
                specifier=item.specifier,
            ),
        )
    return replace(item, hashes=hashes)


def _refuse_unlisted(answer: Prediction, main: Path) -> None:
    """A file with hashes has to name everything that is installed: pip takes no other then."""
    wanted = answer.requirement_set
    if not any(entry.hashes for entry in wanted.requirements):
        return
    named = {entry.name for entry in wanted.requirements}
    missing = [change.name for change in answer.changes if change.after is not None and change.name not in named]
    if missing:
        raise ResolutionError(
            tell(
                "the rewritten {name} would need {missing} as well, with hashes",
                name=main.name,
                missing=", ".join(missing),
            ),
            why=tell(
                "other versions require other distributions, and pip installs nothing without a hash beside hashes"
            ),
            remedy=tell(
                "compile {name} anew from what it was made from, with the lines that `envtool check` names",
                name=main.name,
            ),
        )


def _refuse_hopeless(answer: Prediction) -> None:
    if answer.is_bad and (answer.suggestion is None or answer.suggestion.none is not None):
        why = answer.suggestion.none if answer.suggestion is not None else answer.why
        raise ResolutionError(
            tell(
                "{requirement_set} cannot be made to live with the vendor torch", requirement_set=answer.requirement_set
            ),
            why=why or "",
            remedy=f"envtool check {answer.requirement_set.path}",
        )


def _list_targets(paths: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Where each file goes, so that they name each other as before."""
    parents = [str(path.resolve().parent) for path in paths]
    common = Path(os.path.commonpath(parents))
    return {path: folder / path.resolve().relative_to(common) for path in paths}


def _prove_and_write(
    texts: dict[Path, str],
    sources: dict[Path, Path],
    main: Path,
    checker: Checker,
    kind: str,
    changed: frozenset[str],
    *,
    is_whole: bool,
) -> None:
    """Have the new files read and resolved where they will be, and keep them only if they are safe.

    `changed` are the labels of the sets that are fixed; `is_whole`: every set of the old files could be judged, and so
    has every set of the new ones to be.
    """
    made: list[Path] = []
    try:
        for path, text in texts.items():
            made += _make_folders(path.parent)
            _write_new(path, text, sources[path])
            made.append(path)
        for answer in checker.check(read_file(main, kind)):
            if answer.failure is not None and is_whole:
                raise answer.failure
            if answer.is_bad:
                chains = join_messages("; ", (str(chain) for item in answer.clobbers for chain in item.chains))
                raise ResolutionError(
                    tell("the rewritten {name} would still not be safe", name=main.name),
                    why=join_messages(": ", (answer.why, chains)),
                    remedy=tell("change the lines that `envtool check` names by hand"),
                )
            if answer.requirement_set.label in changed:
                _refuse_unlisted(answer, main)
                _refuse_what_pip_would_not(answer, main, checker)
    except BaseException:
        for path in reversed(made):
            take_back(path)
        raise


def _refuse_what_pip_would_not(answer: Prediction, main: Path, checker: Checker) -> None:
    resolver = checker.resolvers.get(Installer.PIP)
    is_pips = answer.installer in {None, Installer.PIP} and answer.verdict is Verdict.SAFE
    wanted = answer.requirement_set
    if resolver is None or not is_pips or wanted.locked or not wanted.requirements:
        return
    objection = find_objection(wanted, resolver)
    if objection is not None:
        raise ResolutionError(
            tell("pip would not install the rewritten {name} beside the vendor torch", name=main.name),
            why=objection,
            remedy=tell("change the lines that `envtool check` names by hand, or install with envtool install"),
        )


def _write_new(path: Path, text: str, source: Path) -> None:
    """Write a file that nobody may read who may not read `source`: there may be a password in an address."""
    with open_allowed_folder(path.parent) as folder:
        handle = os.open(folder / path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                os.fchmod(stream.fileno(), source.stat().st_mode & 0o777)
        except BaseException:
            (folder / path.name).unlink()
            raise


def take_back(path: Path) -> None:
    """Remove a file or an empty folder that was made, unless somebody has put a link on the way there meanwhile."""
    with suppress(OSError), open_allowed_folder(path.parent) as folder:
        place = folder / path.name
        place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()


def _make_folders(folder: Path) -> list[Path]:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with open_allowed_folder(folder, make=True):
        return missing[::-1]
