"""How each vendor's torch is lost: thirteen requirements by real pip and uv, beside stand-ins of their wheels."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from benchmarks.commands import run_command
from benchmarks.environments import TOOLS
from benchmarks.kept_pages import Say, fill_paragraph, write_page
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from tests.support.vendor_wheels import CASES, VendorCase, write_stand_in, write_vendor_wheels

if TYPE_CHECKING:
    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

# Kept in the repository; written anew by each run.
_KEPT = Path("docs/vendor-losses.md")
# How torch is asked for; PUBLIC is the public version of the vendor's without what makes it a pre-release.
REQUIREMENTS: tuple[tuple[str, ...], ...] = (
    ("torch",),
    ("torch==PUBLIC",),
    ("torch>=PUBLIC",),
    ("torch==PUBLIC+other1",),
    ("torch===VERSION",),
    ("torch>=2.13",),
    ("any-torch",),
    ("newer-torch",),
    ("by-vision",),
    ("-U", "torch"),
    ("-U", "any-torch"),
    ("-U", "--upgrade-strategy", "eager", "any-torch"),
    ("--force-reinstall", "torch"),
)
# The installers: which one, and whether its own variable names the vendor's versions as constraints.
INSTALLERS = (("pip", False), ("uv", False), ("pip", True), ("uv", True))
_NEWER = "2.13.0"


@dataclass(frozen=True)
class Loss:
    """What became of a vendor's distributions: `kept`, `replaced`, or the install `fails` and nothing has changed."""

    profile: str
    requirement: str
    installer: str
    is_pinned: bool
    outcome: str


def measure(workplace: Workplace, report: Report) -> None:
    """Try everything, and keep the tables in the repository."""
    with ThreadPoolExecutor(2) as pool:
        found = [loss for losses in pool.map(lambda case: _try_case(workplace.folder, case), CASES) for loss in losses]
    text = write_page(workplace.project / _KEPT, lambda say: render(found, say))
    lost = [loss for loss in found if loss.is_pinned and loss.outcome == "replaced"]
    report.add_text(text, problem=f"torch was lost although it was pinned: {lost[0]}" if lost else None)


def _try_case(folder: Path, case: VendorCase) -> list[Loss]:
    place = folder / f"losses-{case.profile}"
    vendor, index, pristine, prefix = (place / name for name in ("vendor", "index", "pristine", "prefix"))
    write_vendor_wheels(case, vendor)
    _write_index(case, index)
    uv = TOOLS / "uv"
    run_command([uv, "venv", "--quiet", "--python", sys.executable, pristine])
    pinned = tuple(PinnedDistribution(name=name, version=version) for name, version in case.pinned.items())
    pins = VendorPin(pinned, PinOrigin.GIVEN, profile_id=case.profile).requirements
    offline = ["--no-index", "--find-links"]
    run_command([uv, "pip", "install", "-q", "--python", pristine, "--no-deps", *offline, vendor, *pins])
    constraints = place / "constraints.txt"
    constraints.write_text("".join(f"{pin}\n" for pin in pins))
    losses = []
    for requirement in REQUIREMENTS:
        words = [_fill(word, case.torch) for word in requirement]
        for installer, is_pinned in INSTALLERS:
            shutil.rmtree(prefix, ignore_errors=True)
            shutil.copytree(pristine, prefix, symlinks=True)
            outcome = _try_install(prefix, index, words, installer, constraints if is_pinned else None)
            losses.append(Loss(case.profile, " ".join(requirement), installer, is_pinned, outcome))
    shutil.rmtree(place)
    return losses


def _write_index(case: VendorCase, folder: Path) -> None:
    """Upstream's torch of the same release, of another build and a newer one, and packages that ask for one."""
    public = Version(case.torch).base_version
    for version in (public, f"{public}+other1", _NEWER):
        write_stand_in(folder, "torch", version)
    write_stand_in(folder, "torchvision", "0.28.0", (f"torch=={_NEWER}",))
    write_stand_in(folder, "pillow", "11.0.0")
    for name, requires in (("any-torch", "torch"), ("newer-torch", "torch>=2.12"), ("by-vision", "torchvision>=0.28")):
        write_stand_in(folder, name, "1.0", (requires,))


