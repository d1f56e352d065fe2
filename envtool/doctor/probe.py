"""The one check that runs something: torch imported and used in the environment's interpreter, within a time limit."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.bounded_process import BoundedProcess
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.doctor.remedy import build_restore_command
from envtool.documents import parse_json
from envtool.environment.change_scope import find_prefix_user
from envtool.language import tell
from envtool.release.profile import TORCH
from envtool.release.read_profile import load_default_profile
from envtool.transaction.owner import Owner, make_process_options

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin

# Products of 64 numbers below 1 are about 16; half precision errs by some hundredths there.
_TOLERANCE = 0.1
# Bytes, which is what a pipe holds.
_TOLD_AT_MOST = 1 << 16


@dataclass(frozen=True)
class ProbeResult:
    """What the probe reported before it ended. `status` is `None` where it had to be stopped."""

    values: dict[str, Any] = field(default_factory=dict)
    status: int | None = 0
    last_words: str = ""


def probe_environment(environment: Environment, pin: VendorPin | None, time_limit: float) -> Iterator[Finding]:
    """Import torch in the environment's interpreter and use it, for at most `time_limit` seconds."""
    interpreter = environment.prefix.interpreter
    if not interpreter.exists():
        interpreter = environment.prefix.path / "bin/python"
    owner = find_prefix_user(environment.prefix, interpreter)
    yield from interpret(environment, pin, run_probe(interpreter, time_limit, owner), interpreter, time_limit)


def run_probe(interpreter: Path, time_limit: float, owner: Owner | None = None) -> ProbeResult:
    """Run the script with an interpreter, as `owner` where there is one, and collect what it tells."""
    script = resources.files("envtool.doctor").joinpath("probe_script.py").read_text(encoding="utf-8")
    reading, writing = os.pipe()
    try:
        process = BoundedProcess(
            [interpreter, "-c", script, str(writing), load_default_profile().label or ""],
            environment=owner.adapt_variables(os.environ) if owner is not None else None,
            stdout=subprocess.DEVNULL,
            pass_fds=(writing,),
            # Not the current folder, which may have a torch of its own.
            cwd="/",
            **make_process_options(owner),
        )
    except OSError as error:
        os.close(reading)
        return ProbeResult(status=127, last_words=str(error.strerror))
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as report:
        ended = process.wait(time_limit)
        # What the script writes is far below a pipe's size, so it never waits for a reader.
        os.set_blocking(reading, False)
        lines = report.read(_TOLD_AT_MOST) or b""
    last = ended.err.decode("utf-8", "replace").strip().splitlines()[-1:]
    return ProbeResult(_read_values(lines), ended.status, last[0][:300] if last else "")


def _read_values(lines: bytes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for line in lines.splitlines():
        with contextlib.suppress(ValueError):
            row = parse_json(line)
            values |= row if isinstance(row, dict) else {}
    return values


def interpret(
    environment: Environment, pin: VendorPin | None, probed: ProbeResult, interpreter: Path, time_limit: float
) -> Iterator[Finding]:
    """What the probe's words mean; pure."""
    values, step = probed.values, str(probed.values.get("step", tell("the interpreter's start")))
    by_hand = f"{shlex.quote(str(interpreter))} -c 'import torch; print(torch.cuda.get_device_name(0))'"
    if probed.status is None:
        yield Finding(
            kind=FindingKind.PROBE_TIMEOUT,
            title=tell("torch hangs: {step}", step=step),
            evidence=(
                Evidence(str(interpreter), tell("an end within {time_limit:g} seconds", time_limit=time_limit), step),
            ),
            cause=tell("the accelerator is held by another program, or its server does not answer"),
            remedy=by_hand,
        )
    elif probed.status != 0:
        ended = (
            tell("exit status {number}", number=probed.status)
            if probed.status > 0
            else tell("signal {number}", number=-probed.status)
        )
        yield Finding(
            kind=FindingKind.PROBE_FAILED,
            title=tell("torch does not work: {step} ended with {ended}", step=step, ended=ended),
            evidence=(Evidence(str(interpreter), tell("an end without error"), probed.last_words or ended),),
            cause=probed.last_words or None,
            remedy=by_hand,
        )
    if pin is not None and "version" in values:
        yield from _find_other_torch(environment, pin, values)
    if "available" in values and (not values["available"] or values.get("count") == 0):
        yield Finding(
            kind=FindingKind.PROBE_NO_ACCELERATOR,
            title=tell("torch works and sees no accelerator"),
            evidence=(
                Evidence(str(values.get("file")), tell("torch.cuda.is_available() is True"), tell("it is False")),
            ),
            cause=tell("it is not the vendor's build, or there is no driver, no token or no accelerator"),
            remedy="envtool doctor --driver",
        )
    difference = values.get("difference")
    # Not a number is not within any tolerance.
    if isinstance(difference, float) and not difference <= _TOLERANCE:
        yield Finding(
            kind=FindingKind.PROBE_WRONG_RESULT,
            title=tell(
                "a matrix product on {get} differs from the CPU's by {difference:.3g}",
                get=values.get("name", "cuda:0"),
                difference=difference,
            ),
            evidence=(Evidence("cuda:0", tell("within {tolerance}", tolerance=_TOLERANCE), f"{difference:.3g}"),),
            cause=tell("torch and the driver do not fit each other, or the device is at fault"),
            remedy=load_default_profile().cure.restore,
        )


def _find_other_torch(environment: Environment, pin: VendorPin, values: dict[str, Any]) -> Iterator[Finding]:
    version, file, release = str(values["version"]), str(values["file"]), values.get("release")
    if pin.is_reported_as(version, release) and Path(file).is_relative_to(environment.prefix.site_packages):
        return
    yield Finding(
        kind=FindingKind.PROBE_OTHER_TORCH,
        title=(
            tell(
                "the torch that is imported is {version} of release {release}",
                version=version,
                release=values["release"],
            )
            if values.get("release")
            else tell("the torch that is imported is {version}", version=version)
        ),
        evidence=(
            Evidence(
                file,
                tell(
                    "{version} below {site_packages}",
                    version=pin.torch.version,
                    site_packages=environment.prefix.site_packages,
                ),
                version,
            ),
        ),
        cause=tell("it is shadowed by a copy elsewhere, or its files were exchanged in place"),
        remedy=build_restore_command(environment, pin),
        distribution=TORCH,
    )
