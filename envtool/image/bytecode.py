"""Compiles a staged environment's modules with its own interpreter, so that no start in the image has to.

The bytecode is checked by hash of nothing: the files never change in place, and times are not to be trusted after a
trip through a layer.
"""

from __future__ import annotations

import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import envtool.image.compile_modules as program
from envtool.image.tool import run

Version = tuple[int, int]
_LEFT_OUT = re.compile(r"/(lib2to3/tests|bad_coding|test)/")


def compile_bytecode(
    root: Path, prefix: Path, python: Version, *, only: Sequence[Path] | None = None, interpreter: Path | None = None
) -> None:
    """Compile the modules of the environment that lies at `<root>/<prefix>`. Raises `BuildError`.

    `only` are the files and folders to look at, of which those elsewhere than among the modules are passed over. Where
    the environment's `interpreter` is not below `root`, it is given.
    """
    name = f"python{python[0]}.{python[1]}"
    target = root / prefix.relative_to("/")
    library = target / "lib" / name
    wanted = [library] if only is None else [path for path in only if library in path.parents]
    # PYTHONHASHSEED decides the order of sets; that rules out -I, which would ignore it.
    command: list[str | Path] = [interpreter or target / "bin" / name, "-B", "-s", program.__file__ or "", str(root)]
    environment = {"PYTHONHASHSEED": "0", "PYTHONPATH": "", "PYTHONHOME": ""}
    with tempfile.NamedTemporaryFile("w", prefix="hac-modules-") as listing:
        listing.writelines(f"{path}\n" for path in sorted(set(_modules(wanted))))
        listing.flush()
        run([*command, listing.name], environment=environment)


def _modules(wanted: Sequence[Path]) -> Iterator[str]:
    for path in wanted:
        found = path.rglob("*.py") if path.is_dir() else (path,)
        # What tests of parsers are made of is no Python.
        yield from (str(file) for file in found if file.suffix == ".py" and not _LEFT_OUT.search(str(file)))


@contextmanager
def interpreter_of(layers: Sequence[Path], prefix: Path, python: Version) -> Iterator[Path]:
    """The interpreter of an environment that is in layers, with what it needs to run, and nothing of site-packages."""
    name = f"python{python[0]}.{python[1]}"
    base = str(prefix.relative_to("/"))
    with tempfile.TemporaryDirectory(prefix="hac-interpreter-") as folder:
        for layer in layers:
            with tarfile.open(layer) as archive:
                # Our own archive. Python 3.11.4 brought filters, and 3.14 chooses the strictest where none is named.
                archive.extraction_filter = getattr(tarfile, "tar_filter", None)
                wanted = [member for member in archive if _is_of_interpreter(member.name, base, name)]
                archive.extractall(folder, wanted)
        yield Path(folder) / base / "bin" / name


def _is_of_interpreter(path: str, base: str, name: str) -> bool:
    if not path.startswith((f"{base}/bin/{name}", f"{base}/lib/")):
        return False
    rest = path.removeprefix(f"{base}/lib/")
    in_modules = rest.startswith(f"{name}/") and not rest.startswith(f"{name}/site-packages/")
    return in_modules or "/" not in rest or rest.startswith(base)
