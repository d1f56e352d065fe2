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
from envtool.image.blame.settings import GUARD_PROGRAM
from envtool.image.blame.trace import BlameReport, trace_changes
from envtool.image.read.c_library import has_musl_alone, is_c_library
from envtool.image.read.layer import Capture, Kind
from envtool.image.read.overlay import Overlay, merge_layers
from envtool.image.read.sparse_rootfs import MODULES, select_for_rootfs
from envtool.image.sbom.document import SBOM_FOLDER, read_sbom
from envtool.image.sbom.inventory import compare_packages, list_packages, select_for_sbom
from envtool.image.spec.labels import OWN, REQUIRED_LABELS
from envtool.image.spec.table import CHECKS_FOLDER
from envtool.printable import one_line
from envtool.release.profile import TORCH
from envtool.release.read_profile import DEFAULT
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
    output = "\n".join(map(one_line, problems))
    return ImageCheck(name, title, not problems, output, tuple(problems), is_warning=name in _WARNINGS)


def find_other_profile(blame: BlameReport) -> Profile | None:
    """The vendor of an image that is not one of ours: the one that is named, or whose torch came in first."""
    if blame.pin is not None:
        return blame.pin.profile if blame.pin.profile_id != DEFAULT else None
    return find_image_profile()


def _make_profile_check(profile: Profile) -> ImageCheck:
    left_out = ", ".join(name for name, _title, _check in _CHECKS if name not in _ANYBODYS)
    title = f"held to {profile.title}; left out, as of our own images alone: {left_out}"
    return ImageCheck("profile", title, passed=True, output=title)


def _check_labels(subject: _CheckedImage) -> Iterator[str]:
    missing = [key for key in REQUIRED_LABELS if not subject.image.labels.get(key)]
    if missing:
        yield f"missing: {', '.join(missing)}"


def _check_torch(subject: _CheckedImage) -> Iterator[str]:
    for item in subject.blame.culprits:
        after = " and ".join(item.after) or "gone"
        yield f"{item.location.name} is {after} since layer {item.layer}, `{item.step.instruction}`"
        if item.damaged_files:
            yield f"not as RECORD has it: /{item.damaged_files[0]}"
    for loss in subject.blame.import_losses:
        what = f"torch {loss.version} in {loss.path} is imported" if loss.path else "no torch is imported"
        yield f"{what}, because {loss.reason}" + (f": `{loss.step.instruction}`" if loss.step is not None else "")
    if not subject.blame.changes:
        yield "there is no torch in the image"
    elif has_musl_alone(subject.overlay.entries):
        yield "the image's C library is musl, and the vendor torch is made for glibc: it does not start"


def _check_doctor(subject: _CheckedImage) -> Iterator[str]:
    if subject.report is None:
        yield "the image has no Python environment that a container would use"
    elif subject.report.status is not Status.HEALTHY:
        for finding in subject.report.findings:
            if finding.severity is not Severity.NOTE:
                yield f"[{finding.id}] {finding.title}" + (f"; run: {finding.remedy}" if finding.remedy else "")


def _check_guard(subject: _CheckedImage) -> Iterator[str]:
    for loss in subject.blame.guard_losses:
        what = "is gone" if loss.is_gone else "was replaced"
        yield f"/{loss.path} {what} in layer {loss.layer}, `{loss.step.instruction}`"
    for change in subject.blame.settings:
        by = f" by `{change.step.instruction}`" if change.step is not None else ""
        yield f"{change.name} is {change.after or 'not set'}{by}, the base has {change.before}"
    if GUARD_PROGRAM not in subject.overlay.entries and not subject.blame.guard_losses:
        yield "the image was not built from a HAC base image: it has no guard"


def _check_inherited(subject: _CheckedImage) -> Iterator[str]:
    if not any(path.startswith(f"{CHECKS_FOLDER}/") for path in subject.overlay.entries):
        yield f"there are no checks in /{CHECKS_FOLDER}; start the Dockerfile with FROM hac-base"


