"""Predicts what installing dependency files would do to the vendor torch: every stage of `envtool check`, in order."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.errors import EnvtoolError, RequirementsError, ResolutionError, SourceError, UsageError
from envtool.language import tell
from envtool.progress import ProgressDisplay, open_silent_display
from envtool.requirements.arbitrary_equality import find_unlike_letters
from envtool.requirements.checker import Checker, open_checkers
from envtool.requirements.fetch_file import fetch_file
from envtool.requirements.find_files import find_dependency_files
from envtool.requirements.model import DependencyFile, RequirementSet
from envtool.requirements.open_target import configure_target, open_target
from envtool.requirements.predict import predict_static
from envtool.requirements.prerelease import settle_prerelease
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.base_images import BaseImages
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.static import Verdict
from envtool.requirements.uv_command import TIME_LIMIT
from envtool.requirements.uv_options import Installer
from envtool.requirements.write_fixed import write_fixed_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from envtool.requirements.prediction import Prediction
    from envtool.requirements.target import Target


_NO_BUILD = tell("--no-build forbids running it")
_NO_IMAGE = tell(
    "start from a HAC base image with this torch; the image table that is here has none, so add a row for it"
)


@dataclass(frozen=True)
class HacImage:
    """A row of the image table: what a container may start from, and the vendor release in it."""

    name: str
    torch: str
    release: str
    python: str


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """What to check, and against which environment.

    `files` may be folders too. `torch` assumes an environment with this vendor torch, and `python_version` its Python;
    else `prefix` or `python` name one, or it is found. `static` reads the lines only. `only` names extras and groups.
    `file_type` is a file name whose kind all files have. `write_fixed` is a folder for files that are safe.
    `time_limit` is in seconds, for all of it; without one each step has its own. `no_build` runs no code of the
    projects. `context` is the folder that Dockerfiles are built in, else it is looked for; `build_arguments` are
    what their ARGs get. `images` are those that containers may start from, and `base_images` says which are held to the
    vendor's versions. `strict` has what cannot be judged count as bad.
    """

    files: tuple[Path, ...]
    prefix: Path | None = None
    python: Path | None = None
    torch: str | None = None
    python_version: str | None = None
    static: bool = False
    installers: tuple[Installer, ...] = tuple(Installer)
    upgrade: bool = False
    only: tuple[str, ...] = ()
    file_type: str | None = None
    write_fixed: Path | None = None
    time_limit: float | None = None
    no_build: bool = False
    context: Path | None = None
    build_arguments: tuple[tuple[str, str], ...] = ()
    images: tuple[HacImage, ...] = ()
    base_images: BaseImages = field(default_factory=BaseImages)
    strict: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The predictions in the order of the files, the environment they are for, and the files that were written.

    `not_written` is what kept files that were to be written from being written.
    """

    request: CheckRequest
    target: Target
    predictions: tuple[Prediction, ...]
    written: tuple[Path, ...] = ()
    not_written: tuple[EnvtoolError, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Whether one of the sets must not be installed as it is, or, where that is strict, may have to be."""
        unknown = self.request.strict and any(item.verdict is Verdict.UNKNOWN for item in self.predictions)
        return unknown or any(prediction.is_bad for prediction in self.predictions)

    @property
    def error(self) -> EnvtoolError | None:
        """What kept everything from being judged; `None` where something was."""
        if any(prediction.is_bad or prediction.failure is None for prediction in self.predictions):
            return None
        return next((prediction.failure for prediction in self.predictions), None)


def check_files(request: CheckRequest, *, display: ProgressDisplay = open_silent_display) -> CheckResult:
    """Read the files, resolve and predict for each of their sets, and suggest a fix where torch would be replaced.

    A file or a set that cannot be judged has an answer that says so, and the others theirs. Raises `EnvtoolError`, of
    these `UsageError` where the request names what is not there.
    """
    deadline = time.monotonic() + request.time_limit if request.time_limit is not None else None
    if request.write_fixed is not None and request.static:
        raise UsageError(tell("--write-fixed proves what it writes by resolving it; leave --static out"))
    files = _select_all([_try_read(path, request) for path in _expand_folders(request.files)], request)
    with open_target(request.prefix, request.python, request.torch, request.python_version) as (target, prefix):
        if request.static:
            found = (predict_static(item, target) for file in files for item in file.sets)
            predictions = tuple(_add_base(prediction, target, request) for prediction in found)
            return CheckResult(request=request, target=target, predictions=predictions)
        configured = configure_target(target, prefix, request.installers, time_limit=request.time_limit or TIME_LIMIT)
        resolvers = {
            installer: replace(resolver, no_build=_NO_BUILD if request.no_build else "", deadline=deadline)
            for installer, resolver in configured.resolvers.items()
        }
        checker = Checker(
            target=configured.target, resolvers=resolvers, constrained=configured.constrained, only=request.only
        )
        with open_checkers(checker) as select_checker:
            with display(tell("resolving")) as advance:
                own = [(file, select_checker(file)) for file in files]
                checked = [(file, checker, checker.check(file, advance)) for file, checker in own]
            written, not_written = _write_fixed(checked, request.write_fixed)
    predictions = tuple(
        _add_base(_add_command(prediction, file, request), target, request)
        for file, _checker, found in checked
        for prediction in found
    )
    return CheckResult(
        request=request, target=target, predictions=predictions, written=written, not_written=not_written
    )


def _expand_folders(paths: Iterable[Path]) -> Iterator[Path]:
    """The files, and of a folder those in it that have the name of a dependency file."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = list(find_dependency_files(path))
        if not found:
            raise UsageError(tell("{path} has no dependency file in it", path=path), remedy=f"ls {path}")
        yield from found


def _try_read(path: Path, request: CheckRequest) -> DependencyFile:
    """The file, or one whose only set says why it cannot be read."""
    try:
        return read_file(
            path,
            request.file_type,
            SourceFiles(
                is_lenient=True,
                fetch=None if request.static else fetch_file,
                context=request.context,
                build_arguments=dict(request.build_arguments),
                base_images=request.base_images,
            ),
        )
    except RequirementsError as error:
        return DependencyFile(path, "", (RequirementSet(path=path, failure=error),))


def _select_all(files: Sequence[DependencyFile], request: CheckRequest) -> list[DependencyFile]:
    """The files with the sets that were asked for, upgraded where that was asked for."""
    selected = [_select_sets(file, request) for file in files]
    if not any(file.sets for file in selected):
        known = ", ".join(dict.fromkeys(item.name for file in files for item in file.sets if item.name)) or tell("none")
        names = ", ".join(str(file.path) for file in files)
        raise UsageError(tell("{names} has no extra or group of that name; it has {known}", names=names, known=known))
    return selected


def _select_sets(file: DependencyFile, request: CheckRequest) -> DependencyFile:
    present = file.sets or (RequirementSet(path=file.path),)
    sets = [item for item in present if not request.only or item.name in request.only or _is_told_later(item)]
    if request.upgrade:
        sets = [replace(item, options=replace(item.options, upgrade=True)) for item in sets]
    return replace(file, sets=tuple(sets))


def _is_told_later(item: RequirementSet) -> bool:
    """Whether a set stays whatever is asked for: nobody knows yet which extras it has."""
    return item.failure is not None or item.project is not None


def _write_fixed(
    checked: Iterable[tuple[DependencyFile, Checker, tuple[Prediction, ...]]], folder: Path | None
) -> tuple[tuple[Path, ...], tuple[EnvtoolError, ...]]:
    """The files that were written, and why others were not: one that has no fix takes no other's away."""
    written: list[Path] = []
    errors: list[EnvtoolError] = []
    for file, checker, predictions in checked:
        if folder is None or not any(prediction.is_bad for prediction in predictions):
            continue
        try:
            written += write_fixed_files(file, predictions, checker, folder)
        except (RequirementsError, ResolutionError, SourceError) as error:
            errors.append(error)
    return tuple(written), tuple(errors)


def _add_base(prediction: Prediction, target: Target, request: CheckRequest) -> Prediction:
    """The prediction with the image to start from in the place of a foreign one, or with what else helps."""
    image = prediction.requirement_set.base_image
    if image is None:
        unlike = find_unlike_letters(prediction.requirement_set, target)
        if prediction.verdict is Verdict.BLOCKED and unlike is not None:
            return replace(prediction, next_step=unlike.next_step)
        return settle_prerelease(prediction, target) if prediction.is_bad else prediction
    release = target.pin.version.release or str(target.pin.version)
    python = ".".join(target.python.split(".")[:2])
    kind = "hac-devel" if "devel" in image else "hac-notebook" if "notebook" in image else "hac-base"
    fitting = [item for item in request.images if item.release == release and item.python == python]
    fitting.sort(key=lambda item: (not item.name.startswith(kind), item.name))
    step = tell("start from the HAC image with this torch: FROM {name}", name=fitting[0].name) if fitting else _NO_IMAGE
    return replace(prediction, next_step=step)


def _add_command(prediction: Prediction, file: DependencyFile, request: CheckRequest) -> Prediction:
    """The prediction with the command that applies its suggestion to this very file."""
    suggestion = prediction.suggestion
    if suggestion is None or suggestion.none is not None or (suggestion.replacements and file.not_rewritable):
        return prediction
    words = ["--prefix", str(request.prefix)] if request.prefix is not None else []
    if not suggestion.replacements and file.kind == "requirements.txt" and request.torch is None:
        words = ["envtool", "install", *words, "-r", str(file.path)]
    else:
        words = ["envtool", "check", *words]
        for option, value in (
            ("--python", request.python),
            ("--torch", request.torch),
            ("--python-version", request.python_version),
            ("--file-type", request.file_type),
        ):
            words += [option, str(value)] if value is not None else []
        words += [str(file.path), "--write-fixed", "fixed"]
    return replace(prediction, suggestion=replace(suggestion, command=shlex.join(words)))
