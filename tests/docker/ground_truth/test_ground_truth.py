"""Child images whose torch is known because a container has imported it: what the guard, verify and blame say of each.

All images go into one archive, so that the layers they share are read once. Every seventh case is tried;
HAC_ALL_CASES=1 tries all of them, as the weekly run does.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envtool.cli.render.blame import render_blame_text
from envtool.demo.python_index import make_upstream_torch
from envtool.demo.wheel_writer import write_wheel
from envtool.environment.import_files import condense_interpreter
from envtool.image.blame.installed import select_for_blame
from envtool.image.blame.trace import BlameReport, trace_changes
from envtool.image.read.layer import FileSelector
from envtool.verify.doctor_on_layers import library_spool
from envtool.verify.result import ImageCheck
from envtool.verify.static_checks import run_static_checks, select_for_static_checks
from tests.support.docker_command import run
from tests.support.saved_images import read_saved_images

pytestmark = pytest.mark.docker

_TABLE = Path(__file__).with_name("cases.toml")
_ENVIRONMENT = "/opt/conda/envs/pytorch"
_SITE = f"{_ENVIRONMENT}/lib/python3.11/site-packages"
_BASE = "hac-truth-base"
_SAY = """
try:
    import torch
except Exception:
    print("truth: none")
else:
    release = getattr(getattr(torch, "version", None), "moreh", None)
    print("truth:", "vendor" if release == "22.8.0" else "other")
"""
# An environment as `python -m venv` makes it, without pip, which would take seconds each time.
_VENV = f"""
mkdir -p "$1/bin" "$1/lib/python3.11/site-packages"
printf 'home = {_ENVIRONMENT}/bin\\nversion = 3.11.2\\n' >"$1/pyvenv.cfg"
printf 'include-system-site-packages = %s\\n' "${{2:-false}}" >>"$1/pyvenv.cfg"
ln -s {_ENVIRONMENT}/bin/python3.11 "$1/bin/python"
ln -s python "$1/bin/python3"
printf 'VIRTUAL_ENV=%s\\nexport VIRTUAL_ENV\\nPATH="$VIRTUAL_ENV/bin:$PATH"\\nexport PATH\\n' "$1" >"$1/bin/activate"
"""
# As conda does it: a hook, a script to be sourced, and `activate`; as a program it only says that the hook is missing.
_CONDA_SCRIPT = """
conda() {
    [ "$1" = activate ] || return 0
    CONDA_PREFIX=/opt/conda
    [ "${2:-base}" = base ] || CONDA_PREFIX=/opt/conda/envs/$2
    PATH="$CONDA_PREFIX/bin:$PATH"
    export PATH CONDA_PREFIX
    for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
        [ ! -e "$script" ] || . "$script"
    done
}
"""
_CONDA = """
set -e
root=/opt/conda
sh /ctx/venv.sh $root/envs/two
cp -r /ctx/upstream/. $root/envs/two/lib/python3.11/site-packages/
mkdir -p $root/bin $root/etc/profile.d
cp /ctx/conda-script $root/etc/profile.d/conda.sh
cat >$root/bin/conda <<'END'
#!/bin/sh
if [ "$1 $2" = "shell.bash hook" ]; then
    cat /opt/conda/etc/profile.d/conda.sh
    echo "conda activate base"
    exit 0
fi
echo "CondaError: Run 'conda init' before 'conda activate'" >&2
exit 1
END
cat >$root/bin/activate <<'END'
. /opt/conda/etc/profile.d/conda.sh
conda activate "$@"
END
chmod +x $root/bin/conda
"""
# As Jupyter starts a notebook's Python.
_KERNEL = """
import json, os
folders = ["/root/.local/share/jupyter", "@ENV@/share/jupyter", "/usr/local/share/jupyter"]
words = ["python"]
name = os.environ.get("KERNEL", "python3")
for folder in folders:
    if os.path.exists(folder + "/kernels/" + name + "/kernel.json"):
        described = json.load(open(folder + "/kernels/" + name + "/kernel.json"))
        words = described["argv"][:1]
        os.environ.update(described.get("env", {}))
        break
