"""For each case what doctor found and what it missed, and its false alarms in healthy environments."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import CommandError, run_command
from benchmarks.environments import PYTHON, TOOLS
from benchmarks.healthy import ENVIRONMENTS
from benchmarks.kept_pages import Say, fill_paragraph, write_page
from benchmarks.recorded_tests import run_tests
from envtool.demo.vendor_release import TORCH_VERSION, write_release

if TYPE_CHECKING:
    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

# Kept in the repository; written anew by each run.
_KEPT = Path("docs/doctor-accuracy.md")


# What the tests of one case recorded: how often each property, and how often it was true.
Counted = Counter[str]


@dataclass
class Healthy:
    """The healthy environments: those that were looked into, their alarms, and those that could not be made."""

    silent: list[str] = field(default_factory=list)
    alarmed: dict[str, list[str]] = field(default_factory=dict)
    unmade: dict[str, str] = field(default_factory=dict)


def measure(workplace: Workplace, report: Report) -> None:
    """Run the clobber tests, make the healthy environments, and keep the table in the repository."""
    cases = _list_cases(workplace.project, workplace.folder / "clobber.xml")
    healthy = _list_healthy(workplace.folder / "healthy")
    text = write_page(workplace.project / _KEPT, lambda say: render(cases, healthy, say))
    missed = any(counted["found"] < counted["found asked"] or counted["false alarm"] for counted in cases.values())
    is_right = not missed and not healthy.alarmed and len(healthy.silent) >= 30
    report.add_text(text, problem=None if is_right else f"doctor was wrong, or hardly tried: see {_KEPT}")


def _list_cases(project: Path, report: Path) -> dict[str, Counted]:
    found: dict[str, Counted] = defaultdict(Counted)
    for case in run_tests(project, report, "tests/clobber").iter("testcase"):
        name = str(case.get("classname")).split(".")[2]
        for item in case.iter("property"):
            found[name][f"{item.get('name')} asked"] += 1
            found[name][str(item.get("name"))] += item.get("value") == "True"
        if case.find("failure") is not None:
            # Whatever failed, it was not shown to be found.
            found[name]["found asked"] += 1
    return dict(sorted(found.items()))


def _list_healthy(folder: Path) -> Healthy:
    wheels, constraints = folder / "wheels", folder / "constraints.txt"
    write_release(wheels, PYTHON)
    constraints.write_text(f"torch=={TORCH_VERSION}\ntorchvision==0.8.2\ntorchaudio==0.7.2\nsetuptools<80\n")
    result = Healthy()
    for number, (name, requirements) in enumerate(ENVIRONMENTS.items()):
        prefix = folder / str(number)
        problem = _make(prefix, wheels, constraints, requirements)
        if problem is not None:
            result.unmade[name] = problem
            continue
        options = ["--deep", "--no-driver", "--format", "json"]
        done = run_command([TOOLS / "envtool", "doctor", *options, "--prefix", prefix], statuses=(0, 1))
        findings = [item["id"] for item in json.loads(done.stdout)["findings"]]
        if findings:
            result.alarmed[name] = findings
        else:
            result.silent.append(name)
    return result


def _make(prefix: Path, wheels: Path, constraints: Path, requirements: tuple[str, ...]) -> str | None:
    """Make one environment; the reason where PyPI has no such set for this Python."""
    uv = TOOLS / "uv"
    run_command([uv, "venv", "--quiet", "--python", sys.executable, prefix])
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", prefix / "bin/python"]
    install += ["--find-links", wheels, "torch", "torchvision", "torchaudio", *requirements]
    try:
        run_command(install, variables={"UV_CONSTRAINT": str(constraints), "UV_BUILD_CONSTRAINT": str(constraints)})
    except CommandError as failed:
        return next(iter(failed.output.splitlines()), "no reason given")[:120]
    run_command([TOOLS / "envtool", "restore", "--prefix", prefix, "--vendor", wheels])
    return None


_ABOUT = "Written by `make bench`. Each damage is made by the tool that causes it (`tests/clobber/`)."
_CASES = "| case | damages | found | causes asked for | right | healthy twins | false alarms |"
_ABOUT_HEALTHY = (
    "Healthy environments of real distributions from PyPI, each with the stand-in release, looked into with `--deep`: "
    "{total}, false alarms in {alarmed}."
)


def render(cases: dict[str, Counted], healthy: Healthy, say: Say) -> str:
    """The page of what was found in each case and in healthy environments."""
    lines = [say("# How far doctor can be trusted"), "", fill_paragraph(say(_ABOUT)), "", say(_CASES)]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for name, item in cases.items():
        counts = [item[key] for what in ("found", "cause", "false alarm") for key in (f"{what} asked", what)]
        lines.append(f"| {name} | " + " | ".join(map(str, counts)) + " |")
    silent, alarmed = len(healthy.silent), len(healthy.alarmed)
    lines += ["", fill_paragraph(say(_ABOUT_HEALTHY, total=silent + alarmed, alarmed=alarmed)), ""]
    lines += [say("| environment | doctor |"), "| --- | --- |"]
    lines += [f"| {name} | {say('silent')} |" for name in healthy.silent]
    lines += [f"| {name} | {say('FALSE ALARM: {ids}', ids=', '.join(ids))} |" for name, ids in healthy.alarmed.items()]
    lines += [f"| {name} | {say('could not be made: {why}', why=why)} |" for name, why in healthy.unmade.items()]
    return "\n".join([*lines, ""])
