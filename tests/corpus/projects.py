"""Projects in the shapes that people give them, each in small; what installing them does is judged by real installers.

Their dependencies are of the frozen index. `install` is what is installed, `.` being the project's folder; `check` is
the file that is checked, and `extra` the set of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProjectCase:
    """A project. `is_unknown`: nobody can tell what it requires, because it cannot be built."""

    name: str
    files: Mapping[str, str]
    check: str = "setup.py"
    install: tuple[str, ...] = (".",)
    extra: str = ""
    is_unknown: bool = False


NEW, OLD = "torch>=2.0", "torch>=1.5"
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
POETRY = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
_LISTED = """from pathlib import Path
from setuptools import setup
lines = (Path(__file__).parent / "{file}").read_text().splitlines()
setup(name="{name}", version="0.1", py_modules=[], install_requires=[x for x in lines if x and x[0] not in "#-"])
"""
_IN_TREE = """import os, zipfile
META = "Metadata-Version: 2.1\\nName: grown-here\\nVersion: 2\\nRequires-Dist: {need}\\n"
WHEEL = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "grown_here-2-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        archive.writestr("grown_here-2.dist-info/METADATA", META)
        archive.writestr("grown_here-2.dist-info/WHEEL", WHEEL)
        archive.writestr("grown_here-2.dist-info/RECORD", "")
    return name
