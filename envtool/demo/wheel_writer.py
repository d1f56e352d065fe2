"""Writes small, valid wheels whose bytes depend on their contents only.

Format: binary distribution format 1.0 and core metadata 2.1.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envtool.wheel.record import RecordRow, render_record

# The oldest time that a zip archive can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class WheelContent:
    """What a wheel is to hold: `files` by their path in site-packages, `requires` as Requires-Dist lines."""

    name: str
    version: str
    tag: str
    files: Mapping[str, bytes]
    summary: str
    requires: Sequence[str] = ()
    commands: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        """The wheel's file name."""
        return f"{self.name}-{self.version}-{self.tag}.whl"


def write_wheel(content: WheelContent, folder: Path) -> Path:
    """Write the wheel into `folder` and return its path. Raises `OSError`."""
    dist_info = f"{content.name}-{content.version}.dist-info"
    top_level = sorted({path.split("/", 1)[0] for path in content.files})
    entries = {
        **content.files,
        f"{dist_info}/METADATA": _render_metadata(content),
        f"{dist_info}/WHEEL": _render_wheel(content.tag),
        f"{dist_info}/top_level.txt": "".join(f"{name}\n" for name in top_level).encode(),
    }
    if content.commands:
        lines = [f"{name} = {reference}" for name, reference in content.commands.items()]
        entries[f"{dist_info}/entry_points.txt"] = "\n".join(["[console_scripts]", *lines, ""]).encode()
    rows = [RecordRow(path, hashlib.sha256(data).hexdigest(), len(data)) for path, data in entries.items()]
    entries[f"{dist_info}/RECORD"] = render_record([*rows, RecordRow(f"{dist_info}/RECORD", None, None)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / content.filename
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def _render_metadata(content: WheelContent) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {content.name}", f"Version: {content.version}"]
    lines += [f"Summary: {content.summary}", *(f"Requires-Dist: {text}" for text in content.requires)]
    return "\n".join([*lines, "", content.summary, ""]).encode()


def _render_wheel(tag: str) -> bytes:
    pure = str(tag.endswith("-none-any")).lower()
    return f"Wheel-Version: 1.0\nGenerator: hac-envtool\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode()
