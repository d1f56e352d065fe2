"""What RUN instructions install, as a shell would run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.requirements.model import RequirementSet, Role
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.source_files import SourceFiles

FILES = {
    "requirements.txt": "tqdm\ntorch==1.0\n",
    "version": "2.4.0\n",
    "pyproject.toml": '[project]\nname = "sample"\nversion = "1"\ndependencies = ["tqdm"]\n'
    '[project.optional-dependencies]\nfast = ["a"]\nwide = ["b"]\n[dependency-groups]\nlint = ["c"]\n',
    "built/pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndynamic = ["dependencies"]\n',
    "scripts/add.sh": '#!/bin/bash\nset -e\npip install "$1"\n',
    "harmless.sh": "apt-get update\nmkdir -p /data\n",
    "Makefile": "V = 2.5.0\nsetup: base\n\tpip install torch==$(V)\nbase:\n\t@pip install tqdm\nclean:\n\trm -rf b\n",
    "fetch.py": "import urllib.request\n",
    "grow.py": "import subprocess\nsubprocess.run(['pip', 'install', 'torch'])\n",
    "uv.lock": 'version = 1\n[[package]]\nname = "tqdm"\nversion = "4"\nsource = { registry = "https://x.example" }\n',
}


def read(tmp_path: Path, run: str, base: str = "hac-base") -> list[RequirementSet]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {base}\nARG CHOSEN=2.3.0\nARG UNSET\nWORKDIR /app\nCOPY . .\n{run}\n")
    return list(read_file(dockerfile, files=SourceFiles(is_lenient=True)).sets)


INSTALLS = {
    "comment": ("RUN pip install tqdm   # comment", ["tqdm"]),
    "option with an option": ('RUN pip install --config-settings "--build-option=--x" tqdm', ["tqdm"]),
    "option twice": ('RUN pip install -v --global-option="--x" tqdm', ["tqdm"]),
    "backticks": ("RUN pip install torch==`cat version`", ["torch==2.4.0"]),
    "argument": ('RUN pip install "torch==${CHOSEN}"', ["torch==2.3.0"]),
    "default": ("RUN pip install torch==${OTHER:-1.9}", ["torch==1.9"]),
    "process substitution": ("RUN pip install -r <(sed '/^torch/d' requirements.txt)", ["tqdm"]),
    "shell in a shell": ('RUN bash -lc "pip install a && pip install b"', ["a", "b"]),
    "exec form": ('RUN ["/bin/bash", "-c", "pip install a"]', ["a"]),
    "sudo": ("RUN sudo -H pip3 install a && sudo -u someone pip install b", ["a", "b"]),
    "conda run": ("RUN conda run --no-capture-output -n pytorch pip install a", ["a"]),
    "xargs": ("RUN echo a b | xargs -n 1 pip install", ["a b"]),
    "module of uv": ("RUN python3 -m uv pip install --system a", ["a"]),
    "env": ("RUN env X=1 -u Y pip install a", ["a"]),
    "export": ("RUN export X='a b' && pip install $X", ["a b"]),
    "loop": ("RUN for p in a b; do pip install $p; done", ["a", "b"]),
    "function": ('RUN add() { pip install --no-cache-dir "$@"; }; add a b', ["a b"]),
    "condition": ('RUN if [ -n "$X" ]; then pip install a; else pip install b; fi', ["a", "b"]),
    "array": ('RUN L=(a b); pip install "${L[@]}"', ["a b"]),
    "appended": (
        "RUN echo torch==9 >> requirements.txt && pip install -r requirements.txt",
        ["tqdm torch==1.0 torch==9"],
    ),
    "edited": (
        "RUN sed -i 's/^torch.*/torch==9/' requirements.txt\nRUN pip install -r requirements.txt",
        ["tqdm torch==9"],
    ),
    "filtered": ("RUN grep -v '^torch' requirements.txt > /tmp/r && pip install -r /tmp/r", ["tqdm"]),
    "piped, and more": ("RUN cat requirements.txt | grep -v torch | pip install -r /dev/stdin && pip list", ["tqdm"]),
    "piped": ("RUN grep -v '^torch' requirements.txt | pip install -r /dev/stdin", ["tqdm"]),
    "written": ("RUN printf 'a\\nb==%s\\n' 1 > /tmp/r; pip install -r /tmp/r", ["a b==1"]),
    "here-document": ("RUN <<EOF\nset -e\npip install \\\n  a\nEOF\nRUN pip install b", ["a", "b"]),
    "here-document to a file": ("RUN cat > /r <<'E' && pip install -r /r\na\nE", ["a"]),
    "copied here-document": ("COPY <<EOF /r.txt\na\nEOF\nRUN pip install -r /r.txt", ["a"]),
    "script": ("RUN scripts/add.sh a && bash ./scripts/add.sh b && sh /app/scripts/add.sh c", ["a", "b", "c"]),
    "make": ("RUN make setup", ["tqdm", "torch==2.5.0"]),
    "make of something else": ("RUN make clean", []),
    "mounted": (
        "RUN --mount=type=bind,source=requirements.txt,target=/m/r.txt pip install -r /m/r.txt",
        ["tqdm torch==1.0"],
    ),
    "extras and groups of a project": (
        "RUN uv pip install -r pyproject.toml --extra fast --group lint && uv pip install --group pyproject.toml:lint",
        ["tqdm a c", "c"],
    ),
    "all extras": ("RUN uv pip install -r pyproject.toml --all-extras", ["tqdm a b"]),
    "cloned": (
        "RUN git clone --depth 1 -b v2 https://x.example/y.git && cd y && pip install -e '.[fast]'",
        ["git+https://x.example/y.git@v2[fast]"],
    ),
    "cloned into the home, another commit, a folder in it": (
        "RUN git clone git@x.example:y/z ~/z && git -C ~/z checkout -q 1a2b\nRUN pip install ~/z/python",
        ["git+ssh://***@x.example/y/z@1a2b#subdirectory=python"],
    ),
    "cloned, and the folder by its bare name": (
        "RUN git clone --branch=dev https://x.example/y && pip install -e y",
        ["git+https://x.example/y@dev"],
    ),
    "copied alone": ("COPY requirements.txt /srv/\nRUN pip install -r /srv/requirements.txt", ["tqdm torch==1.0"]),
    "copied alone into a folder that is there": (
        "WORKDIR /srv\nCOPY requirements.txt /srv\nRUN pip install -r requirements.txt",
        ["tqdm torch==1.0"],
    ),
    "values that matter to nothing": (
        'RUN pip install --cache-dir "$UNSET" --proxy=$UNSET --trusted-host $(hostname) --timeout `cat t` a'
        " && pip install --default-timeout=1000 b",
        ["a", "b"],
    ),
    "by the name of a collection of projects": ('RUN mim install -U "mmcv>=2.0.0"', ["mmcv>=2.0.0"]),
    "the environment that is in front": (
        "RUN uv pip install --python $(which python3) a && uv pip install --python=`which python` b"
        " && uv pip install --prefix \"$(python -c 'import sys; print(sys.prefix)')\" c"
        " && uv pip install -p $VIRTUAL_ENV d",
        ["a", "b", "c", "d"],
    ),
    "folder": ("RUN cd /app/scripts && pip install -r ../requirements.txt", ["tqdm torch==1.0"]),
    "on build": ("ONBUILD RUN pip install a", ["a"]),
    "su": ("RUN su someone -c 'pip install a'", ["a"]),
    "name of a here-document first": ("RUN <<EOF bash -ex\npip install a\nEOF", ["a"]),
    "timeout and nice": ("RUN timeout -k 5 60 nice -n 5 pip install a", ["a"]),
    "system programs": (
        "RUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/* && pip list && pip cache purge"
        " && pip install --dry-run torch"
        " && npm install torch && python -c 'import torch' && python fetch.py && bash harmless.sh && pip wheel torch"
        " && curl -LsSf https://astral.sh/uv/install.sh | sh && cd /tmp/x && ./configure && make -j8 && make install"
        " && uv venv && curl https://sh.rustup.rs -sSf | sh -s -- -y --profile minimal && . $HOME/.cargo/env"
        " && python setup.py bdist_wheel && su someone -c 'mkdir /x' && . /opt/vendor/set_env.sh",
        [],
    ),
}


@pytest.mark.parametrize("name", INSTALLS)
def test_what_is_installed(tmp_path: Path, name: str) -> None:
    run, expected = INSTALLS[name]
    sets = read(tmp_path, run)
    assert [" ".join(entry.display for entry in item.entries) for item in sets] == expected
    assert [item.unresolved for item in sets] == [()] * len(expected)


UNKNOWN = {
    "no value": ("RUN pip install a==$UNSET", "a==$UNSET"),
    "index": ("RUN pip install --index-url $UNSET a", "what $UNSET stands for"),
    "interpreter": ("RUN uv pip install --python $UNSET a", "what $UNSET stands for"),
    "output": ("RUN pip install $(python list.py)", "$(python list.py)"),
    "file that is not there": ("RUN pip install -r gone.txt", "gone.txt is not in the build context"),
    "folder that is not there": (
        "RUN curl https://x.example/y.tgz | tar xz && cd y && pip install -e .",
        ". is not in the build context",
    ),
    "script of a network": ("RUN curl -s https://x.example/y.sh | bash", "curl -s https://x.example/y.sh"),
    "script that is not there": ("RUN ./install.sh --all", "./install.sh"),
    "program that may": ("RUN python grow.py", "grow.py"),
    "program not here": ("RUN python other/install_deps.py", "other/install_deps.py"),
    "variable program": ("RUN $TOOL install a", "$TOOL install a"),
    "steps": ("RUN tox -e py3", "tox -e py3"),
    "make elsewhere": ("RUN make -C /elsewhere deps", "make -C /elsewhere deps"),
    "added": ("RUN uv add a", "installs what the project locks as well"),
    "poetry": ("RUN poetry install --no-root", "poetry.lock"),
    "edited by nobody knows what": (
        "RUN python fetch.py > requirements.txt; pip install -r requirements.txt",
        "requirements.txt",
    ),
    "function that calls itself": ("RUN f() { f; f; }; f", "more steps than are followed"),
    "loops in loops": (
        "RUN " + "".join(f"for v{n} in 1 2 3 4 5 6 7 8 9; do " for n in range(6)) + "true; " + "done; " * 6,
        "more steps than are followed",
    ),
    "cloned, at a commit that nobody knows": (
        "RUN git clone https://x.example/y && cd y && git checkout $UNSET && pip install .",
        ". is not in the build context",
    ),
    "project that its build back end describes": ("RUN uv pip install -r built/pyproject.toml", "build back end"),
    "group that is not there": ("RUN pip install --group gone", "no dependency group gone"),
    "option": ("RUN pip install --no-such-option a", "--no-such-option"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_followed_is_told_with_its_words(tmp_path: Path, name: str) -> None:
    run, words = UNKNOWN[name]
    told = [text for item in read(tmp_path, run) for text in (*item.unresolved, *item.unknown_sources)]
    assert any(words in text for text in told), told


CONSTRAINED = {
    "our image": ("RUN pip install a", [True]),
    "emptied for one command": ("RUN PIP_CONSTRAINT= pip install a", [False]),
    "emptied for good": ('ENV PIP_CONSTRAINT=""\nRUN pip install a', [False]),
    "unset": ("RUN unset PIP_CONSTRAINT && pip install a\nRUN pip install b", [False, True]),
    "env -u": ("RUN env -u PIP_CONSTRAINT pip install a", [False]),
    "env -i": ("RUN env -i pip install a", [False]),
    "sudo": ("RUN sudo pip install a && sudo -E pip install b", [False, True]),
    "uv has its own": ("RUN PIP_CONSTRAINT= uv pip install a && UV_CONSTRAINT= uv pip install b", [True, False]),
    "isolated": ("RUN pip --isolated install a", [False]),
    "a subshell": ("RUN (unset PIP_CONSTRAINT; pip install a); pip install b", [False, True]),
}


@pytest.mark.parametrize("name", CONSTRAINED)
def test_who_is_held_to_the_constraints(tmp_path: Path, name: str) -> None:
    run, expected = CONSTRAINED[name]
    assert [item.is_constrained for item in read(tmp_path, run)] == expected
    assert not any(item.is_constrained for item in read(tmp_path, run, base="python:3.10"))


def test_a_removal_and_an_exact_sync(tmp_path: Path) -> None:
    removal, sync, lock = read(tmp_path, "RUN pip uninstall -y torch\nRUN uv pip sync requirements.txt\nRUN uv sync")
    assert [(entry.name, entry.role) for entry in removal.entries] == [("torch", Role.REMOVAL)]
    for item in (sync, lock):
        assert item.locked
        assert item.instruction is not None
        assert item.instruction.exact
    assert [entry.name for entry in lock.entries] == ["tqdm"]


def _lock(name: str, tail: str = "") -> str:
    return f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ registry = "https://x.example" }}\n{tail}'


SELECTED = """version = 1
[[package]]
name = "work"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "tqdm" }]
[package.optional-dependencies]
train = [{ name = "accel", extra = ["gpu"] }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
lint = [{ name = "ruff" }]
"""
SELECTED += _lock("tqdm") + _lock("pytest") + _lock("ruff") + _lock("torch")
SELECTED += _lock("accel", '[package.optional-dependencies]\ngpu = [{ name = "torch" }]\n')
SYNCS = {
    "": ("tqdm pytest", True),
    "--extra train": ("tqdm pytest torch accel", True),
    "--all-extras --no-install-package torch": ("tqdm pytest accel", True),
    "--no-dev --group=lint": ("tqdm ruff", True),
    "--only-group lint": ("ruff", True),
    "--inexact": ("tqdm pytest", False),
    "--all-groups --no-group dev": ("tqdm ruff", True),
    '"$UNSET"': ("tqdm pytest", False),
}


@pytest.mark.parametrize("words", SYNCS)
def test_what_a_sync_of_uv_selects(tmp_path: Path, words: str) -> None:
    (tmp_path / "uv.lock").write_text(SELECTED)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "work"\nversion = "1"\n')
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM hac-base\nARG UNSET\nWORKDIR /app\nCOPY . .\nRUN uv sync --frozen {words}\n")
    (found,) = read_file(dockerfile, files=SourceFiles(is_lenient=True)).sets
    assert found.instruction is not None
    assert (" ".join(entry.name or "" for entry in found.entries), found.instruction.exact) == SYNCS[words]
    assert bool(found.unresolved) == ("$" in words)


def test_a_lock_is_judged_as_it_is_synced_and_with_everything(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(SELECTED)
    named = [{entry.name for entry in item.entries} for item in read_file(tmp_path / "uv.lock").sets]
    assert named == [{"tqdm", "pytest"}, {"tqdm", "pytest", "ruff", "torch", "accel"}]


def test_foreign_base_images(tmp_path: Path) -> None:
    for base in ("nvidia/cuda:12.1.0-devel-ubuntu22.04", "pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime"):
        assert [item.base_image for item in read(tmp_path, "RUN true", base=base)] == [base]
    for base in ("python:3.10-slim", "ubuntu:22.04", "registry.example/team/hac-base-22.8.0-py38:3"):
        assert read(tmp_path, "RUN true", base=base) == []
    # A stage that only builds something is nobody's container.
    assert read(tmp_path, "FROM hac-base\nRUN true", base="nvidia/cuda:12.1.0-devel AS build") == []


def test_the_context_is_found_or_named(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "docker").mkdir()
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps/requirements.txt").write_text("torch==9\n")
    (tmp_path / "docker/requirements.txt").write_text("tqdm\n")
    path = tmp_path / "docker/Dockerfile"
    path.write_text("FROM hac-base\nCOPY deps/requirements.txt /r.txt\nRUN pip install -r /r.txt\n")
    assert [entry.display for entry in read_file(path).sets[0].entries] == ["torch==9"]
    path.write_text("FROM hac-base\nCOPY requirements.txt /r.txt\nRUN pip install -r /r.txt\n")
    assert [entry.display for entry in read_file(path).sets[0].entries] == ["tqdm"]
    (tmp_path / "requirements.txt").write_text("einops\n")
    assert [entry.display for entry in read_file(path).sets[0].entries] == ["einops"]
    named = SourceFiles(context=tmp_path / "docker")
    assert [entry.display for entry in read_file(path, files=named).sets[0].entries] == ["tqdm"]
    (tmp_path / ".dockerignore").write_text("# not these\n*.txt\n!keep.txt\n")
    assert "not in the build context" in read_file(path).sets[0].unresolved[0]


def test_a_configuration_that_is_copied_counts(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://one.example/simple\n")
    path = tmp_path / "Dockerfile"
    path.write_text(
        "FROM hac-base\nRUN pip install a\nCOPY pip.conf /etc/pip.conf\nRUN pip install b\n"
        "ENV PIP_INDEX_URL=https://two.example/simple\nRUN pip install c\n"
    )
    found = [item.options.index_url for item in read_file(path).sets]
    assert found == [None, "https://one.example/simple", "https://two.example/simple"]
