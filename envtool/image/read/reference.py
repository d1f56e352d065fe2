"""Finds an image by its name: in a file, a folder, a registry or an engine.

A prefix in the style of skopeo's transports settles it; without one, what exists comes first, then an engine that has
the image, then a registry where the name begins with one.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from envtool.errors import EngineError, ImageError
from envtool.image.engine.client import Engine, find_engine
from envtool.image.engine.engine_stream import stream_answer
from envtool.image.read.layout import read_oci_layout
from envtool.image.read.manifest import get_host_platform
from envtool.image.read.remote import is_registry_name, read_from_registry
from envtool.image.read.tarball import read_archive
from envtool.language import tell
from envtool.regular_file import is_own_stream, open_regular_file

if TYPE_CHECKING:
    from envtool.image.read.image import StoredImage
    from envtool.image.read.layer import FileSelector

_FILES = ("oci-archive:", "docker-archive:", "oci:", "dir:")
_REGISTRY, _ENGINE = "docker://", "docker-daemon:"


def is_outside_engine(reference: str) -> bool:
    """Whether a name says that an image is in a file, a folder or a registry: no engine is asked for it."""
    if reference.startswith((*_FILES, _REGISTRY)):
        return True
    return not reference.startswith(_ENGINE) and Path(reference).exists()


def read_image(reference: str, selector: FileSelector, *, project: Path, platform: str | None = None) -> StoredImage:
    """Read an image from wherever its name leads. Raises `ImageError`, `EngineError`, `SetupError`."""
    wanted = platform or get_host_platform()
    for prefix in _FILES:
        if reference.startswith(prefix):
            return _parse_named_path(reference.removeprefix(prefix), selector, wanted)
    if reference.startswith(_REGISTRY):
        return read_from_registry(reference.removeprefix(_REGISTRY), selector, wanted)
    if is_outside_engine(reference):
        return _parse_path(Path(reference), selector, wanted)
    first = reference.partition("/")[0]
    name = reference.removeprefix(_ENGINE)
    try:
        engine = find_engine(project)
        attributes = engine.inspect_image(name)
    except EngineError:
        if name != reference or not is_registry_name(first):
            raise
        return read_from_registry(reference, selector, wanted)
    if attributes:
        # A bare name would have the engine save every tag of the repository.
        newest = f"{name}:latest"
        exact = newest if newest in (attributes.get("RepoTags") or ()) else name
        return replace(_parse_engine_name(engine, exact, selector, wanted), reference=name)
    if name == reference and "/" in reference and is_registry_name(first):
        return read_from_registry(reference, selector, wanted)
    raise ImageError(
        tell("there is no image {name}", name=name),
        why=tell("no file has that name, the engine has no such image, and it does not begin with a registry"),
        remedy=tell("docker images   (for a registry: docker://NAME)"),
    )


def _parse_named_path(text: str, selector: FileSelector, platform: str) -> StoredImage:
    """`PATH` or `PATH:NAME:TAG`, for an archive with several images."""
    if Path(text).exists():
        return _parse_path(Path(text), selector, platform)
    path, _, name = text.partition(":")
    return _parse_path(Path(path), selector, platform, name or None)


def _parse_path(path: Path, selector: FileSelector, platform: str, name: str | None = None) -> StoredImage:
    if path.is_dir():
        return read_oci_layout(path, selector, platform)
    try:
        # A pipe that the shell made for this command has a writer; another one may never have any.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if is_own_stream(path) else open_regular_file(path)
        with os.fdopen(handle, "rb") as stream:
            return read_archive(stream, str(path), selector, platform, name)
    except OSError as error:
        raise ImageError(
            tell("{path} cannot be read", path=path), why=str(error.strerror or error), remedy=f"ls -l {path}"
        ) from error


def _parse_engine_name(engine: Engine, name: str, selector: FileSelector, platform: str) -> StoredImage:
    api, path = engine.client.api, f"/images/{quote(name, safe='/:')}/get"
    with engine.translate_engine_errors():
        try:
            with stream_answer(engine, path, lambda: api.get_image(name, chunk_size=1 << 20)) as stream:
                return read_archive(stream, name, selector, platform)
        except ImageError:
            # If the engine is gone, that is why the archive is cut off: `ping` raises it.
            engine.client.ping()
            raise
