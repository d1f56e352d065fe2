"""An installed distribution, read from its `.dist-info`.

Format: PyPA "Recording installed projects". File contents are read only when asked for, because most
questions about most distributions are answered by the folder's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from envtool.vendor.names import normalized_name
from envtool.vendor.record import Record, parse_record


@dataclass(frozen=True)
class Distribution:
    """One `.dist-info` folder. `name` is normalised (PEP 503)."""

    name: str
    version: str
    path: Path

    @property
    def site_packages(self) -> Path:
        """The folder that RECORD's paths start from."""
        return self.path.parent

    def read(self, filename: str) -> bytes | None:
        """A file of the `.dist-info`, or `None` where it is missing or cannot be read."""
        try:
            return (self.path / filename).read_bytes()
        except OSError:
            return None

    @property
    def installer(self) -> str:
        """Who installed it, as the INSTALLER file says, or `unknown`."""
        text = self.read("INSTALLER")
        return (text or b"").decode("utf-8", "replace").strip() or "unknown"

    @property
    def requested(self) -> bool:
        """Whether a person asked for it by name, as opposed to another distribution's requirement."""
        return (self.path / "REQUESTED").exists()

    def record(self) -> Record | None:
        """RECORD, or `None` where there is none or it is empty."""
        data = self.read("RECORD")
        return parse_record(data) if data and data.strip() else None

    def requires(self) -> tuple[str, ...]:
        """The `Requires-Dist` lines of METADATA, unparsed; none where METADATA cannot be read."""
        return self.headers("Requires-Dist")

    def headers(self, field: str) -> tuple[str, ...]:
        """All values of one field of METADATA."""
        import email.parser

        data = self.read("METADATA") or b""
        # The body is a README of any length; the fields end at the first blank line.
        head = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
        message = email.parser.HeaderParser().parsestr(head.decode("utf-8", "replace"))
        return tuple(str(value).strip() for value in message.get_all(field, ()))


def distribution_at(path: Path) -> Distribution | None:
    """The distribution of a `.dist-info` folder, by the folder's name; by METADATA where that tells nothing."""
    stem = path.name.removesuffix(".dist-info")
    name, separator, version = stem.partition("-")
    if separator and name and version:
        return Distribution(normalized_name(name), version, path)
    unnamed = Distribution(normalized_name(stem), "", path)
    names, versions = unnamed.headers("Name"), unnamed.headers("Version")
    return Distribution(normalized_name(names[0]), versions[0], path) if names and versions else None
