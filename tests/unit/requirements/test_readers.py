"""Every kind of dependency file is read as the tools that own it read it, and bad ones name the file and the line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from envtool.errors import RequirementsError
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.requirements.find_files import find_dependency_files
from envtool.requirements.model import DeclaredRequirement, DependencyFile, InstallOptions, Role, SourceLocation
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.install_command import read_command
from envtool.requirements.target import Target
from envtool.requirements.text_file import MAX_BYTES
from envtool.requirements.uv_options import Installer, format_options, format_strategy


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def asked(file: DependencyFile, number: int = 0) -> list[str]:
    return [entry.display for entry in file.sets[number].entries]


def labels(file: DependencyFile) -> list[str]:
    return [item.label for item in file.sets]


def test_requirements_in_all_their_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANTED", "six")
    monkeypatch.delenv("UNSET", raising=False)
    written(tmp_path, "base/more.txt", "numpy>=1\n-c ../limits.txt\n")
    written(tmp_path, "limits.txt", "torch==1.7.1+cu110.moreh22.8.0\n")
    written(tmp_path, "project/pyproject.toml", '[project]\nname = "My.Project"\nversion = "1"\n')
    path = written(
        tmp_path,
        "requirements.txt",
        "\ufeff# a comment\n"
        "--index-url https://one.example/simple\n"
        "--extra-index-url https://two.example/simple\n"
        "-f ./wheels\n"
        "--pre\n"
        "-r base/more.txt\n"
        "-e ./project[extra]\n"
        'torch==2.1.0 ; python_version >= "3.8" \\\n'
        "    --hash=sha256:aaaa \\\n"
        "    --hash=sha256:bbbb\n"
        "./wheels/thing-1.0-py3-none-any.whl\n"
        "other[a,b] @ https://example.org/other-2.tar.gz\n"
        "${WANTED}==1.16  # why\n"
        'settings --config-settings="x=y"\n'
        "git+https://example.org/a.git@v1#egg=From_Git\n"
        "close@git+https://example.org/b.git@main\n",
    )
    file = read_file(path)
    entries = {entry.name: entry for entry in file.sets[0].entries}
    assert set(entries) == {"numpy", "torch", "my-project", "thing", "other", "six", "settings", "from-git", "close"}
    torches = [entry for entry in file.sets[0].entries if entry.name == "torch"]
    constraint, required = sorted(torches, key=lambda entry: entry.role is Role.REQUIREMENT)
    assert constraint.role is Role.CONSTRAINT
    assert str(constraint.specifier) == "==1.7.1+cu110.moreh22.8.0"
    assert required.hashes == ("sha256:aaaa", "sha256:bbbb")
    assert (required.location.line, str(required.marker)) == (8, 'python_version >= "3.8"')
    assert required.source_text.count("\n") == 2
    assert entries["numpy"].location.path.name == "more.txt"
    assert entries["close"].link == "git+https://example.org/b.git@main"
    assert entries["my-project"].editable
    assert entries["my-project"].link == str(tmp_path / "project")
    assert entries["my-project"].extras == ("extra",)
    assert str(entries["thing"].specifier) == "==1.0"
    assert entries["other"].extras == ("a", "b")
    assert entries["six"].location.line == 13
    options = file.sets[0].options
    assert options.index_url == "https://one.example/simple"
    assert options.extra_index_urls == ("https://two.example/simple",)
    assert options.find_links == (str(tmp_path / "wheels"),)
    assert options.pre


def test_credentials_in_an_address_are_used_and_not_shown(tmp_path: Path) -> None:
    text = "x @ https://me:secret@example.org/x-1-py3-none-any.whl\n"
    entry = read_file(written(tmp_path, "requirements.txt", text)).sets[0].entries[0]
    assert "secret" not in entry.display
    assert "me:secret@example.org" in entry.format_line()


def test_line_of_a_requirements_file_gives_the_entry_back(tmp_path: Path) -> None:
    for line in (
        "torch>=1.5,<2",
        'a[b,c]==1 ; python_version >= "3.8"',
        "x==1 --hash=sha256:00",
        "y @ https://example.org/y-1-py3-none-any.whl",
    ):
        first = read_file(written(tmp_path, "requirements.txt", line + "\n")).sets[0].entries[0]
        again = read_file(written(tmp_path, "requirements.txt", first.format_line() + "\n")).sets[0].entries[0]
        assert (first.display, first.hashes, str(first.marker)) == (again.display, again.hashes, str(again.marker))


PYPROJECT = """
[project]
name = "sample"
dependencies = [
  "torch>=2.0",  # why
  "accelerate",
]
[project.optional-dependencies]
dev = ["pytest", "sample[vision]"]
vision = ["timm"]
[dependency-groups]
test = ["coverage", {include-group = "lint"}]
lint = ["ruff"]
[tool.uv]
constraint-dependencies = ["numpy<2"]
[[tool.uv.index]]
url = "https://one.example/simple"
default = true
[[tool.uv.index]]
url = "https://hidden.example/simple"
explicit = true
"""


def test_pyproject_of_the_standards_and_uv(tmp_path: Path) -> None:
    file = read_file(written(tmp_path, "pyproject.toml", PYPROJECT))
    assert labels(file) == ["", "extra dev", "extra vision", "group test", "group lint"]
    assert asked(file) == ["torch>=2.0", "accelerate"]
    assert [entry.display for entry in file.sets[0].as_uv_reads_it().entries] == ["torch>=2.0", "accelerate", "numpy<2"]
    assert asked(file, 1) == ["torch>=2.0", "accelerate", "pytest", "timm"]
    assert asked(file, 3) == ["coverage", "ruff"]
    assert [entry.location.line for entry in file.sets[0].entries][:2] == [5, 6]
    assert file.sets[0].as_uv_reads_it().entries[-1].role is Role.CONSTRAINT
    assert file.sets[0].options.index_url is None
    assert file.sets[0].as_uv_reads_it().options.index_url == "https://one.example/simple"
    assert file.sets[0].as_uv_reads_it().options.extra_index_urls == ()


def test_what_bears_on_uvs_choice_and_not_on_pips(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\nversion = "1"\ndependencies = ["torch>=2"]\n[tool.uv]\n'
    text += 'exclude-newer = "2023-06-01T00:00:00Z"\nexclude-newer-package = { numpy = "2022-01-01" }\n'
    text += 'resolution = "highest"\nprerelease = "allow"\n[tool.uv.pip]\nresolution = "lowest-direct"\n'
    (wanted, *_others) = read_file(written(tmp_path, "pyproject.toml", text)).sets
    assert (wanted.options.choice, wanted.options.pre) == ((), False)
    words = format_options(wanted.as_uv_reads_it().options, Installer.UV)
    assert set(words) >= {
        "--exclude-newer=2023-06-01T00:00:00Z",
        "--exclude-newer-package=numpy=2022-01-01",
        "--resolution=lowest-direct",
        "--prerelease",
    }


def test_a_group_that_names_its_own_project(tmp_path: Path) -> None:
    text = '[project]\nname = "My.Thing"\nversion = "1"\ndependencies = ["tqdm"]\n[project.optional-dependencies]\n'
    text += 'all = ["my-thing[fast]", "b"]\nfast = ["torch>=2"]\n[dependency-groups]\ntest = ["c", "my-thing[all]"]\n'
    file = read_file(written(tmp_path, "pyproject.toml", text))
    assert asked(file, 3) == ["c", "tqdm", "torch>=2", "b"]


def test_pyproject_of_poetry(tmp_path: Path) -> None:
    text = """
