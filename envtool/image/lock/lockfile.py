"""ImageLock: every input of an image, each by its sha256, as `lockfiles/<image>.lock.toml` holds it.

The conda packages of the image's two environments are in files of conda-lock's own beside it. No lock names a
loopback address, a folder of one machine or a credential.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.atomic_file import write_atomic
from envtool.documents import parse_toml
from envtool.errors import LockError
from envtool.image.lock.conda_lock import LockedPackage, read_packages
from envtool.image.lock.signatures import LockedSignature
from envtool.language import join_messages, tell
from envtool.regular_file import read_regular_file
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin

if TYPE_CHECKING:
    from envtool.image.spec.table import ImageSpec

SCHEMA = 1
FOLDER = Path("lockfiles")


@dataclass(frozen=True)
class LockedBase:
    """The base: its digest (of the tar archive, or of the pulled image) and, if bootstrapped, its packages."""

    digest: str
    reference: str | None
    packages: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """The digest as the store has it."""
        return self.digest.removeprefix("sha256:")

    @property
    def by_digest(self) -> str | None:
        """The reference of a pulled base, by digest."""
        return f"{self.reference.partition('@')[0]}@{self.digest}" if self.reference is not None else None


@dataclass(frozen=True)
class LockedFile:
    """A file known by name and sha256."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ImageLock:
    """Everything that goes into an image.

    A child's lock names everything, as if the image had no parent; `parent` is the checksum of the parent's lock, and
    the child's lock is stale when that changes. `requirements` are wheels for the environment, beside the vendor's.
    """

    image: str
    spec: str
    base: LockedBase
    pin: VendorPin
    tools: tuple[LockedFile, ...]
    wheels: tuple[LockedFile, ...]
    conda: str
    tool_conda: str
    parent: str | None = None
    requirements: tuple[LockedFile, ...] = ()
    signatures: tuple[LockedSignature, ...] = ()

    @cached_property
    def packages(self) -> tuple[LockedPackage, ...]:
        """The conda packages of the environment `pytorch`."""
        return read_packages(self.conda)

    @cached_property
    def tool_packages(self) -> tuple[LockedPackage, ...]:
        """The conda packages that envtool runs on."""
        return read_packages(self.tool_conda)

    def files(self) -> dict[str, str]:
        """The lock's files: name and text."""
        return {
            f"{self.image}.conda-lock.yml": self.conda,
            f"{self.image}.envtool.conda-lock.yml": self.tool_conda,
            f"{self.image}.lock.toml": _render(self),
        }

    def checksum(self) -> str:
        """One sha256 over all of the lock."""
        digest = hashlib.sha256()
        for name, text in sorted(self.files().items()):
            digest.update(f"{name}\0{text}\0".encode())
        return digest.hexdigest()


def _render(lock: ImageLock) -> str:
    import tomlkit

    table: dict[str, Any] = {
        "schema": SCHEMA,
        "image": lock.image,
        "spec": f"sha256:{lock.spec}",
        **({"parent": f"sha256:{lock.parent}"} if lock.parent is not None else {}),
        "stand-in": lock.pin.stand_in,
        # Hashes of the files beside this one: a lock that was written in part must not be taken for whole.
        "conda": {"environment": _sha256(lock.conda), "envtool": _sha256(lock.tool_conda)},
        "base": {
            "digest": lock.base.digest,
            **({"reference": lock.base.reference} if lock.base.reference else {}),
            "packages": tomlkit.array(),
        },
        "vendor": _make_rows(lock.pin.distributions),
        "tool": _make_rows(lock.tools),
        "wheel": _make_rows(lock.wheels),
        **({"requirement": _make_rows(lock.requirements)} if lock.requirements else {}),
        **({"signature": _make_rows(lock.signatures)} if lock.signatures else {}),
    }
    packages = table["base"]["packages"]
    packages.extend(lock.base.packages)
    packages.multiline(True)
    return "# Written by `envtool lock`. Do not edit.\n" + tomlkit.dumps(table)


