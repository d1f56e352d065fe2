"""The vendor's distributions as build back ends see them: STAND-INS that can be imported and do nothing.

A `setup.py` that imports torch, or names it among what its build needs, would have gigabytes of another torch fetched
only to say what it requires.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.release.profile import TORCH
from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import lend

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin
    from envtool.transaction.owner import Owner

# Settings by which well-known projects leave their accelerator code out, so that they need no compiler to be described.
BUILD_SETTINGS: Mapping[str, str] = {
    "FLASH_ATTENTION_SKIP_CUDA_BUILD": "TRUE",
    "MAMBA_SKIP_CUDA_BUILD": "TRUE",
    "CAUSAL_CONV1D_SKIP_CUDA_BUILD": "TRUE",
    "BUILD_CUDA_EXT": "0",
    "DS_BUILD_OPS": "0",
    "MAX_JOBS": "1",
}

_TORCH = '''"""A STAND-IN for torch while a project is asked what it requires."""
import sys
import types

__version__ = {version!r}


def _module(name, **contents):
    module = types.ModuleType(__name__ + "." + name)
    module.__dict__.update(contents)
    module.__path__ = []
    sys.modules[module.__name__] = module
    return module


def _no(*arguments, **options):
    return False


def _zero(*arguments, **options):
    return 0


def _nowhere(*arguments, **options):
    return []


class _Device(object):
    def __init__(self, *arguments, **options):
        self.type = "cpu"


device = _Device
version = _module("version", __version__=__version__, cuda=None, hip=None, debug=False, git_version="", xpu=None)
# No device is there, but one that is asked for by number is one that nothing refuses: its flags build nothing here.
_properties = types.SimpleNamespace(name="", major=8, minor=0, multi_processor_count=1, total_memory=0, gcnArchName="")
cuda = _module(
    "cuda",
    is_available=_no,
    is_bf16_supported=_no,
    device_count=_zero,
    current_device=_zero,
    get_device_capability=lambda *_: (8, 0),
    get_device_name=lambda *_: "",
    get_device_properties=lambda *_: _properties,
    get_arch_list=lambda: ["sm_80"],
)
__git_version__ = ""
has_cuda = has_mps = False
_C = _module("_C", _GLIBCXX_USE_CXX11_ABI=False)
_names = ("mps", "cuda", "mkl", "openmp")
_backends = dict((name, types.SimpleNamespace(is_available=_no, is_built=_no)) for name in _names)
backends = _module("backends", cudnn=types.SimpleNamespace(is_available=_no, version=_zero, enabled=False), **_backends)
xpu = _module("xpu", is_available=_no, device_count=_zero)
compiled_with_cxx11_abi = _no
__config__ = _module("__config__", parallel_info=lambda: "", show=lambda: "")


class _Lazy(types.ModuleType):
    """Makes setuptools' classes when they are asked for: what only reads a version needs no setuptools."""

    CUDA_HOME = ROCM_HOME = HIP_HOME = CUDNN_HOME = SYCL_HOME = None
    IS_HIP_EXTENSION = IS_WINDOWS = False
    COMMON_NVCC_FLAGS = COMMON_HIPCC_FLAGS = COMMON_HIP_FLAGS = []
    TORCH_LIB_PATH = ""
    include_paths = library_paths = staticmethod(_nowhere)
    is_ninja_available = check_compiler_ok_for_platform = staticmethod(_no)
    get_cxx_compiler = staticmethod(lambda: "c++")
    load = load_inline = staticmethod(lambda *arguments, **options: None)
    _find_cuda_home = _find_rocm_home = staticmethod(lambda: None)
    _get_cuda_arch_flags = staticmethod(_nowhere)
    __path__ = []

    def __getattr__(self, name):
        if name in ("CUDAExtension", "CppExtension", "SyclExtension"):
            from setuptools import Extension

            def make(name, sources, *arguments, **options):
                return Extension(name, sources, language="c++")

            return make
        if name == "BuildExtension":
            from setuptools.command.build_ext import build_ext

            class BuildExtension(build_ext):
                @classmethod
                def with_options(cls, **options):
                    return cls

            return BuildExtension
        raise AttributeError("the stand-in for torch has no " + self.__name__ + "." + name)


utils = _module("utils", cmake_prefix_path="")
cpp_extension = utils.cpp_extension = _Lazy(__name__ + ".utils.cpp_extension")
sys.modules[cpp_extension.__name__] = cpp_extension
del cpp_extension
utils.hipify = _module("utils.hipify", hipify_python=_module("utils.hipify.hipify_python"))
'''
# The first setuptools that no Python 3.8 takes, which projects of its time never met: the newest has no pkg_resources.
_LIMITS_BELOW = {(3, 9): ("setuptools<75.4",)}
_OTHER = '"""A STAND-IN while a project is asked what it requires."""\n__version__ = {version!r}\n'


@dataclass(frozen=True)
class BuildStubs:
    """`constraints` is a file that has installers build with the stand-ins; `folder` has them ready for importing."""

    constraints: Path
    folder: Path


@contextmanager
def build_stubs(pin: VendorPin, python: str, owner: Owner | None = None) -> Iterator[BuildStubs]:
    """Stand-ins for the pinned distributions, for as long as the context lasts.

    `python` is the version that is installed for. Where it is not on this machine, another one builds, with back ends
    no newer than its own would be.
    """
    with temporary_folder() as folder:
        modules = folder / "modules"
        modules.mkdir()
        lines = [f"{limit}\n" for limit in list_build_limits(python)]
        for item in pin.distributions:
            text = (_TORCH if item.name == TORCH else _OTHER).format(version=item.version)
            wheel = folder / f"{item.name}-{item.version}-py3-none-any.whl"
            write_stub_wheel(wheel, item.name, item.version, {f"{item.name}/__init__.py": text})
            (modules / item.name).mkdir()
            (modules / item.name / "__init__.py").write_text(text, encoding="utf-8")
            lend(owner, modules / item.name)
            lines.append(f"{item.name} @ {wheel.as_uri()}\n")
        constraints = folder / "build-constraints.txt"
        constraints.write_text("".join(lines), encoding="utf-8")
        lend(owner, modules)
        lend(owner, folder)
        yield BuildStubs(constraints, modules)


def list_build_limits(python: str) -> tuple[str, ...]:
    """Constraints on what builds for a Python, that its own installers would find by `Requires-Python`."""
    version = tuple(int(part) for part in python.split(".")[:2])
    return tuple(limit for end, limits in _LIMITS_BELOW.items() if version < end for limit in limits)


def write_stub_wheel(path: Path, name: str, version: str, files: Mapping[str, str]) -> None:
    """A wheel of a few texts, each by its path in site-packages (PyPA specifications, "Binary distribution format")."""
    stem = f"{name}-{version}.dist-info"
    members = {
        **files,
        f"{stem}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        # The same bytes each time: uv keeps what it has built by the hash of what it was built with.
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2022, 1, 1, 0, 0, 0)), content)
