"""The traps of pinning by constraints, in the image: builds in isolation, other folders, other environments, locks."""

from __future__ import annotations

import pytest

from tests.support.docker_command import Ran, run

pytestmark = pytest.mark.docker

UV = "/opt/hac/envtool/bin/uv"
# A project whose build needs torch, and says which it got. Its backend is in its own tree, so no index has to have one.
PROJECT = r"""
mkdir -p ~/project && cd ~/project
cat > pyproject.toml <<'END'
[build-system]
requires = ["torch"]
build-backend = "backend"
backend-path = ["."]
END
cat > backend.py <<'END'
import pathlib, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    import torch.version
    name = "needs_torch-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        archive.writestr("needs_torch.py", f"built_with = {torch.version.moreh!r}\n")
        archive.writestr("needs_torch-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: needs-torch\nVersion: 1\n")
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("needs_torch-1.dist-info/WHEEL", wheel)
        archive.writestr("needs_torch-1.dist-info/RECORD", "needs_torch.py,,\n")
    return name
END
cd /
"""
STOPPED = 97


def guarded(hac_base: str, index: str, script: str) -> Ran:
    """Run a script the way the image's SHELL runs an instruction, with the test's index."""
    variables = [f"--env={name}={index}" for name in ("PIP_INDEX_URL", "UV_INDEX_URL")]
    shell = ["/opt/hac/bin/hac-shell", "-c", script]
    return run(["docker", "run", "--rm", "--network", "host", *variables, hac_base, *shell])


@pytest.mark.parametrize("installer", ["pip install", f"{UV} pip install"])
def test_an_isolated_build_gets_the_vendors_torch(hac_base: str, index: str, installer: str) -> None:
    script = f"{PROJECT}{installer} ~/project && python -c 'import needs_torch; print(needs_torch.built_with)'"
    done = guarded(hac_base, index, script)
    assert done.status == 0, done.output
    assert done.output.strip().endswith("22.8.0")


def test_a_virtual_environment_and_a_folder_get_the_vendors_torch(hac_base: str, index: str) -> None:
    look = "ls -d ~/venv/lib/python3.11/site-packages/torch-*.dist-info ~/libraries/torch-*.dist-info"
    script = f"{UV} venv ~/venv && VIRTUAL_ENV=~/venv {UV} pip install torch --python ~/venv/bin/python"
    script += f" && pip install --target ~/libraries torch && {look}"
    done = guarded(hac_base, index, script)
    assert done.status == 0, done.output
    assert done.output.count("torch-1.7.1+cu110.moreh22.8.0.dist-info") == 2


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("PIP_CONSTRAINT= pip install --target ~/libraries torch", "torch 2.13.0 in /home/hac/libraries"),
        (
            f"{UV} venv ~/venv && UV_CONSTRAINT= {UV} pip install -U torch --python ~/venv/bin/python",
            "torch 2.13.0 in /home/hac/venv/lib/python3.11/site-packages",
        ),
        (
            'mkdir ~/p && cd ~/p && printf \'[project]\\nname="p"\\nversion="1"\\nrequires-python=">=3.11"\\n'
            f'dependencies=["torch>=2"]\\n\' > pyproject.toml && {UV} sync --no-install-project',
            "torch 2.13.0 in /home/hac/p/.venv/lib/python3.11/site-packages",
        ),
    ],
)
def test_another_torch_elsewhere_is_seen(hac_base: str, index: str, script: str, found: str) -> None:
    done = guarded(hac_base, index, script)
    assert done.status == STOPPED, done.output
    assert found in done.output
    assert "into the environment itself, which has the vendor torch" in done.output


def test_no_deps_and_user_are_held_as_well(hac_base: str, index: str) -> None:
    for options in ("--no-deps", "--user", "--break-system-packages", "--force-reinstall"):
        done = guarded(hac_base, index, f"pip install {options} 'torch>=2'")
        assert done.status not in {0, STOPPED}, done.output
        assert "would have replaced the vendor torch" in done.output
    done = guarded(hac_base, index, "pip install --force-reinstall --no-deps torch && envtool doctor --deep")
    assert done.status == 0, done.output


def test_a_warning_around_torch_is_a_line_and_no_stop(hac_base: str, index: str) -> None:
    site = "$CONDA_PREFIX/lib/python3.11/site-packages"
    script = (
        f"mkdir -p {site}/nvidia_cublas_cu12-12.1.dist-info && printf 'Metadata-Version: 2.1\\nName: nvidia-cublas-cu12"
    )
    script += f"\\nVersion: 12.1\\n' > {site}/nvidia_cublas_cu12-12.1.dist-info/METADATA && mkdir {site}/nvidia"
    done = guarded(hac_base, index, script)
    assert done.status == 0, done.output
    assert "hac-guard: " in done.output


def test_check_and_install_in_the_image(hac_base: str, index: str) -> None:
    script = "echo 'rotary-embedding-torch' > ~/requirements.txt; envtool check ~/requirements.txt; echo status $?;"
    script += " envtool install -r ~/requirements.txt && envtool doctor --deep && pip list"
    done = guarded(hac_base, index, script)
    assert done.status == 0, done.output
    assert "status 0" in done.output
    assert "rotary-embedding-torch 0.3.6" in " ".join(done.output.split())