os.execvp(words[0], [words[0], "/ctx/say.py"])
"""
# What starts a supervisord's one program, for the words, the variables and the folder of its configuration.
_SUPERVISE = """
import configparser, glob, os, shlex, sys
parser = configparser.RawConfigParser()
parser.read([sys.argv[-1]])
parser.read(path for name in parser.get("include", "files", fallback="").split() for path in glob.glob(name))
name = next(name for name in parser.sections() if name.startswith("program:"))
for item in parser.get(name, "environment", fallback="").split(","):
    if item:
        key, _, value = item.partition("=")
        os.environ[key] = value.strip('"')
os.chdir(parser.get(name, "directory", fallback="/"))
words = shlex.split(parser.get(name, "command"))
os.execvp(words[0], words)
"""
_EASY_INSTALL = """import sys; sys.__plen = len(sys.path)
/opt/libs
import sys; new=sys.path[sys.__plen:]; del sys.path[sys.__plen:]; p=getattr(sys,'__egginsert',0); sys.path[p:p]=new
"""
_SUPERVISOR = (
    f"(echo '#!{_ENVIRONMENT}/bin/python'; cat /ctx/supervise.py) >/usr/local/bin/supervisord"
    " && chmod +x /usr/local/bin/supervisord"
)
# As s6-overlay's: the command, or else the one service.
_OVERLAY = "cp /ctx/init /init && cp /ctx/with-contenv /usr/bin/with-contenv && chmod +x /init /usr/bin/with-contenv"
# A server that imports an application from the folder that it is in, and a launcher that starts a script anew.
_SERVER = f"""#!{_ENVIRONMENT}/bin/python
import os, sys
sys.path.insert(0, os.getcwd())
exec(open("/ctx/say.py").read())
"""
_LAUNCHER = f"""#!{_ENVIRONMENT}/bin/python
import os, sys
os.execv(sys.executable, [sys.executable, "-u", sys.argv[-1]])
"""
# As pyenv's own: a shim asks for the version that is chosen, and `system` is what PATH has without the shims.
_PYENV = r"""
set -e
mkdir -p /opt/pyenv/bin /opt/pyenv/shims
cat >/opt/pyenv/bin/pyenv <<'END'
#!/usr/bin/env bash
shift
chosen="${PYENV_VERSION:-$(cat "$PYENV_ROOT/version")}"
PATH="${PATH//$PYENV_ROOT\/shims:/}"
[ "$chosen" = system ] || PATH="$PYENV_ROOT/versions/$chosen/bin:$PATH"
exec "$@"
END
cat >/opt/pyenv/shims/python <<'END'
#!/usr/bin/env bash
set -e
[ -n "$PYENV_DEBUG" ] && set -x
program="${0##*/}"
export PYENV_ROOT="/opt/pyenv"
exec "/opt/pyenv/bin/pyenv" exec "$program" "$@"
END
chmod +x /opt/pyenv/bin/pyenv /opt/pyenv/shims/python
"""
# As an editable install by a table of modules makes it.
_FINDER = """
import importlib.util, sys
KNOWN = {"torch": "/opt/libs/torch/__init__.py"}
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name not in KNOWN:
            return None
        return importlib.util.spec_from_file_location(name, KNOWN[name])
