"""Projects that only their build back end can describe, checked as a person checks them, with real back ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.requirements.build_stubs import build_stubs, write_stub_wheel
from envtool.requirements.model import InstallOptions
from envtool.requirements.resolve import Resolver
from envtool.requirements.target import Target
from envtool.requirements.uv_options import Installer
from tests.corpus.frozen_index import served
from tests.support.environment import TORCH, Outcome, RealEnvironment

SETUP = """
import os
from setuptools import setup
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "{names}")) as listed:
    needed = [line.strip() for line in listed if line.strip()]
with open(os.path.join(here, "written-by-setup"), "w") as mark:
    mark.write("x")
setup(name="reader-of-lists", version="3.1", install_requires=needed, extras_require={{"show": ["accelerate>=1.0"]}})
"""


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    with served(with_build_tools=True) as address:
        yield address


@pytest.fixture
def checked(environment: RealEnvironment, index: str) -> RealEnvironment:
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    return environment


def check(environment: RealEnvironment, *arguments: str | Path) -> Outcome:
    return environment.envtool("check", "--prefix", str(environment.path), "--installer", "uv", *map(str, arguments))


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_setup_py_that_reads_a_list(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(
        tmp_path / "tool", setup_DOT_py=SETUP.format(names="needed.list"), needed_DOT_list="tqdm\ntorch>=2.0\n"
    )
    before = sorted(path.name for path in project.rglob("*"))
    done = check(checked, project / "setup.py")
    assert done.status == 1, done.out + done.err
    assert f"clobbered: {project}/setup.py by uv:" in done.out
    assert f"clobbered: {project}/setup.py (extra show) by uv:" in done.out
    assert "torch>=2.0" in done.out
    assert f"{project}/setup.py:9: accelerate>=1.0" in done.out
    assert "--write-fixed" not in done.out
    # The build ran in a copy.
    assert sorted(path.name for path in project.rglob("*")) == before


def test_an_extra_that_only_the_build_tells_can_be_asked_for(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(tmp_path / "tool", setup_DOT_py=SETUP.format(names="needed.list"), needed_DOT_list="tqdm\n")
    done = check(checked, "--only", "show", project / "setup.py")
    assert f"clobbered: {project}/setup.py (extra show) by uv:" in done.out, done.out + done.err
    assert "safe" not in done.out


def test_a_project_that_asks_for_another_torch_where_none_is(checked: RealEnvironment, tmp_path: Path) -> None:
    setup = (
        "from setuptools import setup\ntry:\n    import torch\n    needs = ['torch==' + torch.__version__]\n"
        "except ImportError:\n    needs = ['torch>=2.0']\nsetup(name='guesser', version='1', install_requires=needs)\n"
    )
    project = write(tmp_path / "guesser", setup_DOT_py=setup)
    done = check(checked, project / "setup.py")
    assert f"clobbered: {project}/setup.py" in done.out, done.out + done.err


def test_no_build_runs_nobody_elses_code(checked: RealEnvironment, tmp_path: Path) -> None:
    marked = tmp_path / "ran"
    project = write(tmp_path / "tool", setup_DOT_py=f"open({str(marked)!r}, 'w').close()\n")
    done = check(checked, "--no-build", project / "setup.py")
    assert "unknown" in done.out
    assert "--no-build forbids running it" in done.out
    assert not marked.exists()


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("-e {}", "clobbered"),
        ("{}", "clobbered"),
        ("reader-of-lists @ file://{}", "clobbered"),
        ("-e {}[show]", "clobbered"),
    ],
    ids=["editable", "path", "file-address", "extra"],
)
def test_a_line_that_names_a_project(checked: RealEnvironment, tmp_path: Path, line: str, verdict: str) -> None:
    project = write(tmp_path / "tool", setup_DOT_py=SETUP.format(names="needed.list"), needed_DOT_list="torch>=2.0\n")
    file = write(tmp_path, requirements_DOT_txt=f"tqdm\n{line.format(project)}\n") / "requirements.txt"
    done = check(checked, file)
    assert f"{verdict}: {file}" in done.out, done.out + done.err
    assert f"{file}:2: reader-of-lists" in done.out
    assert "reader-of-lists 3.1 requires torch>=2.0" in done.out


def test_a_build_that_imports_torch(checked: RealEnvironment, tmp_path: Path) -> None:
    setup = (
        "import torch\nfrom setuptools import setup\n"
        "from torch.utils.cpp_extension import BuildExtension, CUDAExtension\n"
        "assert torch.cuda.is_available() is False and torch.version.cuda is None\n"
        'setup(name="fast-kernels", version="1", install_requires=["torch", "tqdm"],\n'
        '      ext_modules=[CUDAExtension("k", ["k.cu"])], cmdclass={"build_ext": BuildExtension})\n'
    )
    project = write(tmp_path / "kernels", setup_DOT_py=setup)
    done = check(checked, project / "setup.py")
    assert f"safe: {project}/setup.py" in done.out, done.out + done.err


def test_a_build_that_asks_for_torch_gets_a_stand_in(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(
        tmp_path / "ops",
        pyproject_DOT_toml='[build-system]\nrequires = ["setuptools", "torch>=2.4"]\n'
        'build-backend = "setuptools.build_meta"\n[project]\nname = "ops"\nversion = "1"\ndynamic = ["dependencies"]\n',
        setup_DOT_py="import torch\nfrom setuptools import setup\nsetup(install_requires=['torch>=1.5'])\n",
    )
    done = check(checked, project / "pyproject.toml")
    assert f"safe: {project}/pyproject.toml" in done.out, done.out + done.err


def test_a_build_that_fails_is_unknown_with_its_last_words(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(tmp_path / "tool", setup_DOT_py="raise LookupError('no compiler of 1998 here')\n")
    file = write(tmp_path, requirements_DOT_txt=f"tqdm\n-e {project}\n") / "requirements.txt"
    done = check(checked, project / "setup.py", file)
    assert done.out.count("unknown: ") == 2, done.out + done.err
    assert "LookupError: no compiler of 1998 here" in done.out
    assert "next: pip wheel --no-deps" in done.out


def test_other_lines_count_beside_a_project_that_cannot_be_built(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(tmp_path / "tool", setup_DOT_py="raise SystemExit(3)\n")
    file = write(tmp_path, requirements_DOT_txt=f"torch>=2.0\n-e {project}\n") / "requirements.txt"
    done = check(checked, file)
    assert f"clobbered: {file}" in done.out, done.out + done.err


@pytest.mark.parametrize(
    "text",
    [
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
        "[tool.isort]\nprofile = 'black'\n",
    ],
    ids=["build-system", "tools-only"],
)
def test_a_pyproject_without_a_project_table(checked: RealEnvironment, tmp_path: Path, text: str) -> None:
    project = write(
        tmp_path / "tool",
        pyproject_DOT_toml=text,
        setup_DOT_cfg="[metadata]\nname = old-style\nversion = 1\n[options]\ninstall_requires =\n    torch>=2.0\n",
        setup_DOT_py="from setuptools import setup\nsetup()\n",
    )
    done = check(checked, project / "pyproject.toml")
    assert f"clobbered: {project}/pyproject.toml" in done.out, done.out + done.err
    assert f"{project}/setup.cfg:6: torch>=2.0" in done.out


def test_a_commit_in_a_git_repository(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(
        tmp_path / "tool",
        pyproject_DOT_toml='[project]\nname = "kept-in-git"\nversion = "1"\ndependencies = ["torch>=2.0"]\n',
    )
    git = ["git", "-C", str(project), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "--quiet", "--initial-branch=trunk"], ["add", "."], ["commit", "--quiet", "-m", "one"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    first = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    write(project, pyproject_DOT_toml='[project]\nname = "kept-in-git"\nversion = "2"\ndependencies = ["tqdm"]\n')
    subprocess.run([*git, "commit", "--quiet", "-am", "two"], check=True, timeout=60)
    for at, verdict in (("", "safe"), ("@trunk", "safe"), (f"@{first}", "clobbered"), (f"@{first[:8]}", "clobbered")):
        file = write(tmp_path, requirements_DOT_txt=f"git+{project.as_uri()}{at}\n") / "requirements.txt"
        done = check(checked, "--no-build", file)
        assert f"{verdict}: {file}" in done.out, at + done.out + done.err
    file = write(tmp_path, requirements_DOT_txt=f"git+{project.as_uri()}@no-such\ntqdm\n") / "requirements.txt"
    done = check(checked, file)
    assert f"unknown: {file}" in done.out, done.out + done.err


def test_a_project_for_another_python(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(
        tmp_path / "tool",
        pyproject_DOT_toml='[project]\nname = "late"\nversion = "1"\nrequires-python = ">=3.99"\n',
    )
    file = write(tmp_path, requirements_DOT_txt=f"{project}\n") / "requirements.txt"
    done = check(checked, file)
    assert "is for Python >=3.99" in done.out, done.out + done.err


def test_a_poetry_project_is_read_without_a_build(checked: RealEnvironment, tmp_path: Path) -> None:
    project = write(
        tmp_path / "tool",
        pyproject_DOT_toml='[tool.poetry]\nname = "in-verse"\nversion = "1"\n[tool.poetry.dependencies]\n'
        'python = "^3.8"\ntorch = "^2.0"\n[build-system]\nrequires = ["poetry-core"]\n'
        'build-backend = "poetry.core.masonry.api"\n',
    )
    file = write(tmp_path, requirements_DOT_txt=f"-e {project}\n") / "requirements.txt"
    done = check(checked, "--no-build", file)
    assert "in-verse 1 requires torch<3.0,>=2.0" in done.out, done.out + done.err


def test_an_assumed_environment_does_as_well(index: str, environment: RealEnvironment, tmp_path: Path) -> None:
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    project = write(tmp_path / "tool", setup_DOT_py=SETUP.format(names="needed.list"), needed_DOT_list="torch>=2.0\n")
    done = environment.envtool(
        "check", "--torch", TORCH, "--python-version", "3.11", "--installer", "uv", str(project / "setup.py")
    )
    assert f"clobbered: {project}/setup.py" in done.out, done.out + done.err


@pytest.mark.parametrize(("python", "version"), [("3.8", "75.3.4"), ("3.9.1", "82.0.0"), ("3.10", "82.0.0")])
def test_a_back_end_is_no_newer_than_the_python_that_is_installed_for(
    environment: RealEnvironment, tmp_path: Path, python: str, version: str
) -> None:
    for each in ("75.3.4", "82.0.0"):
        write_stub_wheel(tmp_path / f"setuptools-{each}-py3-none-any.whl", "setuptools", each, {"setuptools.py": ""})
    pin = VendorPin((PinnedDistribution(name="torch", version=TORCH),), PinOrigin.GIVEN)
    resolver = Resolver(
        target=Target(pin=pin, python=python),
        installer=Installer.UV,
        variables=environment.variables,
        options=InstallOptions(no_index=True, find_links=(str(tmp_path),)),
    )
    resolver.install_for_build(["setuptools>=40.8"], environment.path)
    assert [path.name for path in environment.site_packages.glob("setuptools-*")] == [f"setuptools-{version}.dist-info"]
    with build_stubs(pin, python) as stubs:
        limits = Requirement(f"setuptools{stubs.constraints.read_text().partition('torch')[0].strip()[10:]}")
    assert limits.specifier.contains(version)


# What projects with kernels do at the top of their setup.py, before they say what they require.
ASKS_TORCH = """import os, torch
from torch.utils.cpp_extension import COMMON_HIPCC_FLAGS, CUDA_HOME, HIP_HOME, IS_HIP_EXTENSION, ROCM_HOME
from torch.utils.cpp_extension import SYCL_HOME, TORCH_LIB_PATH, get_cxx_compiler, load
major, minor = torch.cuda.get_device_capability(torch.cuda.current_device())
assert major >= 7, "needs a newer device"
newest = torch.cuda.get_arch_list()[-1].partition("_")[2]
name = torch.cuda.get_device_properties(0).gcnArchName.split(":")[0]
abi = str(torch._C._GLIBCXX_USE_CXX11_ABI).upper()
hip = ROCM_HOME or HIP_HOME or torch.version.hip or torch.version.cuda or torch.backends.openmp.is_available()
assert not hip and not torch.has_cuda and not CUDA_HOME, hip
prefix = os.path.join(torch.utils.cmake_prefix_path, torch.__git_version__)
"""


def test_the_stand_in_answers_what_a_setup_asks(tmp_path: Path) -> None:
    pin = VendorPin((PinnedDistribution(name="torch", version=TORCH),), PinOrigin.GIVEN)
    with build_stubs(pin, "3.10") as stubs:
        variables = {"PYTHONPATH": str(stubs.folder)}
        done = subprocess.run(
            [sys.executable, "-c", ASKS_TORCH], env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
