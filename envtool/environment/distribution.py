"""An installed distribution, read from its `.dist-info`, or from the `.egg-info` of older tools and of conda.

Formats: PyPA "Recording installed projects"; setuptools, "The Internal Structure of Python Eggs". Files are
read only when asked for, because most questions about most distributions are answered by the folder's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from envtool.documents import parse_json
from envtool.language import tell
from envtool.link_rights import may_name
from envtool.regular_file import read_regular_file
from envtool.wheel.record import Record, parse_record
from envtool.wheel.requires import normalize_name


@dataclass(frozen=True)
class Distribution:
    """One `.dist-info` or `.egg-info`. `name` is normalised (PEP 503)."""

    name: str
    version: str
    path: Path

    @property
    def is_egg(self) -> bool:
        """Whether its records are of the older kind: `PKG-INFO`, and no RECORD."""
        return self.path.name.endswith(".egg-info")

    @property
    def site_packages(self) -> Path:
        """The folder that RECORD's paths start from."""
        return self.path.parent

    def read(self, filename: str) -> bytes | None:
        """A file of the `.dist-info`, or `None` where it is missing or cannot be read."""
        try:
            return read_regular_file(self.path / filename)
        except OSError:
            return None

    @property
    def installer(self) -> str:
        """Who installed it, as the INSTALLER file says, or `unknown`."""
        text = self.read("INSTALLER")
        return (text or b"").decode("utf-8", "replace").strip() or "unknown"

    @property
    def source(self) -> str | None:
        """Where a direct install came from: the address in `direct_url.json` (PEP 610), or `None`."""
        try:
            table = parse_json(self.read("direct_url.json") or b"null")
            is_editable = table.get("dir_info", {}).get("editable")
            url = f"{table['url']}"
            return tell("an editable install of {url}", url=url) if is_editable else url
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def installed_at(self) -> float | None:
        """When its records were written, in seconds since the epoch; wheels carry no time into RECORD."""
        for name in ("RECORD", "INSTALLER", ""):
            try:
                return (self.path / name).stat().st_mtime
            except OSError:
                continue
        return None

    @property
    def requested(self) -> bool:
        """Whether a person asked for it by name, as opposed to another distribution's requirement."""
        return (self.path / "REQUESTED").exists()

    @property
    def has_record(self) -> bool:
        """Whether there is a RECORD with something in it."""
        return bool((self.read("RECORD") or b"").strip())

    def record(self) -> Record | None:
        """RECORD, or `None` where there is none or it is empty."""
        data = self.read("RECORD")
        return parse_record(data) if data and data.strip() else None

    def metadata(self) -> bytes | None:
        """METADATA, or what an `.egg-info` has in its place, or `None` where it cannot be read."""
        if not self.is_egg:
            return self.read("METADATA")
        data = self.read("PKG-INFO")
        if data is None:
            # distutils wrote a file where setuptools made a folder.
            try:
                return read_regular_file(self.path)
            except OSError:
                return None
        return data

    def requires(self) -> tuple[str, ...]:
        """The `Requires-Dist` lines of METADATA, unparsed; none where METADATA cannot be read."""
        return self.headers("Requires-Dist")

    def headers(self, field: str) -> tuple[str, ...]:
        """All values of one field of METADATA, continued lines joined as they stand (RFC 5322, section 2.2.3).

        Read by hand: `email` takes longer to import than all of an environment's records take to read.
        """
        data = self.metadata() or b""
        # The body is a README of any length; the fields end at the first blank line.
        head = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].decode("utf-8", "replace")
        found: list[str] = []
        in_field = False
        for line in head.split("\n"):
            if line[:1] in {" ", "\t"}:
                found[-1:] = [f"{found[-1]}\n{line}"] if in_field else found[-1:]
                continue
            name, _separator, value = line.partition(":")
            in_field = name.lower() == field.lower()
            found += [value] if in_field else []
        return tuple(value.strip() for value in found)


def read_distribution(path: Path) -> Distribution | None:
    """The distribution of a `.dist-info` or `.egg-info`, by its name; by its metadata where the name tells nothing."""
    if path.name.endswith(".egg-info"):
        parts = path.name.removesuffix(".egg-info").split("-")
        if len(parts) > 1 and all(parts[:2]):
            return Distribution(normalize_name(parts[0]), parts[1], path)
        return _read_by_metadata(path, parts[0])
    stem = path.name.removesuffix(".dist-info")
    name, separator, version = stem.partition("-")
    if separator and name and version:
        return Distribution(normalize_name(name), version, path)
    return _read_by_metadata(path, stem)


def _read_by_metadata(path: Path, stem: str) -> Distribution | None:
    unnamed = Distribution(normalize_name(stem), "", path)
    names, versions = unnamed.headers("Name"), unnamed.headers("Version")
    return Distribution(normalize_name(names[0]), versions[0], path) if names and versions else None


def read_egg_link(link: Path) -> Distribution | None:
    """What an `.egg-link` of `setup.py develop` leads to: its first line names the folder with the `.egg-info`."""
    try:
        folder = Path(read_regular_file(link).split(b"\n", 1)[0].decode("utf-8", "replace").strip())
        if not may_name(link, folder):
            return None
        found = read_distribution(folder / f"{link.name.removesuffix('.egg-link').replace('-', '_')}.egg-info")
    except (OSError, ValueError):
        return None
    return found if found is not None and found.metadata() is not None else None
