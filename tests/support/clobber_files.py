"""What another torch has in its files, where the tool that lays them down takes single files and no wheel."""

from __future__ import annotations


def intruding_files(version: str) -> dict[str, str]:
    """The telling files of another torch, by their path in site-packages."""
    return {
        "torch/__init__.py": f"from torch.version import __version__  # {version}\n",
        "torch/version.py": f"__version__ = {version!r}\n",
        "torch/cuda.py": "def is_available():\n    return True\n",
    }