[tool.poetry.dependencies]
python = "^3.8"
torch = "^2.1"
timm = {version = "~1.0", extras = ["x"], optional = true, markers = "sys_platform == 'linux'"}
[tool.poetry.group.dev.dependencies]
pytest = "*"
[[tool.poetry.source]]
url = "https://one.example/simple"
"""
    file = read_file(written(tmp_path, "pyproject.toml", text))
    assert labels(file) == ["tool.poetry", "group dev"]
    first, second = file.sets[0].entries
    assert (first.display, first.location.line) == ("torch<3.0,>=2.1", 4)
    assert (second.display, str(second.marker)) == ("timm[x]<1.1,>=1.0", 'sys_platform == "linux"')
    assert file.sets[0].options.extra_index_urls == ("https://one.example/simple",)


def test_locks_are_read_as_all_there_is(tmp_path: Path) -> None:
    uv_lock = """version = 1
requires-python = ">=3.8"
[[package]]
name = "sample"
version = "0.1"
source = { virtual = "." }
dependencies = [{ name = "torch" }, { name = "old", marker = "python_full_version < '3.9'" }]
[[package]]
name = "torch"
version = "2.13.0"
source = { registry = "https://one.example/simple" }
[[package]]
name = "old"
version = "1.0"
source = { registry = "https://one.example/simple" }
"""
    poetry_lock = """