"""


def _setup(needs: str, before: str = "", more: str = "", name: str = "sample") -> str:
    return (
        f"from setuptools import setup\n{before}\n"
        f"setup(name={name!r}, version='0.1', py_modules=[], install_requires={needs}{more})\n"
    )


def _project(needs: str, more: str = "", system: str = HATCHLING) -> str:
    return f'{system}[project]\nname = "sample"\nversion = "0.1"\ndependencies = {needs}\n{more}'


# hatchling wants to see a package.
_PACKAGE = {"sample/__init__.py": ""}

CASES = (
    ProjectCase(name="setup-list-new", files={"setup.py": _setup(f"['{NEW}', 'tqdm']")}),
    ProjectCase(name="setup-list-old", files={"setup.py": _setup(f"['{OLD}', 'tqdm']")}),
    ProjectCase(name="setup-nothing", files={"setup.py": _setup("[]")}),
    ProjectCase(
        name="setup-reads-list",
        files={"setup.py": _LISTED.format(file="needs.txt", name="lister"), "needs.txt": f"# ours\n\ntqdm\n{NEW}\n"},
    ),
    ProjectCase(
        name="setup-reads-folder-of-lists",
        files={"setup.py": _LISTED.format(file="reqs/base.in", name="lister"), "reqs/base.in": f"{OLD}\n-r x.in\n"},
    ),
    ProjectCase(
        name="setup-by-python",
        files={
            "setup.py": _setup(
                f"needs + ['{NEW}'] if sys.version_info < (3, 8) else needs", "import sys\nneeds = ['torch']\n"
            )
        },
    ),
    ProjectCase(name="setup-by-marker", files={"setup.py": _setup(f"['{NEW} ; python_version < \"3.8\"', 'numpy']")}),
    ProjectCase(
        name="setup-tries-torch",
        files={
            "setup.py": _setup(
                "needs",
                f"try:\n    import torch\n    needs = ['torch==' + torch.__version__]\n"
                f"except ImportError:\n    needs = ['{NEW}']\n",
            )
        },
    ),
    ProjectCase(
        name="setup-imports-torch",
        files={"setup.py": _setup("['torch', 'tqdm']", "import torch\nprint(torch.__version__)\n")},
    ),
    ProjectCase(
        name="setup-kernels",
        files={
            "setup.py": _setup(
                "['torch']",
                "from torch.utils.cpp_extension import BuildExtension, CUDAExtension\n",
                ", ext_modules=[CUDAExtension('k', ['k.cu'])], cmdclass={'build_ext': BuildExtension}",
            )
        },
    ),
    ProjectCase(
        name="setup-extra",
        files={"setup.py": _setup("['tqdm']", "", f", extras_require={{'fit': ['{NEW}']}}")},
        install=(".[fit]",),
        extra="fit",
    ),
    ProjectCase(
        name="setup-extra-unused", files={"setup.py": _setup("['tqdm']", "", f", extras_require={{'fit': ['{NEW}']}}")}
    ),
    ProjectCase(
        name="setup-extra-marker",
        files={"setup.py": _setup("['tqdm']", "", f", extras_require={{':python_version > \"3\"': ['{NEW}']}}")},
    ),
    ProjectCase(
        name="setup-version-file",
        files={"setup.py": _setup(f"['{OLD}']", "exec(open('about.py').read())\n"), "about.py": "__version__ = '3'\n"},
    ),
    ProjectCase(name="setup-raises", files={"setup.py": "raise RuntimeError('bring a compiler')\n"}, is_unknown=True),
    ProjectCase(
        name="setup-needs-numpy",
        files={"setup.py": _setup(f"['{NEW}']", "import nothing_of_that_name\n")},
        is_unknown=True,
    ),
    ProjectCase(name="setup-through-package", files={"setup.py": _setup("['accelerate==1.15.0']")}),
    ProjectCase(name="setup-through-old-package", files={"setup.py": _setup("['accelerate==0.14.0']")}),
    ProjectCase(
        name="cfg-and-bare-setup",
        files={
            "setup.py": "from setuptools import setup\nsetup()\n",
            "setup.cfg": f"[metadata]\nname = sample\nversion = 1\n[options]\ninstall_requires =\n    {NEW}\n",
        },
        check="setup.cfg",
    ),
    ProjectCase(
        name="cfg-file-directive",
        files={
            "pyproject.toml": SETUPTOOLS,
            "setup.cfg": "[metadata]\nname = sample\nversion = 1\n[options]\ninstall_requires = file: needs.txt\n",
            "needs.txt": f"tqdm\n{NEW}\n",
        },
        check="setup.cfg",
    ),
    ProjectCase(
        name="cfg-without-requires-beside-setup",
        files={"setup.py": _setup(f"['{NEW}']"), "setup.cfg": "[metadata]\nname = sample\n[flake8]\nignore = E501\n"},
        check="setup.cfg",
    ),
    ProjectCase(
        name="pyproject-of-tools-beside-setup",
        files={"setup.py": _setup(f"['{NEW}']"), "pyproject.toml": "[tool.black]\nline-length = 100\n"},
        check="pyproject.toml",
    ),
    ProjectCase(
        name="pyproject-builds-cfg",
        files={
            "pyproject.toml": SETUPTOOLS,
            "setup.cfg": f"[metadata]\nname = sample\nversion = 1\n[options]\ninstall_requires =\n    {OLD}\n",
        },
        check="pyproject.toml",
    ),
    ProjectCase(
        name="pyproject-dynamic-file",
        files={
            "pyproject.toml": f'{SETUPTOOLS}[project]\nname = "sample"\nversion = "1"\ndynamic = ["dependencies"]\n'
            '[tool.setuptools]\npy-modules = []\n[tool.setuptools.dynamic]\ndependencies = {file = ["needs.txt"]}\n',
            "needs.txt": f"{NEW}\n",
        },
        check="pyproject.toml",
    ),
    ProjectCase(
        name="pyproject-dynamic-extra",
        files={
            "pyproject.toml": f'{SETUPTOOLS}[project]\nname = "sample"\nversion = "1"\n'
            'dynamic = ["optional-dependencies"]\ndependencies = ["tqdm"]\n[tool.setuptools]\npy-modules = []\n'
            '[tool.setuptools.dynamic]\noptional-dependencies.fit = {file = ["fit.txt"]}\n',
            "fit.txt": f"{NEW}\n",
        },
        check="pyproject.toml",
        install=(".[fit]",),
        extra="fit",
    ),
    ProjectCase(
        name="hatch-static", files={"pyproject.toml": _project(f'["{NEW}"]'), **_PACKAGE}, check="pyproject.toml"
    ),
    ProjectCase(
        name="hatch-own-extras",
        files={
            "pyproject.toml": _project(
                '["tqdm"]', f'[project.optional-dependencies]\nfit = ["{NEW}"]\nall = ["sample[fit]"]\n'
            ),
            **_PACKAGE,
        },
        check="pyproject.toml",
        install=(".[all]",),
        extra="all",
    ),
    ProjectCase(
        name="poetry-caret",
        files={
            "pyproject.toml": f'{POETRY}[tool.poetry]\nname = "sample"\nversion = "1"\ndescription = ""\nauthors = []\n'
            'package-mode = true\npackages = [{include = "sample"}]\n'
            '[tool.poetry.dependencies]\npython = ">=3.8"\ntorch = "^2.0"\n',
            **_PACKAGE,
        },
        check="pyproject.toml",
    ),
    ProjectCase(
        name="poetry-old",
        files={
            "pyproject.toml": f'{POETRY}[tool.poetry]\nname = "sample"\nversion = "1"\ndescription = ""\nauthors = []\n'
            'packages = [{include = "sample"}]\n[tool.poetry.dependencies]\npython = ">=3.8"\ntorch = ">=1.5,<3"\n',
            **_PACKAGE,
        },
        check="pyproject.toml",
    ),
    ProjectCase(
        name="back-end-of-its-own",
        files={
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "make"\nbackend-path = ["."]\n',
            "make.py": _IN_TREE.format(need=NEW),
        },
        check="pyproject.toml",
    ),
    ProjectCase(
        name="another-python",
        files={"setup.py": _setup(f"['{NEW}']", "", ", python_requires='>=3.99'")},
        is_unknown=True,
    ),
    ProjectCase(
        name="line-editable",
        files={"setup.py": _setup(f"['{NEW}']"), "requirements.txt": "-e .\ntqdm\n"},
        check="requirements.txt",
        install=("-r", "requirements.txt"),
    ),
    ProjectCase(
        name="line-editable-old",
        files={"setup.py": _setup("['torch', 'numpy']"), "requirements.txt": "--editable .\n"},
        check="requirements.txt",
        install=("-r", "requirements.txt"),
    ),
    ProjectCase(
        name="line-sub-folder",
        files={"libs/inner/setup.py": _setup(f"['{NEW}']", name="inner"), "requirements.txt": "./libs/inner\n"},
        check="requirements.txt",
        install=("-r", "requirements.txt"),
    ),
    ProjectCase(
        name="line-sub-folder-extra",
        files={
            "inner/setup.py": _setup("['tqdm']", "", f", extras_require={{'fit': ['{NEW}']}}", name="inner"),
            "requirements.txt": "./inner[fit]\n",
        },
        check="requirements.txt",
        install=("-r", "requirements.txt"),
    ),
    ProjectCase(
        name="line-of-one-that-cannot-be-built",
        files={"inner/setup.py": "import nothing_of_that_name\n", "requirements.txt": f"./inner\n{NEW}\n"},
        check="requirements.txt",
        install=("-r", "requirements.txt"),
        is_unknown=True,
    ),
)
