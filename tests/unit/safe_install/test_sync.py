"""`envtool sync`: what a lock of each kind installs beside the vendor torch, what it leaves out, what it refuses."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import TORCH, RealEnvironment
from tests.support.local_index import serve_wheels
from tests.support.locked_project import BASE, UV, installed, sync, uv_lock, write_project

# What an upstream torch brings along, and packages that get on with the vendor's or do not.
_PACKAGES: tuple[tuple[str, str, list[str]], ...] = (
    ("torch", "2.9.0", ["nvidia-cublas-cu12", "triton", "shared"]),
    ("torch", "1.7.1", ["nvidia-cublas-cu12", "triton", "shared"]),
    ("nvidia-cublas-cu12", "12.8", ["cuda-pathfinder"]),
    ("cuda-pathfinder", "1.3", []),
    ("triton", "3.5", []),
    ("shared", "1.0", []),
    ("modest", "1.0", ["torch>=1.5", "harmless"]),
    ("modern", "1.0", ["torch>=2.0"]),
    ("with-extra", "1.0", ["harmless", 'torch>=2.0 ; extra == "new"']),
    ("compiles", "1.0", ["triton", "torch"]),
    ("harmless", "1.0", []),
    ("linter", "1.0", []),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    for name, version, requires in _PACKAGES:
        write_wheel(package(name, version, requires), folder)
    with serve_wheels(folder) as address:
        yield address


UV_PROJECT = """
requires-python = ">=3.11"
dependencies = ["modest", "torch>=1.7", "absent ; sys_platform == 'win32'"]
[project.optional-dependencies]
new = ["modern"]
kernels = ["compiles"]
[dependency-groups]
dev = ["linter"]
[tool.uv.sources]
absent = { path = "nowhere" }
"""


def make_uv_project(folder: Path, index: str, environment: RealEnvironment) -> Path:
    text = UV_PROJECT.replace(", \"absent ; sys_platform == 'win32'\"", "").partition("[tool.uv.sources]")[0]
    return uv_lock(write_project(folder, text), index, environment)


def test_uv_lock_installs_all_but_torch_and_what_only_it_wants(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    project = make_uv_project(tmp_path / "work", index, environment)
    # As images and pipelines set them.
    environment.variables.update(UV_LOCKED="1", UV_NO_SYNC="1", UV_PROJECT_ENVIRONMENT=str(tmp_path / "other"))
    status, said = sync(environment, "--dry-run", str(project))
    assert status == 0, said
    assert "would install" in said
    assert installed(environment) == BASE
    status, said = sync(environment, str(project))
    assert status == 0, said
    assert installed(environment) == {*BASE, "modest", "harmless", "linter", "shared"}
    assert f"instead  of the lock's torch==2.9.0: {TORCH}" in said
    assert "left out 3 that only upstream's torch wants" in said
    assert environment.doctor("--deep")["findings"] == []
    status, said = sync(environment, str(project))
    assert (status, "nothing to do" in said) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (("--no-dev",), set()),
        (("--no-group", "dev"), set()),
        (("--extra", "kernels"), {"compiles", "triton", "linter"}),
    ],
)
def test_extras_and_groups(
    environment: RealEnvironment, index: str, tmp_path: Path, arguments: tuple[str, ...], more: set[str]
) -> None:
    project = make_uv_project(tmp_path / "work", index, environment)
    status, said = sync(environment, *arguments, str(project))
    assert status == 0, said
    assert installed(environment) == {*BASE, "modest", "harmless", "shared", *more}


def test_a_lock_that_needs_another_torch_is_refused_and_says_why(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    project = make_uv_project(tmp_path / "my work", index, environment)
    status, said = sync(environment, "--no-dev", "--extra", "new", str(project))
    assert status == 1, said
    assert "modern 1.0 requires torch>=2.0" in said
    prefix = shlex.quote(str(environment.path))
    assert (
        f"envtool sync --prefix {prefix} --override torch --no-default-groups --extra new '{project}'   (where" in said
    )
    assert f"envtool check --prefix {prefix} '{project}/pyproject.toml'" in said
    assert installed(environment) == BASE
    status, said = sync(environment, "--extra", "new", "--override", "torch>=1.7", str(project))
    assert status == 0, said
    assert "modern" in installed(environment)
    status, said = sync(environment, "--extra", "new", "--override", "torch>=3", str(project))
    assert status == 1, said
    assert f"--prefix {prefix} --override torch --extra new" in said


def test_what_the_project_itself_requires_counts(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    text = 'requires-python = ">=3.11"\ndependencies = ["torch==2.9.0"]\n'
    project = uv_lock(write_project(tmp_path / "work", text), index, environment)
    status, said = sync(environment, str(project))
    assert status == 1, said
    assert "work requires torch==2.9.0" in said


def test_an_extra_of_a_package_counts_only_where_it_is_asked_for(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    text = 'requires-python = ">=3.11"\ndependencies = ["with-extra{}"]\n'
    plain = uv_lock(write_project(tmp_path / "plain", text.format("")), index, environment)
    asked = uv_lock(write_project(tmp_path / "asked", text.format("[new]")), index, environment)
    assert sync(environment, "--dry-run", str(plain))[0] == 0
    status, said = sync(environment, "--dry-run", str(asked))
    assert status == 1, said
    assert "with-extra 1.0 requires torch>=2.0" in said


BACKEND = """
import pathlib, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        archive.writestr("{name}.py", "")
        records = "{name}-1.dist-info/"
        archive.writestr(records + "METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n{requires}")
        archive.writestr(records + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(records + "RECORD", "{name}.py,,\\n")
    return name
build_editable = build_wheel
"""
SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def write_package(folder: Path, name: str, dependencies: str = "", requires: str = "") -> Path:
    """A project that is built by a back end of its own; `requires` is what only building it tells."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "backend.py").write_text(BACKEND.format(name=name, requires=requires))
    text = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n{dependencies}\n{SYSTEM}'
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_workspace_members_and_path_dependencies(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    root = write_package(tmp_path / "work", "root", 'dependencies = ["member", "beside"]')
    write_package(root / "packages/member", "member", 'dependencies = ["modest"]')
    write_package(root / "packages/other", "other", 'dependencies = ["modern"]')
    write_package(tmp_path / "beside", "beside")
    with (root / "pyproject.toml").open("a") as file:
        file.write('[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.uv.sources]\nmember = { workspace = true }\n')
        file.write('beside = { path = "../beside" }\n')
    uv_lock(root, index, environment)
    status, said = sync(environment, "--all-packages", "--dry-run", str(root))
    assert (status, "modern 1.0 requires torch>=2.0" in said) == (1, True), said
    # A member's folder has no lock of its own.
    status, said = sync(environment, "--dry-run", str(root / "packages/other"))
    assert (status, "modern 1.0 requires torch>=2.0" in said) == (1, True), said
    status, said = sync(environment, "--no-install-project", str(root))
    assert status == 0, said
    assert installed(environment) >= {"member", "beside", "modest", "harmless"}
    assert "root" not in installed(environment)
    status, said = sync(environment, str(root))
    assert status == 0, said
    assert "root" in installed(environment)


def test_what_only_a_build_tells_is_proven_before_it_stays(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    project = write_package(tmp_path / "work", "root", "", requires="Requires-Dist: torch>=2.0\\n")
    uv_lock(project, index, environment)
    status, said = sync(environment, str(project))
    assert status == 19, said
    assert "root 1 requires torch>=2.0" in said
    assert installed(environment) == BASE


@pytest.mark.parametrize("kind", ["uv.lock", "pylock.toml"])
def test_a_project_that_cannot_be_built_is_named_and_can_be_left_out(
    environment: RealEnvironment, index: str, tmp_path: Path, kind: str
) -> None:
    project = write_package(tmp_path / "my work", "root", 'dependencies = ["harmless"]')
    # Longer than a terminal is wide: uv would break it.
    broken = f"raise RuntimeError('{'no compiler of kernels here, ' * 4}set CUDA_HOME')"
    (project / "backend.py").write_text(
        f"def build_wheel(*_names, **_values):\n    {broken}\nbuild_editable = build_wheel\n"
    )
    uv_lock(project, index, environment)
    environment.variables["PIP_INDEX_URL"] = index
    if kind == "pylock.toml":
        command = [UV, "export", "--quiet", "--frozen", "--project", str(project), "--output-file", str(project / kind)]
        subprocess.run(command, check=True, timeout=300)
    status, said = sync(environment, str(project / kind))
    assert status == 18, said
    assert "root cannot be built" in said
    assert f"RuntimeError: {'no compiler of kernels here, ' * 4}set CUDA_HOME" in said
    proposed = re.search(r"next: +envtool sync (--prefix .*)   \(leaves the project itself out\)", said)
    assert proposed is not None, said
    assert installed(environment) == BASE
    done = environment.envtool("sync", *shlex.split(proposed[1]))
    assert done.status == 0, done.out + done.err
    assert installed(environment) == {*BASE, "harmless"}


POETRY = """
[[package]]
name = "modest"
version = "1.0"
description = ""
optional = false
python-versions = "*"
files = []
[package.dependencies]
harmless = "^1.0"
torch = ">=1.5,<1.6 || >1.6"

[[package]]
name = "harmless"
version = "0.9"
description = ""
optional = false
python-versions = "<3.9"
files = []

[[package]]
name = "harmless"
version = "1.0"
description = ""
optional = false
python-versions = ">=3.9"
files = []

[[package]]
name = "compiles"
version = "1.0"
description = ""
optional = true
python-versions = "*"
files = []
[package.dependencies]
triton = "*"
torch = "*"

[[package]]
name = "modern"
version = "1.0"
description = ""
optional = false
python-versions = "*"
files = []
[package.dependencies]
torch = ">=2.0"

[[package]]
name = "linter"
version = "1.0"
description = ""
optional = false
python-versions = "*"
files = []

[[package]]
name = "torch"
version = "2.9.0"
description = ""
optional = false
python-versions = "*"
files = []
[package.dependencies]
nvidia-cublas-cu12 = {version = "12.8", markers = "platform_system == \\"Linux\\""}
triton = "3.5"
shared = "*"

[[package]]
name = "nvidia-cublas-cu12"
version = "12.8"
description = ""
optional = false
python-versions = "*"
files = []

[[package]]
name = "triton"
version = "3.5"
description = ""
optional = false
python-versions = "*"
files = []

[[package]]
name = "shared"
version = "1.0"
description = ""
optional = false
python-versions = "*"
files = []

[extras]
kernels = ["compiles"]

[metadata]
lock-version = "2.0"
python-versions = "^3.8"
content-hash = "0"
"""
POETRY_PROJECT = """[tool.poetry]
name = "work"
version = "1"
package-mode = false
[tool.poetry.dependencies]
python = "^3.8"
modest = "^1.0"
torch = {version = "^1.7 || ^2.0", source = "gpu"}
compiles = {version = "*", optional = true}
[tool.poetry.extras]
kernels = ["compiles"]
[tool.poetry.group.dev.dependencies]
linter = "*"
[tool.poetry.group.later]
optional = true
[tool.poetry.group.later.dependencies]
modern = "*"
[[tool.poetry.source]]
name = "gpu"
url = "http://127.0.0.1:9/simple"
priority = "explicit"
"""


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), {"modest", "harmless", "shared", "linter"}),
        (("--no-dev", "--extra", "kernels"), {"modest", "harmless", "shared", "compiles", "triton"}),
        (("--only-group", "dev"), {"linter"}),
    ],
)
def test_poetry_lock(
    environment: RealEnvironment, index: str, tmp_path: Path, arguments: tuple[str, ...], found: set[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY_PROJECT)
    (tmp_path / "poetry.lock").write_text(POETRY)
    environment.variables["PIP_INDEX_URL"] = index
    status, said = sync(environment, *arguments, str(tmp_path))
    assert status == 0, said
    assert installed(environment) == {*BASE, *found}
    status, said = sync(environment, "--group", "later", str(tmp_path))
    assert (status, "modern 1.0 requires torch>=2.0" in said) == (1, True), said


PDM = """
[metadata]
groups = ["default", "dev"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"

[[package]]
name = "modest"
version = "1.0"
requires_python = ">=3.8"
summary = ""
groups = ["default"]
dependencies = ["harmless", "torch>=1.5"]
files = []

[[package]]
name = "modest"
version = "1.0"
extras = ["more"]
summary = ""
groups = ["default"]
dependencies = ["modest==1.0", "shared"]
files = []

[[package]]
name = "harmless"
version = "1.0"
summary = ""
groups = ["default"]
files = []

[[package]]
name = "shared"
version = "1.0"
summary = ""
groups = ["default"]
files = []

[[package]]
name = "linter"
version = "1.0"
summary = ""
groups = ["dev"]
marker = "sys_platform == \\"linux\\""
files = []

[[package]]
name = "torch"
version = "2.9.0"
summary = ""
groups = ["default"]
dependencies = ["triton==3.5; platform_system == \\"Linux\\""]
files = []

[[package]]
name = "triton"
version = "3.5"
summary = ""
groups = ["default"]
files = []
"""


def test_pdm_lock(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    text = 'requires-python = ">=3.8"\ndependencies = ["modest[more]"]\n[tool.pdm]\ndistribution = false\n'
    write_project(tmp_path, text + '[tool.pdm.dev-dependencies]\ndev = ["linter"]\n')
    (tmp_path / "pdm.lock").write_text(PDM)
    environment.variables["PIP_INDEX_URL"] = index
    status, said = sync(environment, str(tmp_path / "pdm.lock"))
    assert status == 0, said
    assert installed(environment) == {*BASE, "modest", "harmless", "shared", "linter"}


def test_pylock_keeps_no_requirements_and_is_proven_from_metadata(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    project = make_uv_project(tmp_path / "work", index, environment)
    for extra in ("kernels", "new"):
        command = [UV, "export", "--quiet", "--frozen", "--project", str(project), "--extra", extra]
        lock = tmp_path / f"pylock.{extra}.toml"
        subprocess.run([*command, "--output-file", str(lock)], check=True, timeout=300)
    environment.variables["PIP_INDEX_URL"] = index
    status, said = sync(environment, str(tmp_path / "pylock.new.toml"))
    assert (status, "modern 1.0 requires torch>=2.0" in said) == (1, True), said
    status, said = sync(environment, str(tmp_path / "pylock.kernels.toml"))
    assert status == 0, said
    assert installed(environment) == {*BASE, "modest", "harmless", "shared", "linter", "compiles", "triton"}


@pytest.mark.parametrize(
    ("files", "arguments", "status", "said"),
    [
        ({}, (), 12, "has no lock"),
        ({"uv.lock": "", "poetry.lock": ""}, (), 2, "several locks"),
        ({"poetry.lock": "[metadata]\npython-versions = '*'\n"}, (), 12, "no pyproject.toml"),
        ({"poetry.lock": "x"}, (), 17, "is not TOML"),
        ({"pylock.toml": "lock-version = '1.0'\n"}, (), 17, "is not a pylock file"),
        ({"pdm.lock": ""}, ("--package", "a"), 19, "workspace"),
        ({"uv.lock": "version = 1\nrequires-python = '>=4'\n"}, (), 12, "is not for this environment"),
        ({"uv.lock": "version = 1\nrequires-python = '>=3.8'\n"}, (), 12, "cannot be installed from"),
        ({"pylock.toml": ""}, ("--override", "torch>>1"), 2, "--override"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    environment: RealEnvironment,
    tmp_path: Path,
    files: dict[str, str],
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    ended, text = sync(environment, *arguments, str(folder))
    assert (ended, said in text) == (status, True), text
    assert installed(environment) == BASE