def _fill(word: str, torch: str) -> str:
    return word.replace("PUBLIC", Version(torch).base_version).replace("VERSION", torch)


def _try_install(prefix: Path, index: Path, words: Sequence[str], installer: str, constraints: Path | None) -> str:
    before = _read_versions(prefix)
    python = prefix / "bin/python"
    variables = {"PIP_CONSTRAINT": "", "UV_CONSTRAINT": "", "PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1"}
    variables |= {f"{installer.upper()}_CONSTRAINT": str(constraints)} if constraints is not None else {}
    if installer == "uv":
        # uv has one strategy, and that is the eager one.
        words = [word for word in words if word not in {"--upgrade-strategy", "eager"}]
        command: list[str | Path] = [TOOLS / "uv", "pip", "install", "-q", "--python", python]
    else:
        command = [TOOLS / "pip", "--python", python, "install", "-q", "--no-compile", "--disable-pip-version-check"]
    command += ["--no-index", "--find-links", index, *words]
    done = run_command(command, variables=variables, statuses=(0, 1, 2))
    after = _read_versions(prefix)
    if any(after.get(name) != version for name, version in before.items()):
        return "replaced"
    return "kept" if done.returncode == 0 else "fails"


def _read_versions(prefix: Path) -> dict[str, str]:
    found = (path.name.removesuffix(".dist-info").partition("-") for path in prefix.glob("lib/*/*/*.dist-info"))
    return {name: version for name, _, version in found}


_TITLE = "# How each vendor's torch is lost"
_ABOUT = (
    "Written by `make bench ROWS=vendor-losses`. Real pip and uv install each requirement beside "
    "stand-ins that have the names, versions and requirements of ten vendors' wheels, from an index "
    "that has upstream's torch of the same release, another build of it and a newer one. PUBLIC is "
    "the release that the vendor's version is a build of, VERSION all of it. Kept: all of the "
    "vendor's distributions are as they were; fails: so they are, because the install failed."
)
_NOTE = "A torch without a label, such as Ascend's, is pinned by `===`: `==` admits every other build of its release."
_HEADINGS = {
    ("pip", False): "## pip, nothing pinned",
    ("uv", False): "## uv, nothing pinned",
    ("pip", True): "## pip, with PIP_CONSTRAINT",
    ("uv", True): "## uv, with UV_CONSTRAINT",
}
_SUM = "Replaced in {lost} of {total}."
_OUTCOMES = {"kept": "kept", "replaced": "**replaced**", "fails": "fails"}


def render(losses: Sequence[Loss], say: Say) -> str:
    """The page: a table for each installer, a row for each requirement, a column for each profile."""
    return "\n".join(
        [say(_TITLE), "", fill_paragraph(say(_ABOUT)), "", fill_paragraph(say(_NOTE)), *_render_tables(losses, say), ""]
    )


def _render_tables(losses: Sequence[Loss], say: Say) -> Iterator[str]:
    profiles = list(dict.fromkeys(loss.profile for loss in losses))
    for (installer, is_pinned), heading in _HEADINGS.items():
        own = [item for item in losses if (item.installer, item.is_pinned) == (installer, is_pinned)]
        cells = {(item.requirement, item.profile): item.outcome for item in own}
        lost = sum(item.outcome == "replaced" for item in own)
        yield from ("", say(heading), "", say(_SUM, lost=lost, total=len(own)), "")
        yield f"| | {' | '.join(profiles)} |"
        yield f"|---|{'---|' * len(profiles)}"
        for requirement in dict.fromkeys(item.requirement for item in own):
            row = (say(_OUTCOMES[cells[requirement, profile]]) for profile in profiles)
            yield f"| `{requirement}` | {' | '.join(row)} |"
