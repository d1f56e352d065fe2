"""What must hold of an image, read from its layers and its configuration. Pure, but for the doctor's folder."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from envtool.doctor.findings import Report, Status
from envtool.image.blame.installed import select_for_blame as select_for_blame
from envtool.image.blame.other_vendor import find_image_profile
from envtool.image.blame.settings import GUARD_PROGRAM, SettingChange
from envtool.image.blame.trace import BlameReport, GuardLoss, trace_changes
from envtool.image.read.c_library import has_musl_alone, is_c_library
from envtool.image.read.layer import Capture, Kind
from envtool.image.read.overlay import Overlay, merge_layers
from envtool.image.read.sparse_rootfs import MODULES, select_for_rootfs
from envtool.image.sbom.document import SBOM_FOLDER, read_sbom
from envtool.image.sbom.inventory import compare_packages, list_packages, select_for_sbom
from envtool.image.spec.labels import OWN, REQUIRED_LABELS
from envtool.image.spec.table import CHECKS_FOLDER
from envtool.language import Message, join_listed, join_messages, map_parts, tell
from envtool.printable import one_line
from envtool.release.profile import TORCH
from envtool.release.read_profile import DEFAULT, load_service
from envtool.told_kind import Severity
from envtool.verify.doctor_on_layers import diagnose_image_files, has_path
from envtool.verify.result import ImageCheck, ImageResult
from envtool.verify.secrets import find_secrets, select_for_secrets

if TYPE_CHECKING:
    from envtool.image.read.image import StoredImage
    from envtool.release.profile import Profile

_PROGRAMS = re.compile(r"^(?:usr/(?:local/)?)?s?bin/|^bin$|^sbin$|^opt/hac/(?:bin|checks|store|wheels)/|^etc/passwd$")
# Programs of Debian's that run with their owner's rights, wherever it has put them.
_SETUID = re.compile(
    r"/(?:chage|chfn|chsh|crontab|dbus-daemon-launch-helper|expiry|fusermount3|gpasswd|mount|newgrp|passwd|pkexec|ping"
    r"|ssh-agent|ssh-keysign|su|sudo|umount|unix_chkpwd|wall|write)$"
)
_CACHES = re.compile(
    r"^var/cache/apt/(?:archives/.*\.deb|.*pkgcache\.bin)$|^var/lib/apt/lists/.*_(?:Packages|InRelease)"
    r"|(?:^|/)\.cache/(?:pip|uv)/.+|^opt/conda/pkgs/.+\.(?:conda|tar\.bz2)$"
)
_WHEELS = "opt/hac/wheels/"
_CACHE_MARKS = ("var/", ".cache/", "/pkgs/")
_BILL = re.compile(rf"^{SBOM_FOLDER}/[^/]+\.cdx\.json$")


@dataclass(frozen=True)
class _CheckedImage:
    """An image with all that was made of it."""

    image: StoredImage
    overlay: Overlay
    blame: BlameReport
    report: Report | None


def select_for_static_checks(path: str, size: int) -> Capture:
    """What the static checks want of a file."""
    # Half of all files are modules of a distribution that is not pinned: one question for all in a folder.
    folder, _, name = path.rpartition("/")
    if name.endswith(MODULES) and not name.startswith(".") and _has_modules_alone(folder):
        return Capture.ENTRY
    return select_for_all_checks(path, size)


@lru_cache(4096)
def _has_modules_alone(folder: str) -> bool:
    names = ("__init__.py", "version.py", "sitecustomize.py", "usercustomize.py", "torch.py", "any.py")
    return "/site-packages/" in folder and all(
        select_for_all_checks(f"{folder}/{name}", 1) is Capture.ENTRY for name in names
    )


def select_for_all_checks(path: str, size: int) -> Capture:
    """As `select_for_static_checks`, which is to be the same and quicker."""
    if _BILL.match(path):
        return Capture.DATA
    blamed, rootfs, secret = select_for_blame(path, size), select_for_rootfs(path, size), select_for_secrets(path, size)
    if (
        blamed is Capture.DATA
        or rootfs is Capture.DATA
        or secret is Capture.DATA
        or select_for_sbom(path, size) is Capture.DATA
    ):
        return Capture.DATA
    if blamed is Capture.HASHED or rootfs is Capture.SPOOLED:
        # A pinned distribution's own libraries are hashed; whether they call CUDA is no question.
        return blamed if blamed is Capture.HASHED else rootfs
    if rootfs is Capture.ENTRY or blamed is Capture.ENTRY or secret is Capture.ENTRY:
        return Capture.ENTRY
    return Capture.ENTRY if _PROGRAMS.search(path) or _is_cache(path) or is_c_library(path) else Capture.NOTHING


def _is_cache(path: str) -> bool:
    # Told by a part of it before the expression is asked: most paths are none.
    return any(mark in path for mark in _CACHE_MARKS) and _CACHES.search(path) is not None


def run_static_checks(image: StoredImage) -> ImageResult:
    """Run every static check on an image that was read with `select_for_static_checks`."""
    blame = trace_changes(image)
    other = find_other_profile(blame)
    pin = blame.pin if other is not None else None
    subject = _CheckedImage(image, blame.overlay, blame, diagnose_image_files(image, blame.overlay, pin))
    torches = subject.report.environment.find(TORCH) if subject.report is not None else ()
    rows = [row for row in _CHECKS if other is None or row[0] in _ANYBODYS]
    return ImageResult(
        image.reference,
        (*([_make_profile_check(other)] if other is not None else []), *(_run_check(subject, *row) for row in rows)),
        digest=image.identity,
        torch=torches[-1].version if torches else "",
        culprits=tuple(dict.fromkeys(item.name for change in blame.culprits for item in change.requirements)),
        time=time.time(),
    )


def _run_check(
    subject: _CheckedImage, name: str, title: str, check: Callable[[_CheckedImage], Iterator[str]]
) -> ImageCheck:
    problems = list(check(subject))
    output = join_messages("\n", (map_parts(problem, one_line) for problem in problems))
    return ImageCheck(name, title, not problems, output, tuple(problems), is_warning=name in _WARNINGS)


def find_other_profile(blame: BlameReport) -> Profile | None:
    """The vendor of an image that is not one of ours: the one that is named, or whose torch came in first."""
    if blame.pin is not None:
        return blame.pin.profile if blame.pin.profile_id != DEFAULT else None
    return find_image_profile()


def _make_profile_check(profile: Profile) -> ImageCheck:
    left_out = ", ".join(name for name, _title, _check in _CHECKS if name not in _ANYBODYS)
    title = tell(
        "held to {vendor}; left out, as of our own images alone: {checks}", vendor=profile.title, checks=left_out
    )
    return ImageCheck("profile", title, passed=True, output=title)


def _check_labels(subject: _CheckedImage) -> Iterator[str]:
    missing = [key for key in REQUIRED_LABELS if not subject.image.labels.get(key)]
    if missing:
        yield tell("missing: {names}", names=", ".join(missing))


def _check_torch(subject: _CheckedImage) -> Iterator[str]:
    for item in subject.blame.culprits:
        after = join_listed(item.after) or tell("gone")
        yield tell(
            "{name} is {versions} since layer {layer}, `{instruction}`",
            name=item.location.name,
            versions=after,
            layer=item.layer,
            instruction=item.step.instruction,
        )
        if item.damaged_files:
            yield tell("not as RECORD has it: /{path}", path=item.damaged_files[0])
    for loss in subject.blame.import_losses:
        what = (
            tell("torch {version} in {path} is imported", version=loss.version, path=loss.path)
            if loss.path
            else tell("no torch is imported")
        )
        known = tell("{what}, because {reason}", what=what, reason=loss.reason)
        yield join_messages(": ", (known, f"`{loss.step.instruction}`")) if loss.step is not None else known
    if not subject.blame.changes:
        yield tell("there is no torch in the image")
    elif has_musl_alone(subject.overlay.entries):
        yield tell("the image's C library is musl, and the vendor torch is made for glibc: it does not start")


def _check_doctor(subject: _CheckedImage) -> Iterator[str]:
    if subject.report is None:
        yield tell("the image has no Python environment that a container would use")
    elif subject.report.status is not Status.HEALTHY:
        for finding in subject.report.findings:
            if finding.severity is not Severity.NOTE:
                known = tell("[{id}] {title}", id=finding.id, title=finding.title)
                run = tell("run: {command}", command=finding.remedy) if finding.remedy else None
                yield join_messages("; ", (known, run)) if run is not None else known


def _check_guard(subject: _CheckedImage) -> Iterator[str]:
    for loss in subject.blame.guard_losses:
        yield (
            tell("/{path} is gone in layer {layer}, `{instruction}`", **_name_loss(loss))
            if loss.is_gone
            else tell("/{path} was replaced in layer {layer}, `{instruction}`", **_name_loss(loss))
        )
    for change in subject.blame.settings:
        yield _describe_setting(change)
    if GUARD_PROGRAM not in subject.overlay.entries and not subject.blame.guard_losses:
        yield tell("the image was not built from a HAC base image: it has no guard")


def _name_loss(loss: GuardLoss) -> dict[str, object]:
    return {"path": loss.path, "layer": loss.layer, "instruction": loss.step.instruction}


def _describe_setting(change: SettingChange) -> Message:
    after = change.after or tell("not set")
    if change.step is None:
        return tell("{name} is {after}, the base has {before}", name=change.name, after=after, before=change.before)
    return tell(
        "{name} is {after} by `{instruction}`, the base has {before}",
        name=change.name,
        after=after,
        instruction=change.step.instruction,
        before=change.before,
    )


def _check_inherited(subject: _CheckedImage) -> Iterator[str]:
    if not any(path.startswith(f"{CHECKS_FOLDER}/") for path in subject.overlay.entries):
        yield tell("there are no checks in /{folder}; start the Dockerfile with FROM hac-base", folder=CHECKS_FOLDER)


def _check_user(subject: _CheckedImage) -> Iterator[str]:
    """A user that is named has to exist; a number need not."""
    user = str(subject.image.container_config.get("User") or "").partition(":")[0]
    known = {line.split(b":", 1)[0].decode("utf-8", "replace") for line in _read_passwd(subject).splitlines()}
    if user and not user.isdigit() and user not in known:
        yield tell("USER is {user}, which /etc/passwd does not know", user=user)


def _read_passwd(subject: _CheckedImage) -> bytes:
    return subject.overlay.data("etc/passwd") or b""


def _check_entrypoint(subject: _CheckedImage) -> Iterator[str]:
    config = subject.image.container_config
    command = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    if not command:
        yield tell("neither ENTRYPOINT nor CMD says what to run")
    elif not _is_program(subject, str(command[0])):
        yield tell("{program} is not in the image", program=command[0])


def _is_program(subject: _CheckedImage, name: str) -> bool:
    if "/" in name:
        # Only programs in the usual places are known here.
        return not _PROGRAMS.search(name.lstrip("/")) or has_path(subject.overlay, name)
    folders = subject.image.variables.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
    return any(has_path(subject.overlay, f"{folder}/{name}") for folder in folders)


def _check_size(subject: _CheckedImage) -> Iterator[str]:
    budget = subject.image.labels.get(f"{OWN}size-budget", "")
    # A child inherits the label, has its own requirements on top and made no promise.
    name = subject.image.reference.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0]
    if name == subject.image.labels.get(f"{OWN}image") and budget.isdigit() and subject.image.size > int(budget):
        yield tell("{size:.0f} MB of {budget:.0f} MB", size=subject.image.size / 1e6, budget=int(budget) / 1e6)


def _check_secrets(subject: _CheckedImage) -> Iterator[str]:
    yield from find_secrets(subject.image)


def _check_setuid(subject: _CheckedImage) -> Iterator[str]:
    special = [item for item in subject.overlay.entries.items() if item[1].mode & 0o6000 and item[1].kind is Kind.FILE]
    for path, entry in sorted(special, key=lambda item: item[0]):
        if not _SETUID.search(path):
            yield tell("/{path} runs with the rights of user {user}", path=path, user=entry.owner)


def _check_sbom(subject: _CheckedImage) -> Iterator[str]:
    """Each bill of materials has to be true of the image as it was when the bill came in; a child may add to it."""
    paths = [path for path in subject.overlay.entries if _BILL.match(path)]
    if not paths:
        yield tell("there is no bill of materials in /{folder}", folder=SBOM_FOLDER)
    for path in paths:
        data = subject.overlay.data(path)
        layers = subject.image.layers[: subject.overlay.origins[path]]
        missing, untold = compare_packages(read_sbom(data or b""), list_packages(merge_layers(layers).entries))
        yield from (
            tell("/{path} lists {package}, which is not there", path=path, package=item.purl)
            for item in sorted(missing)
        )
        yield from (
            tell("/{path} does not list {package} in /{folder}", path=path, package=item.purl, folder=item.folder)
            for item in sorted(untold)
        )


def _check_caches(subject: _CheckedImage) -> Iterator[str]:
    found = [path for path in subject.overlay.entries if _is_cache(path)]
    if found:
        yield tell("{count} files of package caches, such as /{path}", count=len(found), path=found[0])


def _check_wheels(subject: _CheckedImage) -> Iterator[str]:
    """Without them, a restore has nothing to put back."""
    had = any(path.startswith(_WHEELS) for layer in subject.image.layers for path in layer.entries)
    links = [path for path in subject.overlay.entries if path.startswith(_WHEELS)]
    if had and not any(has_path(subject.overlay, path) for path in links):
        yield load_service().words.nothing_to_put_back


# What is asked of any vendor's image.
_ANYBODYS = frozenset({"torch", "doctor", "user", "entrypoint", "secrets"})
# They cost a layer's bytes, or a remedy, and no torch.
_WARNINGS = frozenset({"caches", "wheels"})
_CHECKS: tuple[tuple[str, str, Callable[[_CheckedImage], Iterator[str]]], ...] = (
    ("labels", tell("the image says what it is"), _check_labels),
    ("torch", tell("torch and its companions are the pinned ones, file by file"), _check_torch),
    ("doctor", tell("doctor finds nothing on the files"), _check_doctor),
    ("guard", tell("the guard and the constraints are on"), _check_guard),
    ("checks", tell("the checks of the base image are there"), _check_inherited),
    ("user", tell("the user exists"), _check_user),
    ("entrypoint", tell("there is a program to run"), _check_entrypoint),
    ("size", tell("the image keeps its size budget"), _check_size),
    ("secrets", tell("no layer, variable or history entry holds a credential"), _check_secrets),
    ("setuid", tell("no file runs with other rights than Debian's own"), _check_setuid),
    ("sbom", tell("the bill of materials says what is there"), _check_sbom),
    ("caches", tell("no package cache takes room"), _check_caches),
    ("wheels", tell("the vendor's wheels are there to be put back"), _check_wheels),
)
