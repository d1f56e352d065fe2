"""Pins that keep conda and mamba from writing over a vendor torch.

Format: conda documentation, "Preventing packages from updating (pinning)": one match specification a line. A pin
restricts what a solve may choose, and installs nothing.
"""

from __future__ import annotations

from pathlib import Path

# Relative to the environment's prefix.
CONDA_PINS = Path("conda-meta/pinned")
# Conda's packages with files in site-packages/torch, torchvision or torchaudio.
OVERWRITING = ("pytorch", "pytorch-cpu", "pytorch-gpu", "libtorch", "torchvision", "torchaudio")


def render_conda_pins(python: tuple[int, int]) -> str:
    """The file's text: no version of conda's torch, and the Python that the vendor's is built for."""
    lines = [
        "# No package of conda's may write over the vendor's torch; to see what did: envtool doctor",
        *(f"{name} <0" for name in OVERWRITING),
        f"python {python[0]}.{python[1]}.*",
    ]
    return "\n".join([*lines, ""])
