"""`envtool build` of the whole family, against Dockerfiles that somebody would write by hand for the same images.

By hand: the same bootstrapped base, Debian's own Python, two virtual environments, `apt-get` and `pip` with the same
packages and wheels from folders, nothing from a network. BuildKit binds the folders, so no copy of them is left in a
layer. Not in them is what a Dockerfile does not do by itself: bill of materials, provenance, and equal bytes each time.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import run_command
from benchmarks.environments import TOOLS
from benchmarks.timing import Row, make_difference_row, make_ratio_row
from envtool.demo.bootstrap import bootstrap
from envtool.errors import SetupError, StoreError
from envtool.image.layers.layer_trees import build_own_wheel
from envtool.image.lock.lockfile import FOLDER, ImageLock, read_lock
from envtool.image.spec.table import ImageSpec, read_table
from envtool.wheel.store import FileStore, get_default_store
from tests.support.docker_command import find_builders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

_IMAGES = ("hac-base", "hac-devel", "hac-notebook")
# Debian's interpreter with what `python3 -m venv` wants, and an init.
_PYTHON = (
    *("python3", "python3-minimal", "libpython3-stdlib", "python3.11", "python3.11-minimal", "libpython3.11-minimal"),
    *("libpython3.11-stdlib", "python3-venv", "python3.11-venv", "python3-distutils", "python3-lib2to3"),
    *("python3-pip-whl", "python3-setuptools-whl", "media-types", "libexpat1", "libsqlite3-0", "libreadline8"),
    *("readline-common", "libffi8", "libncursesw6", "libnsl2", "libtirpc3", "libtirpc-common", "libgssapi-krb5-2"),
    *("libkrb5-3", "libk5crypto3", "libkrb5support0", "libkeyutils1", "tini"),
)
_APT = "apt-get install --yes --no-install-recommends"
_PIP = "bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-index --find-links /wheels"
_BASE = """FROM scratch
ADD base.tar /
RUN --mount=type=bind,source=debs,target=/debs {apt} /debs/*.deb && rm -rf /var/cache/apt /var/lib/apt/lists/*
RUN --mount=type=bind,source=wheels,target=/wheels python3 -m venv /opt/envtool && /opt/envtool/{pip} hac-envtool[check]
RUN --mount=type=bind,source=wheels,target=/wheels --mount=type=bind,source=vendor,target=/vendor \\
    python3 -m venv /opt/pytorch && /opt/pytorch/{pip} --find-links /vendor {vendor} && cp -r /vendor /opt/wheels
COPY moreh-smi /usr/local/bin/
RUN useradd --create-home --uid 1000 hac && chown -R hac:hac /opt/pytorch
ENV PATH=/opt/pytorch/bin:$PATH LANG=C.UTF-8
USER 1000:0
"""
_DEVEL = """FROM bench-hac-base
USER root
RUN --mount=type=bind,source=debs,target=/debs {apt} /debs/*.deb && rm -rf /var/cache/apt /var/lib/apt/lists/*
USER 1000:0
"""
_NOTEBOOK = """FROM bench-hac-base
RUN --mount=type=bind,source=wheels,target=/wheels /opt/pytorch/{pip} -r /wheels/requirements.txt
"""


def measure(workplace: Workplace, report: Report, runs: int = 3) -> None:
    """Builds the family once first, so that what it is made from is in the store."""
    project = workplace.project
    _build_ours(project)
    specs = read_table(project)
    locks = {name: read_lock(specs[name], project / FOLDER) for name in _IMAGES}
    contexts = dict(_make_contexts(project, specs, locks, workplace.folder / "handwritten"))
    ours, theirs = _Times(), _Times()
    try:
        for number in range(runs + 1):
            _forget_ours(project)
            ours.add(number, lambda: _build_ours(project))
            _forget_theirs()
            theirs.add(number, lambda: _build_by_hand(contexts))
        report.add([*_make_rows(ours, theirs), *_compare_sizes()])
    finally:
        _forget_theirs()


class _Times:
    """Seconds of cold builds, and of builds that have nothing to do."""

    def __init__(self) -> None:
        self.cold: list[float] = []
        self.cached: list[float] = []

    def add(self, number: int, build: Callable[[], None]) -> None:
        """Build twice; the first run of all, which reads every file for the first time, does not count."""
        cold, cached = _measure_seconds(build), _measure_seconds(build)
        if number:
            self.cold.append(cold)
            self.cached.append(cached)


def _make_contexts(
    project: Path, specs: dict[str, ImageSpec], locks: dict[str, ImageLock], folder: Path
) -> Iterator[tuple[str, Path]]:
    """A folder for each image with its Dockerfile and everything that it takes."""
    store = get_default_store()
    root, devel, notebook = (locks[name] for name in _IMAGES)
    spec = specs[_IMAGES[0]]
    further = [*_PYTHON, *sorted({*devel.base.packages} - {*root.base.packages})]
    made = bootstrap(spec.base.bootstrap or "", spec.base.packages, tuple(dict.fromkeys(further)), spec.epoch, folder)
    own = build_own_wheel(project, folder, spec.epoch)
    for name in _IMAGES:
        (folder / name).mkdir()
    base, small, rich = (folder / name for name in _IMAGES)
    shutil.copy(made.tar, base / "base.tar")
    _copy_files([path for path in made.debs.iterdir() if path.name.split("_")[0] in _PYTHON], base / "debs")
    _copy_files([path for path in made.debs.iterdir() if path.name.split("_")[0] not in _PYTHON], small / "debs")
    _copy_files([own.path, *(_find_stored(store, item.sha256) for item in root.wheels)], base / "wheels")
    _copy_files([_find_stored(store, item.sha256 or "") for item in root.pin.distributions], base / "vendor")
    _copy_files([_find_stored(store, item.sha256) for item in notebook.requirements], rich / "wheels")
    shutil.copy(specs["hac-notebook"].requirements_file or "", rich / "wheels/requirements.txt")
    (base / "moreh-smi").write_bytes(_find_stored(store, root.tools[0].sha256).read_bytes())
    (base / "moreh-smi").chmod(0o755)
    vendor = " ".join(f"{item.name}=={item.version}" for item in root.pin.distributions)
    for path, text in ((base, _BASE), (small, _DEVEL), (rich, _NOTEBOOK)):
        (path / "Dockerfile").write_text(text.format(apt=_APT, pip=_PIP, vendor=vendor))
        yield path.name, path


def _copy_files(files: Sequence[Path], target: Path) -> None:
    target.mkdir()
    for file in files:
        shutil.copy(file, target)


def _find_stored(store: FileStore, sha256: str) -> Path:
    found = store.find(sha256)
    if found is None:
        raise StoreError(f"sha256 {sha256} is not in the store", remedy="envtool build --demo --all")
    return found


def _measure_seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _build_ours(project: Path) -> None:
    run_command([TOOLS / "envtool", "build", "--demo", "--all", "--project", project])


def _forget_ours(project: Path) -> None:
    shutil.rmtree(project / ".work/contexts", ignore_errors=True)
    known = run_command(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).stdout.split()
    _remove([name for name in known if name.split(":")[0] in {*_IMAGES, "hac-bootstrap"}])


def _build_by_hand(contexts: dict[str, Path]) -> None:
    """The children at once, as ours are."""
    _build(contexts[_IMAGES[0]])
    with ThreadPoolExecutor() as pool:
        list(pool.map(_build, [contexts[name] for name in _IMAGES[1:]]))


def _build(context: Path) -> None:
    builder = find_builders().get("buildkit")
    if builder is None:
        raise SetupError("no docker command here speaks to BuildKit", remedy="apt-get install docker-buildx")
    command: list[str | Path] = [builder["DOCKER"], "build", "--quiet", "--network", "none"]
    run_command([*command, "--tag", f"bench-{context.name}", context], variables=builder)


def _forget_theirs() -> None:
    _remove([f"bench-{name}" for name in _IMAGES])
    run_command(["docker", "builder", "prune", "--all", "--force"])


def _remove(images: Sequence[str]) -> None:
    subprocess.run(["docker", "rmi", "--force", *images], capture_output=True, check=False)


def _make_rows(ours: _Times, theirs: _Times) -> list[Row]:
    peer = "docker build, by hand"
    return [
        make_ratio_row("build of the family, cold", ours.cold, peer, theirs.cold, 0.6),
        make_difference_row("build of the family, nothing to do", ours.cached, peer, theirs.cached, 0.5, "s", 1),
    ]


def _compare_sizes() -> Iterator[Row]:
    for name in _IMAGES:
        left, right = (
            int(run_command(["docker", "image", "inspect", "--format", "{{.Size}}", each]).stdout) / 1e6
            for each in (name, f"bench-{name}")
        )
        yield Row(f"size of {name}: {left:.0f} MB", 0.0, f"by hand: {right:.0f} MB", 0.0, left / right, "x", 1.03)
