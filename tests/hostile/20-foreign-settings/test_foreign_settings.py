"""Settings of somebody else's project lead root to nothing that this somebody may not read, and hide nothing unsaid."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envtool.errors import SettingsError
from envtool.release.bounded_pattern import BoundedPattern
from envtool.release.read_profile import list_profiles, parse_profile
from tests.support.environment import Outcome, RealEnvironment
from tests.support.forked import run_forked
from tests.support.someone import SOMEONE, give_to, let_everybody_read, needs_root

SECRET = "sentinel-of-root"
PROFILE = f"""schema = 1
id = "acme"
title = "{SECRET}"
[[version]]
pattern = '{{public}}\\+cu110\\.moreh(?P<release>[0-9.]+)'
[[pinned]]
name = "torch"
[cure]
lost = "it is lost"
restore = "envtool restore"
"""


def run_in(folder: Path, environment: RealEnvironment, *arguments: str) -> Outcome:
    done = Outcome(*run_forked(arguments, environment.variables, folder=folder))
    assert "Traceback" not in done.err, done.err
    return done


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder, which a test gives to somebody."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def make_private(folder: Path, name: str, text: str) -> Path:
    private = folder / "private"
    private.mkdir(mode=0o700)
    (private / name).write_text(text)
    return private / name


def test_a_profile_that_only_root_may_read(environment: RealEnvironment, tmp_path: Path, project: Path) -> None:
    (environment.path / "etc/hac/pin.toml").unlink()
    secret = make_private(tmp_path, "acme.toml", PROFILE)
    doctor = ("doctor", "--prefix", str(environment.path))
    (project / "linked.toml").symlink_to(secret)
    for named in (str(secret), "../private/acme.toml", "linked.toml"):
        (project / "hac.toml").write_text(f'profile = "{named}"\n')
        # Root's own settings: they may name root's own files.
        assert run_in(project, environment, *doctor).status in {0, 1}
        if os.geteuid() != 0:
            continue
        give_to(SOMEONE, project)
        secret.parent.chmod(0o700)
        done = run_in(project, environment, *doctor)
        assert SECRET not in done.out + done.err
        assert done.status not in {0, 1}
        assert "may not read" in done.err or "cannot be read" in done.err
        assert "next:" in done.err
        give_to(0, project)


@needs_root
def test_innocent_profile_of_the_project(environment: RealEnvironment, project: Path) -> None:
    (environment.path / "etc/hac/pin.toml").unlink()
    (project / "acme.toml").write_text(PROFILE)
    (project / "hac.toml").write_text('profile = "acme.toml"\n')
    give_to(SOMEONE, project)
    done = run_in(project, environment, "doctor", "--prefix", str(environment.path))
    assert SECRET in done.out
    (project / "hac.toml").write_text('profile = "cuda"\n')
    assert "next:" not in run_in(project, environment, "doctor", "--prefix", str(environment.path)).err


@needs_root
def test_commands_of_somebodys_profile_are_not_repeated(environment: RealEnvironment, project: Path) -> None:
    """What doctor and restore say to type next is typed by root."""
    (environment.path / "etc/hac/pin.toml").unlink()
    (environment.site_packages / "torch/cuda.py").unlink()
    (project / "acme.toml").write_text(PROFILE.replace("envtool restore", "fetch-and-run"))
    (project / "hac.toml").write_text('profile = "acme.toml"\n')
    words = (("doctor", "--prefix", str(environment.path)), ("restore", "--prefix", str(environment.path)))
    own = [run_in(project, environment, *command) for command in words]
    assert any("fetch-and-run" in done.out + done.err for done in own)
    assert all("are of" not in done.err for done in own)
    give_to(SOMEONE, project)
    theirs = [run_in(project, environment, *command) for command in words]
    assert all("fetch-and-run" not in done.out + done.err for done in theirs)
    assert f"the settings in {project}/hac.toml are of nobody" in theirs[0].err


@needs_root
@pytest.mark.parametrize("option", ["-r", "-c"])
def test_requirements_that_name_roots_files(
    environment: RealEnvironment, tmp_path: Path, project: Path, option: str
) -> None:
    secret = make_private(tmp_path, "more.txt", f"{SECRET}:$6$salt$hash:19000\n")
    requirements = project / "requirements.txt"
    requirements.write_text(f"numpy\n{option} {secret}\n")
    give_to(SOMEONE, project)
    secret.parent.chmod(0o700)
    command = ("check", "--static", "--prefix", str(environment.path), str(requirements))
    done = run_in(tmp_path, environment, *command)
    assert SECRET not in done.out + done.err
    assert "is not read" in done.out + done.err
    secret.write_text("pandas\n")
    let_everybody_read(secret.parent)
    innocent = run_in(tmp_path, environment, *command)
    assert "is not read" not in innocent.out + innocent.err, subprocess.getoutput(f"namei -l {secret}")


@needs_root
def test_findings_that_somebodys_settings_hide_are_counted(environment: RealEnvironment, project: Path) -> None:
    environment.uv_install("wants-newer")
    (project / "hac.toml").write_text('[doctor]\nignore = ["torch-replaced"]\n')
    command = ("doctor", "--prefix", str(environment.path))
    own = run_in(project, environment, *command)
    assert "ignored [torch-replaced]" in own.out
    assert "hide" not in own.err
    give_to(SOMEONE, project)
    for format in ("text", "json", "sarif", "junit", "github"):
        done = run_in(project, environment, *command, "--format", format)
        assert f"the settings in {project}/hac.toml are of nobody, and hide 1 findings" in done.err, format
    # Nothing is hidden elsewhere.
    assert run_in(project.parent, environment, *command).status == 1


@needs_root
def test_programs_that_somebodys_settings_leave_out(environment: RealEnvironment, project: Path) -> None:
    (project / "train.py").write_text("import torch\ntorch.backends.cudnn.benchmark = True\n")
    (project / "hac.toml").write_text('[scan]\nexclude = ["*.py"]\n')
    give_to(SOMEONE, project)
    assert "are of nobody" in run_in(project, environment, "scan", ".").err


EXPLODING = {
    "nested": "(?P<public>(a+)+)b",
    "same-twice": "(?P<public>(a|a)*)b",
    "overlapping": "(?P<public>(a|aa)+)b",
    "optional": "(?P<public>(?:a?){40}a{40})b",
    "many": "(?P<public>a*a*a*a*a*a*a*)b",
    "lazy": "(?P<public>(?:a*?)*?)b",
    "counted": "(?P<public>(?:a{1,50}){1,50})b",
    "of-nothing": "(?P<public>(?:){1000000000,})b",
    "huge-counts": "(?P<public>(?:a{0,2000000000}){0,2000000000})b",
    "dots": "(?P<public>.*.*.*.*.*.*)b",
}


@pytest.mark.parametrize("pattern", EXPLODING.values(), ids=EXPLODING)
def test_patterns_that_try_for_hours_are_refused(pattern: str) -> None:
    bounded = BoundedPattern(pattern, Path("acme.toml"))
    with pytest.raises(SettingsError, match="takes too long"):
        bounded.fullmatch("a" * 60)


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)a", "a(?<!b)", "(?i:a)", "a++", "(?>a)", "(", "a" * 5 + "{2"])
def test_parts_whose_work_cannot_be_told(pattern: str) -> None:
    text = PROFILE.replace("{public}", f"{{public}}{pattern}")
    if pattern == "aaaaa{2":
        # A brace that counts nothing stands for itself.
        assert parse_profile(text.encode(), Path("acme.toml")).versions
        return
    with pytest.raises(SettingsError, match="not a profile"):
        parse_profile(text.encode(), Path("acme.toml"))


VERSIONS = ["1.7.1+cu110.moreh22.8.0", "2.8.0a0+5228986c39.nv25.5", "2.6.0+cpu.cxx11.abi", "2.1.0", "", "1!2.0.post1"]


@pytest.mark.parametrize("version", [*VERSIONS, "1" * 256, ".".join("1" * 128)])
def test_innocent_patterns_match_as_ever(version: str) -> None:
    """Every vendor's, were it a person's own."""
    for profile in list_profiles():
        for rule in profile.versions:
            bounded = BoundedPattern(rule.pattern.pattern, Path("own.toml"))
            own, found = bounded.fullmatch(version), rule.pattern.fullmatch(version)
            assert (own is None) == (found is None), rule
            assert own is None or found is None or own.groupdict() == found.groupdict()


@needs_root
def test_doctor_comes_to_an_end(environment: RealEnvironment, project: Path) -> None:
    (environment.path / "etc/hac/pin.toml").unlink()
    pattern = r"pattern = '(?P<public>(?:[0-9a-z.+]+)+)!'"
    rows = [pattern if row.startswith("pattern") else row for row in PROFILE.splitlines()]
    (project / "acme.toml").write_text("\n".join(rows))
    (project / "hac.toml").write_text('profile = "acme.toml"\n')
    give_to(SOMEONE, project)
    done = run_in(project, environment, "doctor", "--prefix", str(environment.path))
    assert "takes too long" in done.err
    assert "next:" in done.err
