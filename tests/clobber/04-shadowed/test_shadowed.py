"""Case 4: another torch first on the search path: PYTHONPATH and the user site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.demo.vendor_release import make_release_contents
from envtool.environment.context import EnvironmentContext
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import Environment, read_environment
from envtool.environment.search_path import find_preceding_paths
from tests.support.environment import PYTHON, RealEnvironment
from tests.support.verdict import Verdict

VERSION = f"python{PYTHON[0]}.{PYTHON[1]}"


@pytest.fixture
def with_user_site(environment: RealEnvironment) -> RealEnvironment:
    """The environment laid out as conda's are, which have a user site. No installer may be run on it any more."""
    (environment.path / "pyvenv.cfg").unlink()
    (environment.path / "conda-meta").mkdir()
    return environment


def seen_with(prefix: Path, variables: dict[str, str]) -> Environment:
    """An environment whose interpreter is started with these environment variables."""
    return read_environment(find_prefix(prefix), EnvironmentContext(variables=variables))


def imported_from(environment: RealEnvironment) -> str:
    """Where the real interpreter finds torch: the truth that doctor is held to."""
    code = "import importlib.util as u; print(u.find_spec('torch').origin)"
    variables = {**os.environ, **environment.variables}
    done = subprocess.run([environment.python, "-c", code], env=variables, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_pythonpath(environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    environment.pip_install("--no-deps", "--target", str(target), "torch==2.13.0")
    assert environment.doctor()["findings"] == []
    environment.variables["PYTHONPATH"] = f"{tmp_path}/absent:{target}"
    # envtool itself must not be led astray by what it is to find.
    finding = json.loads(environment.envtool("doctor", "--prefix", str(environment.path), "--format", "json").out)[
        "findings"
    ][0]
    assert imported_from(environment).startswith(str(target))
    assert (finding["id"], finding["evidence"][0]["found"]) == ("torch-shadowed", "2.13.0")
    verdict.finds(environment, "torch-shadowed", cause="PYTHONPATH")
    assert finding["remedy"] == "unset PYTHONPATH"
    outcome = environment.restore()
    assert "leave     torch is imported from" in outcome.out
    assert (outcome.status, "still damaged" in outcome.out) == (1, True)


def test_the_user_site_comes_first_as_the_real_interpreter_says() -> None:
    """Outside of virtual environments: asked of the interpreter that this one's environment was made from."""
    code = "import json, site, sys; print(json.dumps([sys.path, site.getusersitepackages(), site.getsitepackages()]))"
    folder = Path.home() / f".local/lib/{VERSION}/site-packages"
    base = Path(sys.base_prefix)
    done = subprocess.run([base / "bin" / VERSION, "-c", code], capture_output=True, text=True, check=True)
    path, user_site, _ = json.loads(done.stdout)
    found = [item.path for item in find_preceding_paths(seen_with(base, {"HOME": str(Path.home())}))]
    assert found == [Path(user_site)] == [folder]
    if user_site in path:
        assert path.index(user_site) < path.index(str(find_prefix(base).site_packages))


def test_user_site(with_user_site: RealEnvironment, verdict: Verdict) -> None:
    environment = with_user_site
    target = Path(environment.variables["HOME"]) / f".local/lib/{VERSION}/site-packages"
    (target / "torch").mkdir(parents=True)
    (target / "torch/__init__.py").touch()
    (target / "torch-2.13.0.dist-info").mkdir()
    finding = environment.doctor()["findings"][0]
    assert (finding["id"], finding["evidence"][0]["found"]) == ("torch-shadowed", "2.13.0")
    verdict.finds(environment, "torch-shadowed", cause="the user site")
    assert finding["remedy"].endswith("-m pip uninstall --yes torch")


def test_the_remedy_works_when_pasted(with_user_site: RealEnvironment) -> None:
    environment = with_user_site
    target = Path(environment.variables["HOME"]) / f".local/lib/{VERSION}/site-packages"
    (target / "torch").mkdir(parents=True)
    (target / "torch/__init__.py").touch()
    remedy = environment.doctor()["findings"][0]["remedy"]
    subprocess.run(remedy, shell=True, check=True)
    assert environment.doctor("--deep")["findings"] == []


def test_a_pth_file_that_puts_its_folder_first(environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    """As easy_install's did; the real interpreter says that it works."""
    target = tmp_path / "elsewhere"
    environment.pip_install("--no-deps", "--target", str(target), "torch==2.13.0")
    pth = environment.site_packages / "easy-install.pth"
    pth.write_text(
        "import sys; sys.__plen = len(sys.path)\n"
        f"{target}\n"
        "import sys; new = sys.path[sys.__plen:]; del sys.path[sys.__plen:]; sys.path[0:0] = new\n"
    )
    assert imported_from(environment).startswith(str(target))
    finding = verdict.finds(environment, "torch-shadowed", cause="easy-install.pth")
    subprocess.run(finding["remedy"], shell=True, check=True)
    verdict.silent(environment)
    pth.write_text(f"import sys; sys.path.insert(0, '{target}')\n")
    assert imported_from(environment).startswith(str(target))
    verdict.finds(environment, "torch-shadowed", cause="easy-install.pth")


def test_a_pth_file_in_the_user_site(with_user_site: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    environment = with_user_site
    target = tmp_path / "elsewhere"
    (target / "torch").mkdir(parents=True)
    (target / "torch/__init__.py").touch()
    user_site = Path(environment.variables["HOME"]) / f".local/lib/{VERSION}/site-packages"
    user_site.mkdir(parents=True)
    (user_site / "mine.pth").write_text(f"# mine\n{target}\n")
    verdict.finds(environment, "torch-shadowed", cause="mine.pth")


def test_healthy_twin_with_pth_files(environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    """A folder that a `.pth` file appends comes after site-packages; code that moves nothing does no harm."""
    target = tmp_path / "elsewhere"
    environment.pip_install("--no-deps", "--target", str(target), "torch==2.13.0")
    (environment.site_packages / "plain.pth").write_text(f"{target}\n")
    (environment.site_packages / "code.pth").write_text("import os; os.environ.get('/torch')\n")
    assert imported_from(environment).startswith(str(environment.path))
    verdict.silent(environment)


def test_healthy_twins(environment: RealEnvironment, make_environment: Callable[[str], RealEnvironment]) -> None:
    """A user site that a virtual environment does not see; PYTHONPATH without torch, and with site-packages itself."""
    target = Path(environment.variables["HOME"]) / f".local/lib/{VERSION}/site-packages"
    environment.pip_install("--no-deps", "--target", str(target), "torch==2.13.0")
    assert imported_from(environment).startswith(str(environment.path))
    assert environment.doctor()["findings"] == []
    environment.variables["PYTHONPATH"] = f"{environment.path.parent}:{environment.site_packages}"
    assert environment.doctor()["findings"] == []


def test_switched_off_by_variable(environment: RealEnvironment) -> None:
    variables = {"HOME": "/home/someone", "PYTHONNOUSERSITE": "1", "PYTHONPATH": "::"}
    assert list(find_preceding_paths(seen_with(environment.path, variables))) == []
    assert make_release_contents(PYTHON)[0].name == "torch"