def _check_user(subject: _CheckedImage) -> Iterator[str]:
    """A user that is named has to exist; a number need not."""
    user = str(subject.image.container_config.get("User") or "").partition(":")[0]
    known = {line.split(b":", 1)[0].decode("utf-8", "replace") for line in _read_passwd(subject).splitlines()}
    if user and not user.isdigit() and user not in known:
        yield f"USER is {user}, which /etc/passwd does not know"


def _read_passwd(subject: _CheckedImage) -> bytes:
    return subject.overlay.data("etc/passwd") or b""


def _check_entrypoint(subject: _CheckedImage) -> Iterator[str]:
    config = subject.image.container_config
    command = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    if not command:
        yield "neither ENTRYPOINT nor CMD says what to run"
    elif not _is_program(subject, str(command[0])):
        yield f"{command[0]} is not in the image"


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
        yield f"{subject.image.size / 1e6:.0f} MB of {int(budget) / 1e6:.0f} MB"


def _check_secrets(subject: _CheckedImage) -> Iterator[str]:
    yield from find_secrets(subject.image)


def _check_setuid(subject: _CheckedImage) -> Iterator[str]:
    special = [item for item in subject.overlay.entries.items() if item[1].mode & 0o6000 and item[1].kind is Kind.FILE]
    for path, entry in sorted(special, key=lambda item: item[0]):
        if not _SETUID.search(path):
            yield f"/{path} runs with the rights of user {entry.owner}"


def _check_sbom(subject: _CheckedImage) -> Iterator[str]:
    """Each bill of materials has to be true of the image as it was when the bill came in; a child may add to it."""
    paths = [path for path in subject.overlay.entries if _BILL.match(path)]
    if not paths:
        yield f"there is no bill of materials in /{SBOM_FOLDER}"
    for path in paths:
        data = subject.overlay.data(path)
        layers = subject.image.layers[: subject.overlay.origins[path]]
        missing, untold = compare_packages(read_sbom(data or b""), list_packages(merge_layers(layers).entries))
        yield from (f"/{path} lists {item.purl}, which is not there" for item in sorted(missing))
        yield from (f"/{path} does not list {item.purl} in /{item.folder}" for item in sorted(untold))


def _check_caches(subject: _CheckedImage) -> Iterator[str]:
    found = [path for path in subject.overlay.entries if _is_cache(path)]
    if found:
        yield f"{len(found)} files of package caches, such as /{found[0]}"


def _check_wheels(subject: _CheckedImage) -> Iterator[str]:
    """Without them, `update-moreh --force` has nothing to put back."""
    had = any(path.startswith(_WHEELS) for layer in subject.image.layers for path in layer.entries)
    links = [path for path in subject.overlay.entries if path.startswith(_WHEELS)]
    if had and not any(has_path(subject.overlay, path) for path in links):
        yield "the vendor's wheels were removed from /opt/hac: update-moreh --force has nothing to put back"


# What is asked of any vendor's image.
_ANYBODYS = frozenset({"torch", "doctor", "user", "entrypoint", "secrets"})
# They cost a layer's bytes, or a remedy, and no torch.
_WARNINGS = frozenset({"caches", "wheels"})
_CHECKS: tuple[tuple[str, str, Callable[[_CheckedImage], Iterator[str]]], ...] = (
    ("labels", "the image says what it is", _check_labels),
    ("torch", "torch and its companions are the pinned ones, file by file", _check_torch),
    ("doctor", "doctor finds nothing on the files", _check_doctor),
    ("guard", "the guard and the constraints are on", _check_guard),
    ("checks", "the checks of the base image are there", _check_inherited),
    ("user", "the user exists", _check_user),
    ("entrypoint", "there is a program to run", _check_entrypoint),
    ("size", "the image keeps its size budget", _check_size),
    ("secrets", "no layer, variable or history entry holds a credential", _check_secrets),
    ("setuid", "no file runs with other rights than Debian's own", _check_setuid),
    ("sbom", "the bill of materials says what is there", _check_sbom),
    ("caches", "no package cache takes room", _check_caches),
    ("wheels", "the vendor's wheels are there to be put back", _check_wheels),
)