[[package]]
name = "torch"
version = "2.1.0"
optional = false
python-versions = ">=3.8"
markers = "python_version >= '3.8'"
[metadata]
lock-version = "2.1"
"""
    pylock = """lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "torch"
version = "2.1.0"
wheels = [{ name = "torch-2.1.0-py3-none-any.whl", url = "https://one.example/torch-2.1.0-py3-none-any.whl", \
hashes = { sha256 = "aa" } }]
"""
    pipfile_lock = json.dumps(
        {"_meta": {}, "default": {"torch": {"version": "==2.1.0", "markers": "python_version >= '3.8'"}}, "develop": {}}
    )
    expected = {"uv.lock": uv_lock, "poetry.lock": poetry_lock, "pylock.toml": pylock, "Pipfile.lock": pipfile_lock}
    for name, text in expected.items():
        file = read_file(written(tmp_path, name, text))
        assert file.not_rewritable, name
        assert all(item.locked for item in file.sets), name
        torch = next(entry for entry in file.sets[0].entries if entry.name == "torch")
        assert str(torch.specifier).startswith("==2."), name
        assert "torch" in (tmp_path / name).read_text().splitlines()[torch.location.line - 1], name
    old = read_file(tmp_path / "uv.lock").sets[0].entries[1]
    assert "python_full_version" in str(old.marker)


def test_pipfile_setup_cfg_and_conda(tmp_path: Path) -> None:
    pipfile = '[[source]]\nurl = "https://one.example/simple"\n[packages]\ntorch = ">=2"\n'
    pipfile += 'timm = {version = "==1.0.9", markers = "python_version > \'3.7\'"}\n[dev-packages]\npytest = "*"\n'
    file = read_file(written(tmp_path, "Pipfile", pipfile))
    assert labels(file) == ["", "dev-packages"]
    assert asked(file) == ["torch>=2", "timm==1.0.9"]
    assert file.sets[0].options.index_url == "https://one.example/simple"

    setup = (
        "[options]\ninstall_requires =\n    torch>=2\n    # a comment\n    numpy\n[options.extras_require]\nx = timm\n"
    )
    file = read_file(written(tmp_path, "setup.cfg", setup))
    assert (labels(file), asked(file), asked(file, 1)) == (
        ["", "extra x"],
        ["torch>=2", "numpy"],
        ["torch>=2", "numpy", "timm"],
    )
    assert file.sets[0].entries[1].location.line == 5

    written(tmp_path, "more.txt", "einops\n")
    conda = "name: a\ndependencies:\n  - pytorch::pytorch=2.1\n  - pip:\n"
    conda += "    - torch>=2  # c\n    - -r more.txt\n    - --pre\n"
    file = read_file(written(tmp_path, "environment.yml", conda))
    entries = file.sets[0].entries
    assert [(entry.name, entry.role, entry.location.line) for entry in entries] == [
        ("pytorch", Role.CONDA, 3),
        ("torch", Role.REQUIREMENT, 5),
        ("einops", Role.REQUIREMENT, 1),
    ]
    assert file.sets[0].options.pre


DOCKERFILE = """FROM hac-base
ARG VERSION=2.1.0
ENV EXTRA=timm
COPY deps/requirements.txt /tmp/
RUN --mount=type=cache,target=/root/.cache \\
    pip install -r /tmp/requirements.txt "torch==${VERSION}" && \\
    uv pip install --system -U $EXTRA 2>/dev/null
