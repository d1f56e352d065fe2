"""`envtool check` and `envtool install` against pip and uv, on requirement sets of the kind that pull torch in.

Resolves against PyPI, as the peers do, with empty caches. The bytes are those that came in over the network meanwhile.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import Command, run_command
from benchmarks.environments import TOOLS, make_environment
from benchmarks.timing import Row, make_ratio_row, time_alternately

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

# What well-known projects of these kinds ask for.
SETS: dict[str, tuple[str, ...]] = {
    "fine-tuning": ("accelerate", "transformers", "peft", "datasets", "safetensors"),
    "image models": ("timm==1.0.9", "torchvision>=0.15", "pyyaml", "tqdm"),
    "diffusion": ("diffusers>=0.27", "transformers", "accelerate", "pillow"),
    "trainer": ("lightning", "torchmetrics", "tensorboard"),
    "embeddings": ("sentence-transformers>=2.2", "scikit-learn"),
    "detection": ("ultralytics", "opencv-python-headless"),
    "reading text": ("easyocr", "torch>=1.13", "pillow"),
    "contrastive": ("open-clip-torch", "ftfy", "regex"),
    "segmentation": ("segmentation-models-pytorch", "albumentations"),
    "transformers from scratch": ("x-transformers", "vit-pytorch", "einops", "rotary-embedding-torch"),
}
# One that lives with the vendor's torch, for the install itself.
LIVING = ("einops", "tqdm", "requests", "rich", "pyyaml", "numpy", "pandas", "accelerate==0.20.3", "lion-pytorch")
WHEEL_LIMIT = 1 << 20
# PyPI and nothing else, for all alike.
_PLAIN = {"PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}


def measure(workplace: Workplace, report: Report) -> None:
    """Everything about requirements."""
    folder = workplace.folder / "requirements"
    environment = make_environment(folder, 6)
    with report.attempt("check, ten projects' sets"):
        rows, text = _measure_checks(environment, folder)
        report.add(rows)
        report.add_text(text)
    with report.attempt("check --static"):
        report.add(_measure_static(environment, folder))
    with report.attempt("install"):
        report.add(_measure_installs(environment, folder))


def _measure_checks(environment: Path, folder: Path) -> tuple[list[Row], str]:
    ours, theirs, lines, largest = [], [], [], 0
    for name, requirements in SETS.items():
        file = folder / "requirements.txt"
        file.write_text("".join(f"{line}\n" for line in requirements))
        with _empty_cache(folder) as cache:
            check: Command = [TOOLS / "envtool", "check", "--prefix", environment, file]
            seconds, received = _time_command(check, {"UV_CACHE_DIR": str(cache)}, statuses=(0, 1))
            largest = max(largest, *(path.stat().st_size for path in cache.rglob("*.whl")), 0)
        pip: list[str | Path] = [TOOLS / "python", "-m", "pip", "--python", environment / "bin/python", "install"]
        pip += ["--quiet", "--dry-run", "--no-cache-dir", "--report", folder / "report.json", "-r", file]
        peer_seconds, peer_received = _time_command(pip, {})
        ours.append(seconds)
        theirs.append(peer_seconds)
        lines.append(
            f"  {name:<28} {seconds:6.2f} s {received / 1e6:8.1f} MB    pip {peer_seconds:6.1f} s"
            f" {peer_received / 1e6:8.1f} MB    {seconds / peer_seconds:.3f} x"
        )
    rows = [
        make_ratio_row(
            "check, ten projects' sets, cold (median)", ours, "pip install --dry-run --report", theirs, 0.15
        ),
        make_ratio_row("check, all ten together", [sum(ours)], "pip install --dry-run --report", [sum(theirs)], 0.15),
        Row("check, largest wheel fetched (MB)", 0.0, "the limit", 0.0, largest / WHEEL_LIMIT, "MB", 1.0),
    ]
    return rows, "\n".join(["check, set by set: time, bytes received, and pip's", *lines])


def _measure_static(environment: Path, folder: Path) -> list[Row]:
    """Files of the size that projects have, and the growth to 10,000 lines; both without the start of Python."""
    files = []
    for number, requirements in enumerate(SETS.values()):
        file = folder / f"requirements-{number}.txt"
        lines = [f"{line}\n" for line in requirements]
        file.write_text("".join(lines + [f"package-{index}>=1.{index},<3\n" for index in range(40)]))
        files.append(file)
    command: list[str | Path] = [TOOLS / "envtool", "check", "--static", "--prefix", environment]

    def seconds(*checked: Path) -> float:
        return statistics.median(_time_command([*command, *checked], {}, statuses=(0, 1))[0] for _ in range(5))

    one, ten = seconds(files[0]), seconds(*files)
    sizes = {}
    for count in (1_000, 10_000):
        file = folder / f"lines-{count}.txt"
        file.write_text("".join(f"package-{index}>=1.{index},<3 ; python_version > '3.6'\n" for index in range(count)))
        sizes[count] = seconds(file)
    slope = (sizes[10_000] - one) / (sizes[1_000] - one)
    return [
        Row("check --static, each further file of 45 lines", ten, "one file", one, (ten - one) / 9 * 1e3, "ms", 60.0),
        Row("check --static, 10,000 lines against 1,000", sizes[10_000], "1,000 lines", sizes[1_000], slope, "x", 12.0),
    ]


def _measure_installs(environment: Path, folder: Path, runs: int = 5) -> list[Row]:
    """`envtool install` against `uv pip install`, with caches empty and filled."""
    spare = folder / "spare"
    commands: list[Command] = [
        [TOOLS / "envtool", "install", "--prefix", spare, *LIVING],
        [TOOLS / "uv", "pip", "install", "--python", spare / "bin/python", *LIVING],
    ]
    rows = []
    # With everything in the cache uv is done before Python has started: no ratio to be proud of, and no limit.
    for what, limit in (("cold cache", 1.15), ("warm cache", None)):
        with _empty_cache(folder) as cache:
            prepare = partial(_copy_environment, environment, spare, (spare, cache) if limit else (spare,))
            variables = {**_PLAIN, "UV_CACHE_DIR": str(cache)}
            ours, theirs = time_alternately(commands, runs, before=prepare, variables=variables)
        rows.append(make_ratio_row(f"install, {what}", ours, "uv pip install", theirs, limit))
    return rows


def _copy_environment(environment: Path, target: Path, removed: Sequence[Path], _index: int) -> None:
    for folder in removed:
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(environment, target, symlinks=True)


@contextmanager
def _empty_cache(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder) as text:
        cache = Path(text) / "uv"
        cache.mkdir()
        yield cache


def _time_command(command: Command, variables: dict[str, str], statuses: Sequence[int] = (0,)) -> tuple[float, int]:
    """Seconds, and the bytes that this machine received meanwhile."""
    before, start = _count_received(), time.perf_counter()
    run_command(command, variables={**_PLAIN, **variables}, statuses=statuses)
    return time.perf_counter() - start, _count_received() - before


def _count_received() -> int:
    """Bytes received by all interfaces but loopback (proc(5), /proc/net/dev)."""
    rows = [line.split(":") for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    return sum(int(counts.split()[0]) for name, counts in rows if name.strip() != "lo")
