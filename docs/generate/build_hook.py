"""Hatch's build hook: man pages and completion scripts go into the wheel, made from the program that it holds.

The wheel that an image gets is built without hooks (`HATCH_BUILD_NO_HOOKS`): its bytes would depend on the Typer that
the builder happens to have, and nobody reads a manual there.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShareHook(BuildHookInterface[BuilderConfig]):
    """Adds what is below `share` to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files in a temporary folder, and have them packed as the wheel's shared data."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from docs.generate.command_tree import read_commands
        from docs.generate.completion import render_completions
        from docs.generate.man_page import render_man_pages

        pages = render_man_pages(read_commands(), self.metadata.version)
        files = {f"man/{name}": text for name, text in pages.items()} | render_completions(root)
        self._folder = tempfile.TemporaryDirectory()
        for name, text in files.items():
            path = Path(self._folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(path)] = f"share/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the temporary folder, after the wheel has been written."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
