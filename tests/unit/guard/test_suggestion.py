"""What the guard tells to run in place of an instruction: in the words of its own tool, and only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envtool.guard.instruction import find_install_steps
from envtool.guard.project_command import suggest_environment
from envtool.guard.suggestion import Culprit, Trouble, suggest_changes
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from tests.support.environment import TORCH

PIN = VendorPin(
    (PinnedDistribution(name="torch", version=TORCH), PinnedDistribution(name="torchvision", version="0.8.2")),
    PinOrigin.FILE,
)
ACCEL = Culprit(name="accel", version="1.15.0")
OLDER = Culprit(name="accel", version="1.15.0", older=("1.13.0", "1.14.2"))


def suggest(
    command: str, *culprits: Culprit, folder: Path = Path("/"), trouble: Trouble = Trouble.REPLACED
) -> list[str]:
    lines = suggest_changes(culprits, PIN, find_install_steps(command, folder), trouble)
    assert len([line for line in lines if line.startswith("  run ")]) <= 1, lines
    return lines


def find_run(lines: list[str]) -> str:
    """The command of the one line that names one, without its remark."""
    found = [line.removeprefix("  run").strip() for line in lines if line.startswith("  run ")]
    return re.sub(r"   \(.*\)$", "", found[0]) if found else ""


# Another torch is asked for by the instruction itself.
DIRECT = {
    "pip": ("pip install torch==2.1.0", "pip install torch"),
    "pip3": ("pip3 install --no-cache-dir 'torch>=2' numpy", "pip3 install --no-cache-dir torch numpy"),
    "module": ("python -m pip install torch==2.2 einops", "python -m pip install torch einops"),
    "module-options": (
        "/usr/bin/python3.11 -I -m pip --no-input install -U torch==2.2",
        "/usr/bin/python3.11 -I -m pip --no-input install torch",
    ),
    "index": (
        "pip3 install torch==2.6.0 torchvision==0.21.0 --index-url https://download.pytorch.org/whl/cu124",
        "pip3 install torch torchvision",
    ),
    "find-links": (
        "pip install torch==1.10+cu111 -f https://download.pytorch.org/whl/torch_stable.html",
        "pip install torch",
    ),
    "constraints-lifted": ("PIP_CONSTRAINT= pip install --no-deps torch==2.13", "pip install --no-deps torch"),
    "env": ("env PIP_CONSTRAINT= UV_CONSTRAINT= pip install torch==2 six", "pip install torch six"),
    "sudo": ("sudo -H pip install torch==2 six", "sudo -H pip install torch six"),
    "uv": ("uv pip install --system torch==2.2.2", "uv pip install --system torch"),
    "uv-module": ("python -m uv pip install torch==2.2.2", "python -m uv pip install torch"),
    "uv-reinstall": ("uv pip install --reinstall torch", "uv pip install torch"),
    "poetry-run": ("poetry run pip install torch==2.2 six", "poetry run pip install torch six"),
    "conda-run": ("conda run -n pytorch pip install torch==2 six", "conda run -n pytorch pip install torch six"),
    "conda": (
        "conda install -y pytorch=1.13 torchvision torchaudio cpuonly scipy -c pytorch && conda clean -a -y",
        "conda install -y scipy -c pytorch",
    ),
    "mamba": ("mamba install -y -n pytorch pytorch::pytorch scipy", "mamba install -y -n pytorch scipy"),
    "wheel": ("pip install six https://host.example/torch-2.1.0-cp311-cp311-linux_x86_64.whl", "pip install six"),
    "named-address": ("pip install 'torch @ https://host.example/t.whl' six", "pip install six"),
    "extras": ("pip install 'torch[opt-einsum]==2.0' six", "pip install torch six"),
    "variables": ('pip install torch==$T "six${S}"', "pip install torch six${S}"),
    "second": ("apt-get update && pip install six && pip install torch==2 yarl; rm -rf /x", "pip install torch yarl"),
    "here-document": ("set -e\napt-get update\npip install \\\n  torch==2 \\\n  six\n", "pip install torch six"),
    "shell-here-document": ("bash <<'END'\nuv pip install torch==2 six\nEND", "uv pip install torch six"),
    "bash-c": ('bash -euxo pipefail -c "pip install torch==2 six"', "pip install torch six"),
    "loop": ("for p in torch==2 six; do uv pip install $p; done", "uv pip install torch"),
    "xargs": ("echo six torch==2 | xargs pip install", "pip install six torch"),
    "pipx": ("pipx install --include-deps torch==2 six", "pipx install --include-deps torch six"),
    "uv-sync": (
        "uv sync --frozen --no-dev",
        "uv sync --inexact --no-install-package torch --no-install-package torchvision --no-install-package torchaudio"
        " --frozen --no-dev",
    ),
    "uv-run": ("uv run train.py --steps 3", "uv run --no-sync train.py --steps 3"),
    "conda-file": ("conda env update -n base -f environment.yml", "conda env update -n base -f environment.yml"),
    "branches": (
        "T=2.1; if [ $A = 1 ]; then pip install torch==$T; else python -m pip install torch==${T}+cu118 six; fi",
        "python -m pip install torch six",
    ),
    "uv-add": (
        "uv add accel",
        "uv add --no-sync accel && uv sync --inexact --no-install-package torch --no-install-package torchvision"
        " --no-install-package torchaudio",
    ),
    "uv-add-parts": (
        "uv add --project 'my app' --group dev --optional gpu accel",
        'uv add --no-sync --project "my app" --group dev --optional gpu accel && uv sync --inexact'
        " --no-install-package torch --no-install-package torchvision --no-install-package torchaudio"
        ' --project "my app" --group dev --extra gpu',
    ),
    "poetry-folder": (
        "poetry install -C 'my app' --extras 'gpu docs'",
        'poetry lock -C "my app" && envtool sync --extra gpu --extra docs "my app"',
    ),
    "pdm-add-group": (
        "pdm add -p app -G test accel",
        "pdm add --no-sync -p app -G test accel && envtool sync --group test app",
    ),
    "poetry": (
        "poetry config virtualenvs.create false && poetry install --no-root --with train,dev --no-ansi",
        "poetry lock && envtool sync --no-install-project --group train --group dev",
    ),
    "poetry-add": ("poetry add accel@^1.2", "poetry add --lock accel@^1.2 && envtool sync"),
    "pdm": ("pdm install --prod --no-self", "pdm lock && envtool sync --no-default-groups --no-install-project"),
    "pdm-add": ("pdm add accel", "pdm add --no-sync accel && envtool sync"),
    "pipenv": (
        "pipenv install --system --deploy",
        "pipenv requirements | grep -vE '^(torch|torchvision|torchaudio)[ =]' | python -m pip install -r /dev/stdin",
    ),
    "uninstall-others": ("pip uninstall -y torch six", "pip uninstall -y six"),
    "unquoted-in-quotes": ('bash -c "pip install torch>=2,<3 six>=1"', 'pip install torch "six>=1"'),
    "front": ("pip install torch>=2 six", "pip install torch six"),
}


@pytest.mark.parametrize(("command", "run"), DIRECT.values(), ids=DIRECT)
def test_torch_itself_was_asked_for(command: str, run: str) -> None:
    lines = suggest(command)
    assert find_run(lines) == run
    assert "update-moreh" not in "".join(lines)


@pytest.mark.parametrize(
    "command",
    [
        "pip uninstall -y torch",
        "conda install -y pytorch",
        "pip install https://host.example/torch-2.1-py3-none-any.whl",
    ],
    ids=["uninstall", "conda", "wheel"],
)
def test_nothing_is_left_to_run(command: str) -> None:
    lines = suggest(command)
    assert lines == [f"  fix          leave this command out: the image has torch {TORCH}"]


# A dependency wants another torch: what is run where no older release is known, and where one is.
DEPENDENCY = {
    "pip": ("pip install 'accel>=1.15'", "pip install accel", 'pip install "accel<1.15.0"'),
    "extras": (
        "pip install 'accel[test]==1.15.0' six",
        "pip install accel[test] six",
        'pip install "accel[test]<1.15.0" six',
    ),
    "uv": ("uv pip install accel==1.15", "uv pip install accel", 'uv pip install "accel<1.15.0"'),
    "conda": ("conda install -y accel=1.15", "conda install -y accel", "conda install -y accel"),
    "pipx": ("pipx install accel==1.15", "pipx install accel", 'pipx install "accel<1.15.0"'),
    "by-another": ("pip install trainer", "pip install trainer", 'pip install trainer "accel<1.15.0"'),
    "name-form": ("pip install Accel==1.15", "pip install accel", 'pip install "accel<1.15.0"'),
}


@pytest.mark.parametrize(("command", "unknown", "known"), DEPENDENCY.values(), ids=DEPENDENCY)
def test_a_version_is_named_only_where_one_exists(command: str, unknown: str, known: str) -> None:
    lines = suggest(command, ACCEL)
    assert find_run(lines).lower() == unknown
    assert "<1.15" not in "".join(lines)
    assert "leave accel out of the requirements" in "".join(lines)
    assert find_run(suggest(command, OLDER)).lower() == known


@pytest.mark.parametrize(
    ("command", "trouble", "run"),
    [
        ("pip install accel", Trouble.GAVE_UP, ""),
        ("pip install -r absent.txt", Trouble.GAVE_UP, ""),
        ("PIP_CONSTRAINT= pip install accel", Trouble.REPLACED, "pip install accel"),
        ("PIP_CONSTRAINT= pip install -r absent.txt", Trouble.REPLACED, "pip install -r absent.txt"),
    ],
    ids=["name", "file", "name-past-the-pins", "file-past-the-pins"],
)
def test_the_same_command_is_told_only_where_it_may_help(command: str, trouble: Trouble, run: str) -> None:
    assert find_run(suggest(command, ACCEL, trouble=trouble)) == run


def test_a_setup_script_is_a_project_of_ones_own() -> None:
    lines = suggest("cd x && python setup.py develop --no-deps", Culprit(name="accel", version="1", is_direct=True))
    assert lines[0] == "  fix          let accel (setup.py) ask for torch==1.7.1 or plain torch"
    assert find_run(lines) == "python setup.py develop --no-deps"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("rm -r /site-packages/torch/lib", "  fix          leave the files and the records of torch as they are"),
        ("pip install six && rm -r /x/torch", "  fix          leave the files and the records of torch as they are"),
        ("pip uninstall -y torch", f"  fix          leave this command out: the image has torch {TORCH}"),
    ],
    ids=["rm", "rm-after-install", "uninstall"],
)
def test_files_that_were_lost(command: str, line: str) -> None:
    assert suggest(command, trouble=Trouble.LOST) == [line]


@pytest.mark.parametrize(
    ("installer", "run"),
    [
        ("pip", "pip install -r absent.txt"),
        ("uv", "uv pip install yarl"),
        ("Poetry 2.1", "poetry lock && envtool sync"),
        ("unknown", "pip install six"),
    ],
    ids=["pip", "uv", "poetry", "unknown"],
)
def test_of_several_commands_the_one_of_the_installer(installer: str, run: str) -> None:
    command = "uv pip install yarl && poetry install && pip install -r absent.txt"
    if installer == "unknown":
        command += " && pip install six"
    assert find_run(suggest(command, Culprit(name=None, installer=installer))) == run


LOCAL = {
    "dot": ("pip install .", "."),
    "editable": ("pip install -e .", "."),
    "extras": ("pip install --no-cache-dir -e '.[dev,train]'", ".[dev,train]"),
    "folder": ("cd / && python -m pip install ./libs/accel", "./libs/accel"),
    "uv": ("uv pip install --system -e .", "."),
    "wheel": ("pip install https://host.example/accel-1.15.0-py3-none-any.whl", "https://host.example/"),
    "file": ("pip install dist/accel-1.15.0-py3-none-any.whl", "dist/accel"),
    "archive": ("pip install /tmp/accel-1.15.0.tar.gz", "/tmp/accel"),
    "git": ("pip install git+https://host.example/team/accel.git@v1", "git+https://host.example/team/accel.git@v1"),
    "egg": ("pip install 'git+https://host.example/x#egg=accel'", "git+https://host.example/x#egg=accel"),
    "named": ("pip install 'accel @ git+https://host.example/team/x'", "git+https://host.example/team/x"),
}


@pytest.mark.parametrize(("command", "shown"), LOCAL.values(), ids=LOCAL)
@pytest.mark.parametrize("is_direct", [True, None], ids=["recorded", "not-recorded"])
def test_a_project_of_ones_own_is_no_name_of_an_index(
    tmp_path: Path, command: str, shown: str, is_direct: bool | None
) -> None:
    text = "".join(suggest(command, Culprit(name="accel", version="1.15.0", is_direct=is_direct), folder=tmp_path))
    assert "accel<" not in text
    assert "pip install accel " not in text
    assert f"let accel ({shown}" in text
    assert "ask for torch==1.7.1 or plain torch" in text
    assert "leave accel out" not in text


def test_a_folders_project_is_known_by_its_files(tmp_path: Path) -> None:
    for name, text in {"a": '[project]\nname = "Accel"\n', "b": '[project]\nname = "other"\n'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(text)
    assert "let accel (./a) ask for" in "".join(suggest("pip install ./b ./a", ACCEL, folder=tmp_path))


def test_a_requirements_file_is_what_to_change(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six\naccel==1.15.0\n")
    for culprit, wanted in ((ACCEL, "plain accel"), (OLDER, "accel<1.15.0")):
        lines = suggest("pip install -r requirements.txt", culprit, folder=tmp_path)
        assert lines[0] == f"  fix          in requirements.txt: {wanted}"
        assert find_run(lines) == "pip install -r requirements.txt"
    (tmp_path / "constraints.txt").write_text("torch==2.1\n")
    lines = suggest("pip install -c constraints.txt six", folder=tmp_path)
    assert lines[0] == "  fix          in constraints.txt: ask for torch==1.7.1 or plain torch"
    assert find_run(lines) == "pip install -c constraints.txt six"


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("./install.sh", "./install.sh"),
        ("bash -e install.sh --all", "install.sh"),
        ("cd sub && . ../install.sh", "../install.sh"),
        ("make deps", "Makefile"),
        ("make -C sub deps", "Makefile"),
    ],
    ids=["path", "bash", "source", "make", "make-in-folder"],
)
def test_scripts_are_gone_into(tmp_path: Path, command: str, script: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "install.sh").write_text("#!/bin/sh\nset -e\nuv pip install torch==2 six\n")
    for folder in (tmp_path, tmp_path / "sub"):
        (folder / "Makefile").write_text("all:\n\ttrue\ndeps:\n\t@uv pip install torch==2 six\n")
    lines = suggest(command, folder=tmp_path)
    assert find_run(lines) == "uv pip install torch six"
    assert f"(in {script})" in "".join(lines)


def test_a_script_that_cannot_be_read_is_no_command_of_its_own() -> None:
    assert suggest("/nowhere/install.sh") == [
        "  fix          ask for torch==1.7.1 or plain torch: both are met by the vendor's"
    ]


ELSEWHERE = {
    "target": ("pip install --target libraries torch six", "pip install torch six"),
    "uv-venv": ("uv venv && uv pip install torch==2 six", "uv pip install torch six"),
    "venv": ("python -m venv own && own/bin/pip install torch==2 six", "pip install torch six"),
    "uv-sync": (
        "cd /app && uv sync --frozen",
        "uv export --no-emit-package torch --no-emit-package torchvision --no-emit-package torchaudio"
        " | uv pip install -r -",
    ),
    "poetry": ("poetry install --no-root", "poetry lock && envtool sync --no-install-project"),
    "pdm": ("pdm sync", "pdm lock && envtool sync"),
    "pipx": ("pipx install accel", "pipx install --system-site-packages accel"),
}


@pytest.mark.parametrize(("command", "run"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_environment_of_its_own(command: str, run: str) -> None:
    lines = suggest_environment(find_install_steps(command, Path("/")))
    assert find_run(lines) == run
