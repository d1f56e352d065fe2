"""Stages of a Dockerfile, what one takes from another, and scripts that find their own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.requirements.model import RequirementSet, Section
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.source_files import SourceFiles

FILES = {
    "requirements.txt": "torch==2.5.0\n",
    "lib/needs.txt": "einops\n",
    "lib/setup.py": "",
    "scripts/go.sh": 'HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\ncd "$HERE/.."\n'
    "pip install -r requirements.txt\n",
    "scripts/zero.sh": 'cd "$(dirname "$0")/.." || exit 1\nsource scripts/common.sh\nadd -r requirements.txt\n',
    "scripts/common.sh": 'add() {\n  local out\n  out=$(pip install "$@" 2>&1) || exit 1\n}\n',
    "pixi.lock": "environments:\n  default:\n    packages:\n      linux-64:\n"
    "      - pypi: https://example.org/torch-2.5.0-cp310-cp310-linux_x86_64.whl\n",
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / ".git").mkdir()
    return tmp_path


def read(context: Path, text: str, name: str = "Dockerfile") -> list[RequirementSet]:
    path = context / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [
        item for item in read_file(path, files=SourceFiles(is_lenient=True)).sets if item.section is not Section.BASE
    ]


# Dockerfiles after which `torch==2.5.0` of the context's list is installed, by what is peculiar to them.
SAME = {
    "folder-of-a-stage": "FROM a AS files\nCOPY . /src\n"
    "FROM b\nCOPY --from=files /src/ /app/\nRUN pip install -r /app/requirements.txt",
    "folder-below": "FROM a AS files\nCOPY . /src/all\n"
    "FROM b\nCOPY --from=files /src /app\nRUN pip install -r /app/all/requirements.txt",
    "file-into-a-folder": "FROM a AS f\nCOPY . /s\n"
    "FROM b\nCOPY --from=f /s/requirements.txt /o/\nRUN pip install -r /o/requirements.txt",
    "renamed": "FROM a AS f\nCOPY . /s\nFROM b\nCOPY --from=f /s/requirements.txt /o.txt\nRUN pip install -r /o.txt",
    "stage-by-number": "FROM a AS named\nCOPY . /s\n"
    "FROM b\nCOPY --from=0 /s /s\nRUN pip install -r /s/requirements.txt",
    "stage-in-capitals": "FROM a AS Files\nCOPY . /s\n"
    "FROM b\nCOPY --from=files /s /s\nRUN pip install -r /s/requirements.txt",
    "stage-of-a-stage": "FROM a AS x\nCOPY . /s\nFROM x AS y\n"
    "FROM b\nCOPY --link --from=y /s /s\nRUN pip install -r /s/requirements.txt",
    "two-steps": "FROM a AS x\nCOPY . /s\n"
    "FROM b AS y\nCOPY --from=x /s /t\nFROM c\nCOPY --from=y /t /u\nRUN pip install -r /u/requirements.txt",
    "onbuild": "ARG NEW=\nFROM scratch AS src_copy\nONBUILD COPY . /s\nFROM alpine AS src_no_copy\n"
    "FROM src_${NEW:+no_}copy AS src\n"
    "FROM b\nCOPY --from=src /s/ /s\nRUN pip install -r /s/requirements.txt",
    "mount-of-a-stage": "FROM a AS x\nCOPY . /s\n"
    "FROM b\nRUN --mount=type=bind,from=x,source=/s,target=/m pip install -r /m/requirements.txt",
    "written-in-a-stage": "FROM a AS x\nRUN mkdir -p /s && echo 'torch==2.5.0' > /s/own.txt\n"
    "FROM b\nCOPY --from=x /s /t\n"
    "RUN pip install -r /t/own.txt",
    "edited-afterwards": "FROM a AS x\nCOPY . /s\n"
    "FROM b\nCOPY --from=x /s /t\nWORKDIR /t\nRUN sed -i 's/$/ /' requirements.txt\n"
    "RUN pip install -r requirements.txt",
    "named-by-an-argument": "ARG WHICH=x\nFROM a AS x\nCOPY . /s\n"
    "FROM b\nARG WHICH\nCOPY --from=${WHICH} /s /t\nRUN pip install -r /t/requirements.txt",
    "script-finds-its-folder": "FROM a\nCOPY . /w\nWORKDIR /w\nRUN bash scripts/go.sh",
    "script-by-its-name": "FROM a\nCOPY . /w\nRUN chmod +x /w/scripts/zero.sh && /w/scripts/zero.sh",
    "dirname-of-a-name": 'FROM a\nCOPY . /w\n'
    'RUN F=/w/lib/needs.txt; pip install -r "$(dirname "$F")/../requirements.txt"',
}  # fmt: skip


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_what_another_stage_has_is_found(context: Path, text: str) -> None:
    sets = read(context, text)
    assert [entry.display for item in sets for entry in item.entries] == ["torch==2.5.0"]
    assert not any(item.unresolved for item in sets)


def test_a_project_of_another_stage_is_the_context_s(context: Path) -> None:
    text = "FROM a AS x\nCOPY lib /src/lib\nFROM b\nCOPY --from=x /src /src\nRUN pip install /src/lib"
    assert [entry.link for item in read(context, text) for entry in item.entries] == [str(context / "lib")]


def test_what_no_stage_has_is_not_known(context: Path) -> None:
    for text in (
        "FROM b\nCOPY --from=vendor/image:1 /s /s\nRUN pip install -r /s/requirements.txt",
        "FROM a AS x\nCOPY lib /s\nFROM b\nCOPY --from=x /s /s\nRUN pip install -r /s/requirements.txt",
    ):
        (found,) = read(context, text)
        assert found.unresolved


EXTRAS = {
    "two": ('A="o,r"; pip install -e .[$A,$B]', ("o", "r", "v")),
    "one": ("pip install .[x,$B]", ("v", "x")),
    "empty": ('A=""; pip install ".[x,$A]"', ("x",)),
    "quoted": ('A=y; pip install ".[${A},$B]"', ("v", "y")),
}


@pytest.mark.parametrize(("command", "extras"), EXTRAS.values(), ids=EXTRAS)
def test_extras_in_variables(context: Path, command: str, extras: tuple[str, ...]) -> None:
    (found,) = read(context, f"FROM a\nARG B=v\nCOPY . /w\nWORKDIR /w/lib\nRUN {command}\n")
    assert [tuple(filter(None, sorted(entry.extras))) for entry in found.entries] == [extras]
    assert not found.unresolved


def test_a_dockerfile_far_below_is_built_where_the_project_is(context: Path) -> None:
    text = "FROM a\nCOPY . /w\nCOPY made/by-ci /etc/\nWORKDIR /w\nRUN pip install -r requirements.txt"
    for number, rows in enumerate((text, text.replace("COPY made/by-ci /etc/\n", ""))):
        (found,) = read(context, rows, "docker/plain/Dockerfile")
        assert [entry.display for entry in found.entries] == ["torch==2.5.0"]
        if number == 0:
            (context / ".git").rmdir()


@pytest.mark.parametrize("command", ["install --locked", "run train", "shell-hook -e default > /hook.sh"])
def test_pixi_installs_what_its_lock_names(context: Path, command: str) -> None:
    sets = read(context, f"FROM a\nCOPY . /w\nWORKDIR /w\nRUN pixi {command}")
    assert [entry.display for item in sets for entry in item.entries] == ["torch==2.5.0"]
    (missing,) = read(context, f"FROM a\nRUN pixi {command}")
    assert "pixi.lock" in missing.unresolved[0]


WRITTEN = {
    "after-and": "cd /w && echo 'torch==2.5.0' > own.txt && pip install -r own.txt",
    "appended": "true && echo tqdm >/w/own.txt && printf 'torch==2.5.0\\n' >> /w/own.txt && pip install -r /w/own.txt",
    "after-or": "test -f /w/own.txt || echo 'torch==2.5.0' > /w/own.txt; pip install -r /w/own.txt",
    "in-a-pipe": "cd /w && cat requirements.txt | grep torch > own.txt && pip install -r own.txt",
    "by-tee": "cd /w && echo 'torch==2.5.0' | tee own.txt > /dev/null && pip install -r own.txt",
    "here-document": "cd /w && cat <<X > own.txt && pip install -r own.txt\ntorch==2.5.0\nX",
    "block": "cd /w && { echo tqdm; echo 'torch==2.5.0'; } > own.txt; pip install -r own.txt",
}


@pytest.mark.parametrize("command", WRITTEN.values(), ids=WRITTEN)
def test_a_file_that_the_last_of_several_commands_writes(context: Path, command: str) -> None:
    head = "FROM a\nCOPY . /w\n"
    run = f"RUN <<END\n{command}\nEND\n" if "<<" in command else f"RUN {command}\n"
    (found,) = read(context, head + run)
    assert found.entries[-1].display == "torch==2.5.0"
    assert not found.unresolved