"""
_MACROS = {
    "@SUPERVISOR@": _SUPERVISOR,
    "@OVERLAY@": _OVERLAY,
    "@SERVER@": f"cp /ctx/gunicorn {_ENVIRONMENT}/bin/ && chmod +x {_ENVIRONMENT}/bin/gunicorn",
    "@LAUNCHER@": f"cp /ctx/torchrun {_ENVIRONMENT}/bin/ && chmod +x {_ENVIRONMENT}/bin/torchrun",
    "@PYENV@": "bash /ctx/pyenv.sh",
    "@SITE@": _SITE,
    "@ENV@": _ENVIRONMENT,
    "@OTHER@": "sh /ctx/venv.sh /opt/v && cp -r /ctx/upstream/. /opt/v/lib/python3.11/site-packages/",
    "@CONDA@": "sh /ctx/conda.sh",
    "@LOCAL@": f"cp {_ENVIRONMENT}/bin/python3.11 /usr/local/bin/ && ln -s python3.11 /usr/local/bin/python"
    f" && cp -r {_ENVIRONMENT}/lib/. /usr/local/lib/",
}
_FILES = {
    "conda.sh": _CONDA,
    "conda-script": _CONDA_SCRIPT,
    "easy-install.pth": _EASY_INSTALL,
    "say.py": _SAY,
    "venv.sh": _VENV,
    "first.pth": 'import sys; sys.path.insert(0, "/opt/libs")\n',
    "entry.sh": '#!/bin/sh\nset -e\nexport PYTHONPATH="/opt/libs:$PYTHONPATH"\nexec "$@"\n',
    "quiet.sh": '#!/bin/sh\n# export PYTHONPATH=/opt/libs\necho start\nexec "$@"\n',
    "lib/harmless.py": "A = 1\n",
    "first.py": 'import sys\nsys.path.insert(0, "/opt/libs")\n',
    "init": '#!/bin/sh\n[ $# = 0 ] || exec "$@"\nfor run in /etc/services.d/*/run; do exec "$run"; done\n',
    "with-contenv": '#!/bin/sh\nexec "$@"\n',
    "gunicorn": _SERVER,
    "torchrun": _LAUNCHER,
    "pyenv.sh": _PYENV,
    "finder.py": _FINDER,
    "kernel.py": _KERNEL,
    "supervise.py": _SUPERVISE,
    "bare/torch/__init__.py": '__version__ = "2.13.0"\nfrom torch import version\n',
    "bare/torch/version.py": '__version__ = "2.13.0"\n',
    "project/pyproject.toml": (
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["torch @ file:///ctx/torch-2.13.0-py3-none-any.whl"]\n'
    ),
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A case's image: what a container imported, what its build printed, and what was said of its files."""

    truth: str
    build: str
    start: str
    checks: Mapping[str, ImageCheck]
    blame: BlameReport


def _select_cases() -> dict[str, dict[str, Any]]:
    cases: dict[str, dict[str, Any]] = tomllib.loads(_TABLE.read_text())["case"]
    names = list(cases)
    wanted = os.environ.get("HAC_CASES", "").split()
    if wanted:
        return {name: cases[name] for name in wanted}
    step = 1 if os.environ.get("HAC_ALL_CASES") else 7
    return {name: cases[name] for name in names[::step]}


CASES = _select_cases()


@pytest.fixture(scope="module")
def judged(hac_base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Judged]]:
    """Every case built, run and read."""
    folder = tmp_path_factory.mktemp("truth")
    context = _write_context(folder / "context")
    made = _build(context, _BASE, ["FROM hac-base", "USER root", "ENV HAC_GUARD=warn", "COPY . /ctx"])
    tags = {name: f"hac-truth-{name}:latest" for name in CASES}

    def work(name: str) -> tuple[str, str, str]:
        output = _build(context, tags[name], _write_lines(CASES[name]["steps"]))
        return (output, *_ask(tags[name], CASES[name]))

    try:
        with ThreadPoolExecutor(2) as pool:
            ran = dict(zip(CASES, pool.map(work, CASES), strict=True))
        archive = folder / "all.tar"
        saved = run(["docker", "save", "--output", archive, *tags.values()])
        assert saved.status == 0, saved.output
        stories, checks = _read(archive)
        yield {
            name: Judged(truth=truth, build=output, start=start, checks=checks[tags[name]], blame=stories[tags[name]])
            for name, (output, truth, start) in ran.items()
        }
    finally:
        run(["docker", "rmi", "--force", *tags.values(), _BASE])
    assert made


def _write_context(context: Path) -> Path:
    for name, text in _FILES.items():
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_fill(text))
    content = make_upstream_torch()
    write_wheel(content, context)
    for name, data in content.files.items():
        path = context / "upstream" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    info = context / "upstream/torch-2.13.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n")
    (info / "RECORD").write_text("torch/__init__.py,,\ntorch/version.py,,\n")
    return context


def _write_lines(steps: list[str]) -> list[str]:
    lines = [_fill(step) for step in steps]
    stage = [line.removeprefix("@STAGE@ ") for line in lines if line.startswith("@STAGE@")]
    lines = [line.replace("\n", "\\n") for line in lines if not line.startswith("@STAGE@")]
    head = [f"FROM {_BASE} AS build", *stage] if stage else []
    return [*head, f"FROM {_BASE}", *lines]


