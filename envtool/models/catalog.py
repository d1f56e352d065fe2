"""The models there are, and where their folders lie: in the installed package, or in the checkout."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from envtool.allowed_folder import make_own_folder
from envtool.errors import ModelError
from envtool.language import tell

_PACKAGED = Path(__file__).parent / "samples"
_CHECKOUT = Path(__file__).parents[2] / "examples" / "models"


@dataclass(frozen=True)
class ModelSample:
    """One model. `least_accuracy` is what a training reaches at least; `None` where there is nothing to be right of."""

    name: str
    title: str
    least_accuracy: float | None

    @property
    def folder(self) -> Path:
        """Where its script and data are."""
        return (_PACKAGED if _PACKAGED.is_dir() else _CHECKOUT) / self.name


SAMPLES = (
    ModelSample("resnet", tell("a small ResNet that learns to read handwritten digits"), 0.93),
    ModelSample("gpt", tell("a small GPT that learns a Korean text by its characters"), 0.8),
    ModelSample("bert", tell("a tiny encoder, fine-tuned to tell parts of a Korean text"), 0.8),
    ModelSample("dcgan", tell("a small DCGAN that learns to draw handwritten digits"), None),
)


def find_sample(name: str) -> ModelSample:
    """The model of that name. Raises `ModelError`."""
    found = next((sample for sample in SAMPLES if sample.name == name), None)
    if found is None:
        raise ModelError(
            tell("there is no model {name}", name=name),
            why=tell("there are {samples}", samples=", ".join(sample.name for sample in SAMPLES)),
            remedy="envtool models list",
        )
    return found


def copy_sample(sample: ModelSample, folder: Path) -> None:
    """Copy a model's scripts and data into a folder that is made for it. Raises `ModelError`."""
    try:
        with make_own_folder(folder) as made:
            shutil.copytree(sample.folder, made, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    except FileExistsError as error:
        raise ModelError(
            tell("{folder} is there already", folder=folder),
            why=tell("what is in it is left alone"),
            remedy=f"envtool models get {sample.name} {shlex.quote(f'{folder}-2')}",
        ) from error
    except (OSError, shutil.Error) as error:
        raise ModelError(
            tell("{folder} cannot be written", folder=folder),
            why=str(error),
            remedy=f'envtool models get {sample.name} "$(mktemp -d)/{sample.name}"',
        ) from error
