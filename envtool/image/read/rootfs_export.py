"""Looks into an image or a container without running it: the engine exports its file system."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.environment.accounts import find_home
from envtool.environment.file_tree import DiskTree
from envtool.errors import EngineError
from envtool.image.engine.client import Engine, find_engine
from envtool.image.engine.engine_stream import stream_answer
from envtool.image.read.sparse_rootfs import SparseRootfs
from envtool.language import tell
from envtool.temporary_folder import temporary_folder

_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of its own is made in it, by mkdtemp)
# On the containers that are made for reading and never started: which process made it, on which start of a machine.
_LABEL = "hac.envtool.process"


@dataclass(frozen=True)
class ExportedRootfs:
    """A folder that stands for `/` of an image or a container, the variables it sets, and what it runs where."""

    root: Path
    variables: dict[str, str]
    command: tuple[str, ...] = ()
    folder: str = "/"


@dataclass(frozen=True)
class ExportFilter:
    """What of the files' content is taken along; see `Skeleton`."""

    full_packages: frozenset[str] = frozenset()
    keep_content: Callable[[str], bool] = lambda _path: True


@contextmanager
def image_rootfs(reference: str, export_filter: ExportFilter) -> Iterator[ExportedRootfs]:
    """The file system of an image. Raises `EngineError` where no engine answers or it has no such image."""
    engine = find_engine(Path.cwd())
    attributes = engine.inspect_image(reference)
    if not attributes:
        raise EngineError(
            tell("the engine has no image {reference}", reference=reference),
            why=tell("it was never built or pulled here"),
            remedy="docker images",
        )
    with engine.translate_engine_errors():
        _remove_abandoned_containers(engine)
        # It is not started, so the command need not exist; the engine wants one all the same.
        labels = {_LABEL: f"{_read_boot_id()}:{os.getpid()}"}
        made = engine.client.api.create_container(attributes["Id"], command=["none"], labels=labels)
    try:
        with _exported_rootfs(engine, made["Id"], attributes["Config"], export_filter) as rootfs:
            yield rootfs
    finally:
        with engine.translate_engine_errors():
            engine.client.api.remove_container(made["Id"], force=True)


def _remove_abandoned_containers(engine: Engine) -> None:
    """Remove the containers that killed processes of this machine have left."""
    import docker.errors

    for container in engine.client.api.containers(all=True, filters={"label": _LABEL}):
        start, _, process = container["Labels"][_LABEL].partition(":")
        # Of another machine's processes nobody here can tell.
        if start == _read_boot_id() and not Path("/proc", process).exists():
            # 404 and 409: another command is about to do the same.
            with suppress(docker.errors.APIError):
                engine.client.api.remove_container(container["Id"], force=True)


def _read_boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@contextmanager
def container_rootfs(reference: str, export_filter: ExportFilter) -> Iterator[ExportedRootfs]:
    """The file system of a container, running or not. Raises `EngineError` as `opened_image` does."""
    import docker.errors

    engine = find_engine(Path.cwd())
    with engine.translate_engine_errors():
        try:
            attributes = engine.client.api.inspect_container(reference)
        except docker.errors.NotFound as error:
            raise EngineError(
                tell("the engine has no container {reference}", reference=reference),
                why=tell("it was removed or never made"),
                remedy="docker ps --all",
            ) from error
    with _exported_rootfs(engine, attributes["Id"], attributes.get("Config") or {}, export_filter) as rootfs:
        yield rootfs


@contextmanager
def _exported_rootfs(
    engine: Engine, container: str, configuration: dict[str, Any], export_filter: ExportFilter
) -> Iterator[ExportedRootfs]:
    # Torch itself is too large for a file system in memory.
    place = None if export_filter.full_packages else find_memory_folder()
    with temporary_folder(place) as root:
        with engine.translate_engine_errors():
            api, path = engine.client.api, f"/containers/{container}/export"
            try:
                with stream_answer(engine, path, lambda: api.export(container, chunk_size=1 << 20)) as stream:
                    SparseRootfs(
                        root=root, full_packages=export_filter.full_packages, keep_content=export_filter.keep_content
                    ).extract(stream)
            except tarfile.TarError as error:
                raise EngineError(
                    tell("the engine's export is cut short"), why=str(error), remedy="docker info"
                ) from error
        command = tuple(map(str, [*(configuration.get("Entrypoint") or ()), *(configuration.get("Cmd") or ())]))
        folder = str(configuration.get("WorkingDir") or "/")
        yield ExportedRootfs(root, _read_variables(configuration, root), command, folder)


def find_memory_folder() -> Path | None:
    """A folder in memory, if there is one: what is quickest at thousands of files without content."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None


def _read_variables(configuration: dict[str, Any], root: Path) -> dict[str, str]:
    variables = dict(entry.partition("=")[::2] for entry in configuration.get("Env") or [])
    variables.setdefault("HOME", find_home(DiskTree(root), str(configuration.get("User") or "0")))
    return variables