def _fill(step: str) -> str:
    for macro, text in _MACROS.items():
        step = step.replace(macro, text)
    return step


def _build(context: Path, tag: str, lines: list[str]) -> str:
    dockerfile = context.parent / f"Dockerfile.{tag.partition(':')[0]}"
    dockerfile.write_text("\n".join([*lines, ""]))
    # Without the cache: what the guard says of an instruction is said once, and another case may begin with the same.
    command: list[str | Path] = ["docker", "build", "--no-cache", "--network", "none", "--tag", tag]
    built = run([*command, "--file", dockerfile, context], DOCKER_BUILDKIT="0")
    assert built.status == 0, f"{tag}: {built.output}"
    return built.output


def _ask(tag: str, case: dict[str, Any]) -> tuple[str, str]:
    """What a container imports, and all that it printed."""
    words = [] if case.get("command") else ["python", "/ctx/say.py"]
    words = [*case["run"], " ".join(words)] if "run" in case else words
    ran = run(["docker", "run", "--rm", "--network", "none", tag, *words])
    said = [line.removeprefix("truth: ") for line in ran.output.splitlines() if line.startswith("truth: ")]
    return (said[-1] if said else "none"), ran.output


def _read(archive: Path) -> tuple[dict[str, BlameReport], dict[str, dict[str, ImageCheck]]]:
    images = read_saved_images(archive, FileSelector(select_for_blame, condense=condense_interpreter, keeps_links=True))
    stories = {tag: trace_changes(image) for tag, image in images.items()}
    with library_spool() as spool:
        checked = FileSelector(select_for_static_checks, spool.spool, condense=condense_interpreter, keeps_links=True)
        images = read_saved_images(archive, checked)
        results = {tag: run_static_checks(image) for tag, image in images.items()}
        checks = {tag: {check.name: check for check in result.checks} for tag, result in results.items()}
    return stories, checks


@pytest.mark.parametrize("name", list(CASES))
def test_what_is_said_is_what_is_imported(judged: dict[str, Judged], name: str) -> None:
    case, found = CASES[name], judged[name]
    assert found.truth == case["imports"], (found.start, found.build)
    is_harmless = case["imports"] == "vendor"
    said = f"{found.checks['torch'].output}\n{found.checks['doctor'].output}"
    text = render_blame_text(found.blame)
    # Both ways to the answer, apart from each other: blame's layers, and the doctor's files.
    assert found.checks["torch"].passed is is_harmless, said
    assert found.checks["doctor"].passed is is_harmless, said
    assert found.blame.is_intact is is_harmless, text
    if not is_harmless:
        _hold_guilty(case, text)
    is_asked = case.get("start", True)
    if is_asked and not any(step.startswith("ENTRYPOINT") for step in case["steps"]):
        assert ("hac-start: " in found.start) is not is_harmless, found.start
    expected = case.get("guard", not is_harmless)
    is_told = "hac-guard: this instruction damaged" in found.build or "hac-guard: after this" in found.build
    assert is_told is expected, found.build


def _hold_guilty(case: dict[str, Any], text: str) -> None:
    """One of the guilty steps has to be named; the one that completed it first."""
    steps = [line for line in case["steps"] if not line.startswith("@STAGE@")]
    offset = len(case["steps"]) - len(steps)
    wanted = [_words(case["steps"][number]) for number in case["guilty"]]
    named = " ".join(line for line in text.splitlines() if "what else" not in line)
    assert offset in {0, 1}
    assert any(all(word in named for word in words) for words in wanted), (wanted, text)


def _words(step: str) -> list[str]:
    """What every builder keeps of an instruction: the keyword and its last word."""
    words = _fill(step).split()
    last = words[-1].strip('"[]').partition("$PATH")[0].rstrip("/:")
    return [words[0], last.rpartition("=")[2] if words[0] == "ENV" and last.endswith("=") else last]


def test_the_table_is_large_enough() -> None:
    cases = tomllib.loads(_TABLE.read_text())["case"].values()
    assert len(cases) >= 200
    assert sum(case["imports"] == "vendor" for case in cases) >= 80
