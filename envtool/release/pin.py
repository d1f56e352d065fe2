"""The pin: exactly which vendor wheels an environment must hold, each by its hash."""

from __future__ import annotations

from dataclasses import KW_ONLY, asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import envtool
from envtool.documents import parse_toml
from envtool.errors import ReleaseError, VersionError
from envtool.language import join_messages, tell
from envtool.regular_file import read_regular_file
from envtool.release.profile import TORCH, Profile
from envtool.release.read_profile import DEFAULT, load_profile
from envtool.release.version import VendorVersion, normalize_version, parse_vendor_version

# Where an environment keeps its own pin, relative to its prefix.
PIN_FILE = Path("etc/hac/pin.toml")
# And the history of its torch (`environment.history`); here, where looking for it costs no further import.
HISTORY_FILE = Path("etc/hac/history.jsonl")
SCHEMA = 1


class PinOrigin(Enum):
    """Where a pin was learnt."""

    FILE = tell("the environment's pin file")
    SOURCE = tell("a vendor source")
    RECORDS = tell("the environment's own records")
    GIVEN = tell("the version that was given")
    HISTORY = tell("the environment's history")


@dataclass(frozen=True, kw_only=True)
class PinnedDistribution:
    """One distribution of a pin.

    `wheel` is the file name, `sha256` the wheel's hash and `content` the digest of what it installs
    (`record.digest_content`). A pin that was read off an environment's records knows neither hash.
    """

    name: str
    version: str
    _: KW_ONLY
    wheel: str | None = None
    sha256: str | None = None
    content: str | None = None


@dataclass(frozen=True)
class VendorPin:
    """The vendor torch, and the companions of its release, that an environment must hold.

    `profile_id` names what is known of the vendor.
    """

    distributions: tuple[PinnedDistribution, ...]
    origin: PinOrigin
    stand_in: bool = False
    detail: str = field(default="", compare=False)
    profile_id: str = DEFAULT

    @property
    def profile(self) -> Profile:
        """What is known of the vendor. Raises `SettingsError` where the profile is gone."""
        return load_profile(self.profile_id)

    @property
    def torch(self) -> PinnedDistribution:
        """The pinned torch itself."""
        return next(item for item in self.distributions if item.name == TORCH)

    @property
    def version(self) -> VendorVersion:
        """The pinned torch's version, taken apart."""
        return parse_vendor_version(self.torch.version, self.profile) or VendorVersion.parse(self.torch.version)

    def find(self, name: str) -> PinnedDistribution | None:
        """The pinned distribution called `name`, if the pin has it."""
        return next((item for item in self.distributions if item.name == name), None)

    @property
    def requirements(self) -> tuple[str, ...]:
        """The pinned distributions as requirements that no other build meets."""
        return tuple(self.format_requirement(item) for item in self.distributions)

    def format_requirement(self, item: PinnedDistribution) -> str:
        """One of them as a requirement.

        `==` with a version that has no label admits all that have one (PEP 440, "Version matching"). A torch without,
        and what belongs to it, is held by `===`, which compares the text ("Arbitrary equality"). Beside a torch with a
        label `==` will do: a companion may be another build of its version there.
        """
        is_plain = "+" not in self.torch.version and "+" not in item.version
        return f"{item.name}==={normalize_version(item.version)}" if is_plain else f"{item.name}=={item.version}"

    def is_reported_as(self, version: str, release: object) -> bool:
        """Whether a torch that calls itself `version`, and `release` beside it, is the pinned one.

        The vendor's build may call itself by the bare version and tell its release apart.
        """
        pinned = self.version
        return version == str(pinned) or (version == str(pinned.public) and str(release) == str(pinned.release))

    def render_constraints(self) -> str:
        """A constraints file for pip and uv that names the vendor's distributions and nothing else."""
        cure = self.profile.cure
        loss = (
            "any other torch loses the accelerator" if self.profile_id == DEFAULT else f"with another torch {cure.lost}"
        )
        head = [
            f"# The vendor's distributions, and only these: {loss}.",
            f"# To see what would break it: envtool doctor. To put it back: {cure.restore}",
        ]
        return "\n".join([*head, *self.requirements, ""])


def read_pin(prefix: Path) -> VendorPin | None:
    """The pin that a prefix carries in `PIN_FILE`, or `None` where it carries none.

    Raises `ReleaseError` where the file is there and is no pin.
    """
    path = prefix / PIN_FILE
    try:
        data = read_regular_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReleaseError(tell("the pin {path} cannot be read", path=path), why=str(error.strerror)) from error
    return parse_pin(
        data, path, remedy=tell("envtool restore --prefix {prefix} --vendor SOURCE   (writes it anew)", prefix=prefix)
    )


def parse_pin(data: bytes, path: Path, *, remedy: str = "") -> VendorPin:
    """The pin in a file's content; `path` is where it is. Raises `ReleaseError` where it is none."""
    try:
        return _read_table(parse_toml(data.decode()), path)
    except (ValueError, KeyError, TypeError, AttributeError, VersionError) as error:
        why = join_messages(": ", (type(error).__name__, str(error)))
        raise ReleaseError(tell("the pin {path} is damaged", path=path), why=why, remedy=remedy) from error


def _read_table(table: dict[str, Any], path: Path) -> VendorPin:
    if table["schema"] != SCHEMA:
        raise ValueError(
            tell(
                "schema {schema} is not known to envtool {version}", schema=table["schema"], version=envtool.__version__
            )
        )
    distributions = tuple(
        PinnedDistribution(
            name=str(row["name"]),
            version=str(row["version"]),
            wheel=row.get("wheel"),
            sha256=row.get("sha256"),
            content=row.get("content"),
        )
        for row in table["distribution"]
    )
    profile = str(table.get("profile", DEFAULT))
    pin = VendorPin(distributions, PinOrigin.FILE, bool(table.get("stand-in", False)), str(path), profile)
    if not any(item.name == TORCH for item in distributions):
        raise ValueError(tell("it names no torch"))
    # Raises `VersionError` where it is no vendor's.
    _ = pin.version
    return pin


def render_pin(pin: VendorPin) -> str:
    """The text of a pin file."""
    import tomlkit

    rows = [{key: value for key, value in asdict(item).items() if value is not None} for item in pin.distributions]
    table = {
        "schema": SCHEMA,
        "release": str(pin.version.release),
        "stand-in": pin.stand_in,
        **({"profile": pin.profile_id} if pin.profile_id != DEFAULT else {}),
        "distribution": rows,
    }
    return "# Written by envtool: which vendor wheels this environment must hold.\n" + tomlkit.dumps(table)