RUN <<EOF
set -e
python3 -m pip install --no-deps xformers
EOF
RUN ["pip", "install", "lightning"]
RUN conda install -y -c pytorch pytorch torchvision && conda clean -a
RUN uv sync --frozen
RUN apt-get install -y git
RUN pip install -r /nowhere/missing.txt
RUN echo 'pip install torch'
"""


def test_dockerfile(tmp_path: Path) -> None:
    written(tmp_path, "deps/requirements.txt", "accelerate\n")
    file = read_file(written(tmp_path, "Dockerfile", DOCKERFILE))
    rows = [(item.instruction.tool, item.instruction.location.line) for item in file.sets if item.instruction]
    assert rows == [("pip", 5), ("uv", 5), ("pip", 8), ("pip", 12), ("conda", 13), ("uv", 14), ("pip", 16)]
    assert asked(file) == ["torch==2.1.0", "accelerate"]
    assert asked(file, 1) == ["timm"]
    assert file.sets[1].options.upgrade
    assert file.sets[2].options.no_deps
    assert asked(file, 3) == ["lightning"]
    assert [entry.name for entry in file.sets[4].entries] == ["pytorch", "torchvision"]
    assert file.sets[5].instruction is not None
    assert file.sets[5].instruction.exact
    assert file.sets[6].unresolved == ("/nowhere/missing.txt is not in the build context",)


def test_lists_of_conda_by_any_name(tmp_path: Path) -> None:
    lists = {
        "requirements.txt": "# This file may be used to create an environment using:\n# platform: linux-64\n"
        "numpy=1.21.2=py38h20f2e39_0\npytorch=1.7.1=py3.8_cuda11.0\ntimm=0.4.12=pypi_0\n",
        "spec-file.txt": "# platform: linux-64\n@EXPLICIT\n"
        "https://conda.example/main/linux-64/numpy-1.21.2-py38h20f2e39_0.conda#0123\n"
        "https://conda.example/pytorch/linux-64/pytorch-1.7.1-py3.8_cuda11.0.tar.bz2\n",
        "packages.txt": "# packages in environment at /opt/conda:\n#\n# Name  Version  Build  Channel\n"
        "numpy    1.21.2    py38h20f2e39_0\npytorch    1.7.1    py3.8_cuda11.0    pytorch\n"
        "timm    0.4.12    pypi_0    pypi\n",
        "short.txt": "numpy=1.21\npytorch=1.7.1\n",
    }
    for name, text in lists.items():
        entries = read_file(written(tmp_path, name, text)).sets[0].entries
        conda = [(entry.name, entry.role) for entry in entries if entry.role is Role.CONDA]
        assert conda == [("numpy", Role.CONDA), ("pytorch", Role.CONDA)], name
        pip = [entry.display for entry in entries if entry.role is Role.REQUIREMENT]
        assert pip == (["timm==0.4.12"] if "timm" in text else []), name
    assert read_file(written(tmp_path, "plain.txt", "numpy==1.21\ntimm\n")).kind == "requirements.txt"


def test_local_labels_in_ranges_of_poetry(tmp_path: Path) -> None:
    text = '[tool.poetry.dependencies]\ntorch = "^2.3+cu121"\ntimm = {version = "2.0+cpu"}\n'
    file = read_file(written(tmp_path, "pyproject.toml", text))
    assert asked(file) == ["torch<3.0,>=2.3", "timm==2.0+cpu"]


PYLOCK = """
lock-version = "1.0"
created-by = "a tool"
extras = ["serve"]
dependency-groups = ["default", "dev"]
default-groups = ["default"]
[[packages]]
name = "base"
version = "1"
marker = "'default' in dependency_groups and python_version > '3'"
[[packages.wheels]]
url = "https://host/base-1-py3-none-any.whl"
hashes = {sha256 = "00"}
[[packages]]
name = "web"
version = "2"
marker = '"default" in dependency_groups and "serve" in extras'
[[packages.wheels]]
url = "https://host/web-2-py3-none-any.whl"
hashes = {sha256 = "00"}
[[packages]]
name = "linter"
version = "3"
marker = '"dev" in dependency_groups'
[[packages.wheels]]
url = "https://host/linter-3-py3-none-any.whl"
hashes = {sha256 = "00"}
[[packages]]
name = "plain"
version = "4"
marker = '"serve" not in extras'
[[packages.wheels]]
url = "https://host/plain-4-py3-none-any.whl"
hashes = {sha256 = "00"}
"""


def applicable(entries: Iterable[DeclaredRequirement]) -> list[str]:
    pin = VendorPin((PinnedDistribution(name="torch", version="2.1.0+moreh25.1.202"),), PinOrigin.GIVEN)
    target = Target(pin=pin, python="3.10.13")
    return [entry.display for entry in entries if target.is_applicable(entry)]


def test_extras_and_groups_of_a_pylock(tmp_path: Path) -> None:
    path = written(tmp_path, "pylock.toml", PYLOCK)
    file = read_file(path)
    assert labels(file) == ["", "extra serve", "group dev"]
    found = [applicable(item.entries) for item in file.sets]
    assert found == [["base==1", "plain==4"], ["base==1", "web==2"], ["linter==3", "plain==4"]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["-r", "pylock.toml"], ["base==1", "plain==4"]),
        (["-r", "pylock.toml[serve]"], ["base==1", "plain==4", "web==2"]),
        (["--group", "pylock.toml:dev"], ["linter==3", "plain==4"]),
    ],
)
def test_pip_takes_a_pylock_with_extras_and_groups(tmp_path: Path, words: list[str], found: list[str]) -> None:
    written(tmp_path, "pylock.toml", PYLOCK)
    command = read_command(words, SourceLocation(tmp_path / "command", 1))
    assert command.unknown == ()
    assert sorted(set(applicable(command.entries))) == found


def test_markers_that_only_a_lock_may_have_hold_nowhere_else(tmp_path: Path) -> None:
    file = read_file(written(tmp_path, "requirements.txt", "base ; 'dev' in dependency_groups\nother\n"))
    assert applicable(file.sets[0].entries) == ["other"]


def test_what_bears_on_the_choice_is_kept_in_uvs_words(tmp_path: Path) -> None:
    words = ["base", "--uploaded-prior-to", "2024-01-01", "--torch-backend=cpu", "--index-strategy", "first-index"]
    options = read_command(words, SourceLocation(tmp_path / "command", 1)).options
    assert sorted(options.choice) == [
        "--exclude-newer=2024-01-01",
        "--index-strategy=first-index",
        "--torch-backend=cpu",
    ]
    below = InstallOptions(choice=("--exclude-newer=P3D",), extra_index_urls=("https://host",))
    merged = format_options(options.merge_over(below), Installer.PIP)
    assert "--exclude-newer=P3D" not in merged
    assert format_strategy(options.merge_over(below), Installer.PIP) == []


def test_lock_of_pdm(tmp_path: Path) -> None:
    text = '[metadata]\nlock_version = "4.5.0"\n[[package]]\nname = "torch"\nversion = "2.1.0"\n'
    text += 'marker = "python_version >= \'3.8\'"\n[[package]]\nname = "tqdm"\nversion = "4.66.1"\n'
    file = read_file(written(tmp_path, "pdm.lock", text))
    assert asked(file) == ["torch==2.1.0", "tqdm==4.66.1"]
    assert file.sets[0].locked


def test_a_folder_is_searched_as_a_person_would(tmp_path: Path) -> None:
    texts = {
        "requirements.txt": "tqdm\n",
        "requirements-dev.txt": "!!broken\n",
        "wanted.txt": "tqdm>=4 ; python_version > '3'  # why\n-r requirements.txt\n",
        "requirements/base.in": "tqdm\n",
        "docker/train.Dockerfile": "FROM x\n",
        "Dockerfile.gpu": "FROM x\n",
        "pyproject.toml": "[project]\n",
        "conda/gpu.yaml": "name: x\ndependencies:\n  # first\n  - python=3.8\n",
        "MANIFEST.in": "include README.md\n",
        "LICENSE.txt": "MIT\n",
        "labels.txt": "cat\ndog\n",
        "notes.txt": "this is no list of requirements\n",
        "ids.txt": "1\n2\n",
        "API_FLAGS.txt": "--serve\n--port 80 \\\n",
        ".pre-commit-config.yaml": "repos: []\n",
        "docker-compose.yml": "services: {}\n",
        "mkdocs.yml": "site_name: x\n",
        "pack.yml": "dependencies:\n  a/b: 1\n",
        "Dockerfile.dockerignore": "*\n",
        "src/requirements.txt": "tqdm\n",
        "env/pyvenv.cfg": "home = /usr\n",
        "env/requirements.txt": "tqdm\n",
    }
    for name, text in texts.items():
        written(tmp_path, name, text)
    found = {path.relative_to(tmp_path).as_posix() for path in find_dependency_files(tmp_path)}
    assert found == set(list(texts)[:8])


BAD: dict[str, tuple[str | bytes, str]] = {
    "requirements.txt": ("torch==1\n!!bad\n", ":2"),
    "unclosed.txt": ("-r nowhere.txt\n", ":1"),
    "options.txt": ("six\n--frobnicate\n", ":2"),
    "remote.txt": ("-r https://example.org/requirements.txt\n", ":1"),
    "pyproject.toml": ("[project\n", "line 1"),
    "pylock.toml": ('lock-version = "1.0"\n', "pylock"),
    "pylock.old.toml": ("# exported\n-e .\nsix==1.17 \\\n    --hash=sha256:00\n", "pylock.old.txt"),
    "uv.lock": ("[[package]]\n", "uv.lock"),
    "poetry.lock": ("[metadata]\n", "poetry.lock"),
    "Pipfile": ("[package\n", "Pipfile"),
    "Pipfile.lock": ("{", "Pipfile.lock"),
    "setup.cfg": ("no section\n", "setup.cfg"),
    "environment.yml": ("dependencies: [a\n", ":"),
    "Dockerfile": ("RUN pip install torch\n", "FROM"),
    "binary.txt": (b"\x7fELF\x00\x01\xff\xfe", ":1"),
    "mojibake.txt": (b"six\n\xff\xfe\xfa\n", ":2"),
    "huge.txt": (b"#" * (MAX_BYTES + 1), "8 MiB"),
    "strange.conf": ("torch\n", "strange.conf"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_names_file_and_line(tmp_path: Path, name: str) -> None:
    text, expected = BAD[name]
    path = written(tmp_path, name, text)
    with pytest.raises(RequirementsError) as error:
        read_file(path)
    assert expected in error.value.render()
    assert str(path) in error.value.render()


def test_files_that_include_each_other_are_told_with_the_circle(tmp_path: Path) -> None:
    written(tmp_path, "b.txt", "-r a.txt\n")
    with pytest.raises(RequirementsError, match=r"includes itself") as error:
        read_file(written(tmp_path, "a.txt", "-r b.txt\n"))
    assert error.value.why == "a.txt → b.txt → a.txt"
    groups = '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n'
    with pytest.raises(RequirementsError, match="dependency group"):
        read_file(written(tmp_path, "pyproject.toml", groups))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(RequirementsError, match="does not exist"):
        read_file(tmp_path / "requirements.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(RequirementsError, match="cannot be read"):
        read_file(tmp_path / "folder.txt")
