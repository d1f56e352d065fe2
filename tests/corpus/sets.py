"""The requirement sets of the corpus: drawn from the frozen index by a fixed seed, and cases that a draw may miss."""

from __future__ import annotations

import random
from dataclasses import dataclass

from packaging.version import Version

from tests.corpus.frozen_index import projects

SEED = 22_08
DRAWN = 150
# Projects that people name in requirements files; the rest of the index is what these require.
NAMED = (
    *("accelerate", "botorch", "captum", "diffusers", "e3nn", "easyocr", "efficientnet-pytorch", "einops"),
    *("fastai", "gpytorch", "kornia", "lightning", "lion-pytorch", "lpips", "open-clip-torch", "peft", "pyro-ppl"),
    *("pytorch-lightning", "pytorch-metric-learning", "pytorch-msssim", "pytorch-tabnet", "rotary-embedding-torch"),
    *("segmentation-models-pytorch", "sentence-transformers", "skorch", "stable-baselines3", "thop", "timm"),
    *("torchdiffeq", "torchinfo", "torchmetrics", "torchtext", "transformers", "ultralytics", "vit-pytorch"),
    *("x-transformers", "requests", "numpy", "pandas", "scikit-learn", "flask", "tqdm", "pyyaml"),
)


@dataclass(frozen=True)
class Set:
    """One requirements file of the corpus, and the options that it is installed with."""

    name: str
    lines: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The file."""
        return "".join(f"{line}\n" for line in self.lines)


# What the table of facts has, and the companions.
CASES = (
    Set("torch", ("torch",)),
    Set("torch-same", ("torch==1.7.1",)),
    Set("torch-at-least", ("torch>=1.7.1",)),
    Set("torch-label", ("torch==1.7.1+cu110",)),
    Set("torch-newer", ("torch>=1.8",)),
    Set("torch-exact-newer", ("torch==2.1.2",)),
    Set("torch-compatible", ("torch~=1.7.0",)),
    Set("torch-below", ("torch<2",)),
    Set("torch-vendor", ("torch==1.7.1+cu110.moreh22.8.0",)),
    Set("torch-upgrade", ("torch",), ("-U",)),
    Set("torch-upgrade-bounded", ("torch<2",), ("-U",)),
    Set("package-upgrade", ("timm",), ("-U",)),
    Set("package-upgrade-eager", ("timm",), ("-U", "--upgrade-strategy", "eager")),
    Set("companion", ("torchvision",)),
    Set("companion-same", ("torchvision==0.8.2",)),
    Set("companion-newer", ("torchvision>=0.15",)),
    Set("companion-audio", ("torchaudio",), ("-U",)),
    Set("marker-false", ('torch>=2 ; python_version < "3.8"', "tqdm")),
    Set("marker-true", ('torch>=2 ; python_version >= "3.8"',)),
    Set("torch-and-package", ("torch", "accelerate")),
    Set("package-and-torch", ("accelerate", "torch")),
    Set("torch-same-and-package", ("torch==1.7.1", "timm")),
    Set("nothing", ("# nothing",)),
    Set("installed", ("torch", "torchvision", "torchaudio")),
)


def drawn_sets() -> tuple[Set, ...]:
    """One to four projects each, with a version bound in every other line, some with torch, some with -U."""
    draw = random.Random(SEED)
    found = []
    for number in range(DRAWN):
        names = draw.sample(NAMED, draw.choice((1, 1, 2, 2, 3, 4)))
        lines = [_line(draw, name) for name in names]
        if draw.random() < 0.25:
            lines.insert(
                draw.randrange(len(lines) + 1), draw.choice(("torch", "torch>=1.7", "torch==1.7.1", "torch<3"))
            )
        options = ("-U",) if draw.random() < 0.12 else ()
        found.append(Set(f"drawn-{number:03}", tuple(lines), options))
    return tuple(found)


def _line(draw: random.Random, name: str) -> str:
    versions = sorted((text for text, facts in projects()[name].items() if not facts.get("yanked")), key=Version)
    version = draw.choice(versions)
    bound = draw.choice(("", "", "", f"=={version}", f">={version}", f"<={version}", f"~={version}"))
    return f"{name}{bound}" if not bound.startswith("~=") or version.count(".") else name


def all_sets() -> tuple[Set, ...]:
    """The whole corpus."""
    return (*CASES, *drawn_sets())
