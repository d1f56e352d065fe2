"""A real torch to train with: found in the configured indexes, kept in the store, and installed anew for a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
VERSION = "2.13.0"
# Where upstream has torch without CUDA, which is a tenth of the one with it.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# Distributions that only a torch with CUDA requires.
_OF_CUDA = ("nvidia-", "cuda-", "triton")
_LIMIT = 1800


class TorchUnavailableError(Exception):
    """No torch of a size that one downloads unasked."""


@dataclass(frozen=True)
class _Offer:
    """What an install of torch would bring, and the options that an index was asked with."""

    options: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def has_cuda(self) -> bool:
        return any(name.startswith(_OF_CUDA) for name in self.names)


def make_torch_environment(folder: Path, *, is_required: bool) -> Path:
    """The interpreter of an environment with torch in `folder`.

    Raises `TorchUnavailableError` where nothing but gigabytes is offered, unless it `is_required`.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    kept = (
        Path(os.environ.get("HAC_STORE", PROJECT / ".work/store"))
        / "training"
        / f"torch-{VERSION}-{sys.version_info[0]}.{sys.version_info[1]}"
    )
    if not kept.is_dir():
        _download(python, _choose_offer(python, is_required=is_required), kept)
    uv: list[str | Path] = [Path(sys.executable).parent / "uv", "pip", "install", "--quiet", "--python", python]
    # The cache is beside the wheels: the next environment is made of links.
    found: list[str | Path] = ["--no-index", "--find-links", kept, "--cache-dir", kept.parent / "unpacked"]
    subprocess.run([*uv, *found, f"torch=={VERSION}"], check=True, timeout=_LIMIT)
    return python


def _choose_offer(python: Path, *, is_required: bool) -> _Offer:
    """The configured indexes first; then, where they have torch with CUDA only, the one that has it without."""
    index = os.environ.get("HAC_TORCH_INDEX", CPU_INDEX)
    reasons = []
    offers = []
    for options in ((), ("--extra-index-url", index, "--retries", "1", "--timeout", "20")):
        offer = _ask(python, options)
        if isinstance(offer, str):
            reasons.append(offer)
        elif not offer.has_cuda:
            return offer
        else:
            offers.append(offer)
            reasons.append("the indexes have torch with CUDA only, which is gigabytes")
    if is_required and offers:
        return offers[0]
    raise TorchUnavailableError(
        f"{reasons[-1]}; HAC_TORCH_INDEX names an index that has it without, HAC_REQUIRE_TRAINING=1 downloads it anyway"
    )


def _ask(python: Path, options: tuple[str, ...]) -> _Offer | str:
    """What pip would install; a text where it would nothing. It reads metadata, and downloads no wheel."""
    command: list[str | Path] = [python, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"]
    asked = [*command, "--ignore-installed", *options, f"torch=={VERSION}"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_LIMIT)
    if done.returncode != 0:
        return next(reversed(done.stderr.strip().splitlines()), "pip finds no torch")
    return _Offer(options, tuple(item["metadata"]["name"].lower() for item in json.loads(done.stdout)["install"]))


def _download(python: Path, offer: _Offer, kept: Path) -> None:
    """Bring torch and what it requires into a folder; it has its name only once all is there."""
    coming = kept.with_name(f"{kept.name}.{os.getpid()}")
    coming.mkdir(parents=True)
    command: list[str | Path] = [python, "-m", "pip", "download", "--quiet", "--no-cache-dir", "--dest", coming]
    subprocess.run([*command, *offer.options, f"torch=={VERSION}"], check=True, timeout=_LIMIT)
    coming.rename(kept)