def _make_rows(items: Iterable[PinnedDistribution | LockedFile | LockedSignature]) -> list[dict[str, str]]:
    return [{key: value for key, value in asdict(item).items() if value is not None} for item in items]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_lock(lock: ImageLock, folder: Path) -> None:
    """Write the lock's files, the one that names the others last. Raises `LockError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in lock.files().items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise LockError(
            tell("the lock cannot be written to {folder}", folder=folder), why=str(error.strerror)
        ) from error


def read_lock(spec: ImageSpec, folder: Path) -> ImageLock:
    """The lock of an image. Raises `LockError` where there is none or it cannot be read."""
    path = folder / f"{spec.name}.lock.toml"
    remedy = f"envtool lock {spec.name}"
    try:
        table = parse_toml(read_regular_file(path).decode())
        conda = read_regular_file(folder / f"{spec.name}.conda-lock.yml").decode()
        tool_conda = read_regular_file(folder / f"{spec.name}.envtool.conda-lock.yml").decode()
        return _read_table(table, conda, tool_conda)
    except FileNotFoundError as error:
        raise LockError(
            tell("{name} is not locked", name=spec.name),
            why=tell("there is no {name} in {folder}", name=Path(error.filename).name, folder=folder),
            remedy=remedy,
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LockError(
            tell("{path} is damaged", path=path),
            why=join_messages(": ", (type(error).__name__, str(error))),
            remedy=remedy,
        ) from error


def read_parent_lock(spec: ImageSpec, folder: Path) -> ImageLock | None:
    """The lock of what an image starts from, where that is another of the table. Raises `LockError`."""
    return read_lock(spec.parent, folder) if spec.parent is not None else None


def _read_table(table: dict[str, Any], conda: str, tool_conda: str) -> ImageLock:
    if table["schema"] != SCHEMA:
        raise ValueError(tell("schema {schema} is not known", schema=table["schema"]))
    if table["conda"] != {"environment": _sha256(conda), "envtool": _sha256(tool_conda)}:
        raise ValueError(tell("the conda-lock files beside it are not the ones that were written with it"))
    base = table["base"]
    distributions = tuple(
        PinnedDistribution(
            name=row["name"], version=row["version"], wheel=row["wheel"], sha256=row["sha256"], content=row["content"]
        )
        for row in table["vendor"]
    )
    return ImageLock(
        image=table["image"],
        spec=table["spec"].removeprefix("sha256:"),
        base=LockedBase(base["digest"], base.get("reference"), tuple(base["packages"])),
        pin=VendorPin(distributions, PinOrigin.FILE, bool(table["stand-in"]), "the image's lock"),
        tools=_read_files(table.get("tool", ())),
        wheels=_read_files(table["wheel"]),
        conda=conda,
        tool_conda=tool_conda,
        parent=table["parent"].removeprefix("sha256:") if "parent" in table else None,
        requirements=_read_files(table.get("requirement", ())),
        signatures=tuple(
            LockedSignature(row["name"], row["value"], row.get("payload")) for row in table.get("signature", ())
        ),
    )


def _read_files(rows: Iterable[dict[str, str]]) -> tuple[LockedFile, ...]:
    return tuple(LockedFile(row["name"], row["sha256"]) for row in rows)


def is_stale(spec: ImageSpec, lock: ImageLock, parent: ImageLock | None) -> bool:
    """Whether the spec, or the lock of the parent, has moved on since the lock was made."""
    return lock.spec != spec.checksum() or lock.parent != (parent.checksum() if parent is not None else None)


def require_current(spec: ImageSpec, lock: ImageLock, parent: ImageLock | None) -> None:
    """Raises `LockError` where a lock is stale."""
    if is_stale(spec, lock, parent):
        raise LockError(
            tell("the lock of {name} is out of date", name=spec.name),
            why=tell("the image table, a file it names or the parent's lock has changed since"),
            remedy=f"envtool lock {spec.name}",
        )


def compare_locks(old: ImageLock, new: ImageLock) -> tuple[str, ...]:
    """What changed from one lock to another, a line each."""
    lines = _list_changes("base", dict(_split_names(old.base.packages)), dict(_split_names(new.base.packages)))
    for label, before, after in (
        ("conda", old.packages, new.packages),
        ("envtool's conda", old.tool_packages, new.tool_packages),
    ):
        lines += _list_changes(label, {p.name: p.filename for p in before}, {p.name: p.filename for p in after})
    lines += _list_changes(
        "vendor",
        {item.name: f"{item.version} {item.sha256}" for item in old.pin.distributions},
        {item.name: f"{item.version} {item.sha256}" for item in new.pin.distributions},
    )
    for label, first, second in (
        ("tool", old.tools, new.tools),
        ("wheel", old.wheels, new.wheels),
        ("requirement", old.requirements, new.requirements),
    ):
        lines += _list_changes(label, {f.name: f.sha256[:12] for f in first}, {f.name: f.sha256[:12] for f in second})
    if old.base.digest != new.base.digest:
        lines.append(f"base: {old.base.digest[:19]} -> {new.base.digest[:19]}")
    if old.parent != new.parent:
        lines.append(tell("parent: its lock was changed"))
    if old.spec != new.spec:
        lines.append(tell("spec: the image table or a file it names was changed"))
    return tuple(lines)


def _split_names(packages: Iterable[str]) -> Iterable[tuple[str, str]]:
    return ((name, version) for name, _, version in (item.partition("=") for item in packages))


def _list_changes(label: str, before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [
        f"{label}: {name} {before.get(name, '(absent)')} -> {after.get(name, '(absent)')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
