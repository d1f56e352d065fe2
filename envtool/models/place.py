"""Where a model is run: an environment of this machine, or a container of an image, without a network."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from envtool.bounded_process import BoundedProcess
from envtool.documents import parse_json
from envtool.environment.change_scope import find_prefix_user
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import read_environment
from envtool.errors import BuildError, ModelError
from envtool.language import join_alternatives, tell
from envtool.models.catalog import ModelSample, copy_sample
from envtool.regular_file import read_regular_file
from envtool.release.pin import PIN_FILE, VendorPin, parse_pin
from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import lend_tree, make_process_options

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine
    from envtool.transaction.owner import Owner

# Bytes that a run may print, and that its report may have.
_OUTPUT_LIMIT = 4 << 20
_REPORT_LIMIT = 1 << 20
_FOLDER_INSIDE = "hac-model"


class ModelPlace(Protocol):
    """A folder with a model's files, and an interpreter that runs them."""

    @property
    def pin(self) -> VendorPin | None:
        """The vendor torch that this place must have."""
        ...

    @property
    def root(self) -> str | None:
        """The folder that torch must be imported from."""
        ...

    def run(self, arguments: Sequence[str], time_limit: float) -> tuple[int | None, str]:
        """Run `python ARGUMENTS` in the folder: its status, `None` where it had to be stopped, and what it printed."""
        ...

    def read_report(self, name: str) -> dict[str, Any]:
        """A report that a program left in the folder; empty where there is none."""
        ...


class _LocalPlace:
    def __init__(
        self, folder: Path, interpreter: Path, root: str, pin: VendorPin | None, owner: Owner | None = None
    ) -> None:
        self._folder, self._interpreter, self._owner = folder, interpreter, owner
        self.root: str | None = root
        self.pin = pin

    def run(self, arguments: Sequence[str], time_limit: float) -> tuple[int | None, str]:
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
        try:
            process = BoundedProcess(
                [self._interpreter, *arguments],
                environment=self._owner.adapt_variables(variables) if self._owner is not None else variables,
                cwd=self._folder,
                **make_process_options(self._owner),
            )
        except OSError as error:
            raise ModelError(
                tell("{interpreter} cannot be started", interpreter=self._interpreter),
                why=str(error.strerror),
                remedy="envtool doctor",
            ) from error
        ended = process.wait(time_limit, _OUTPUT_LIMIT)
        return ended.status, (ended.out + ended.err).decode("utf-8", "replace")

    def read_report(self, name: str) -> dict[str, Any]:
        try:
            return _parse_report(read_regular_file(self._folder / name, _REPORT_LIMIT))
        except OSError:
            return {}


@contextmanager
def local_place(sample: ModelSample, prefix: Path | None, python: Path | None) -> Iterator[ModelPlace]:
    """The environment that a person means; the model's files lie in a temporary folder meanwhile."""
    environment = read_environment(find_prefix(prefix, python))
    found = environment.prefix
    interpreter = found.interpreter if found.interpreter.exists() else found.path / "bin/python"
    owner = find_prefix_user(found, interpreter)
    with temporary_folder() as folder:
        copy_sample(sample, folder / sample.name)
        lend_tree(owner, folder)
        root = str(found.site_packages.resolve())
        yield _LocalPlace(folder / sample.name, interpreter, root, find_effective_pin(environment), owner)


class _ImagePlace:
    root = None

    def __init__(self, container: Any, folder: str, pin: VendorPin | None) -> None:
        self._container, self._folder = container, folder
        self.pin = pin

    def run(self, arguments: Sequence[str], time_limit: float) -> tuple[int | None, str]:
        from envtool.image.engine.run_inside import run_inside

        return run_inside(
            self._container,
            ["python", *arguments],
            time_limit,
            folder=self._folder,
            variables={"PYTHONIOENCODING": "utf-8:backslashreplace"},
        )

    def read_report(self, name: str) -> dict[str, Any]:
        from envtool.image.engine.run_inside import run_inside

        status, text = run_inside(self._container, ["cat", f"{self._folder}/{name}"], 60.0)
        return _parse_report(text.encode()) if status == 0 else {}


@contextmanager
def image_place(sample: ModelSample, engine: Engine, reference: str) -> Iterator[ModelPlace]:
    """A container of an image, without a network, which is removed afterwards.

    Raises `BuildError` for an image that the engine does not have, `EngineError` where it goes away.
    """
    from envtool.image.engine.run_inside import idle_container, run_inside

    attributes = engine.inspect_image(reference)
    if not attributes:
        raise BuildError(
            tell("there is no image {reference}", reference=reference),
            remedy=join_alternatives(("docker pull", "envtool build --demo")),
        )
    with idle_container(engine, reference) as container:
        container.put_archive("/tmp", _make_archive(sample))  # noqa: S108  # the container's own
        variables = dict(item.partition("=")[::2] for item in attributes["Config"].get("Env") or [])
        prefix = variables.get("CONDA_PREFIX") or variables.get("VIRTUAL_ENV")
        pin = None
        if prefix:
            path = Path(prefix) / PIN_FILE
            status, text = run_inside(container, ["cat", str(path)], 60.0)
            pin = parse_pin(text.encode(), path) if status == 0 else None
        yield _ImagePlace(container, f"/tmp/{_FOLDER_INSIDE}", pin)  # noqa: S108


def _make_archive(sample: ModelSample) -> bytes:
    """The model's files as an archive; whoever the image runs as may write into the folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        folder = tarfile.TarInfo(_FOLDER_INSIDE)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        archive.addfile(folder)
        for path in sorted(sample.folder.iterdir()):
            if path.is_file():
                data = path.read_bytes()
                entry = tarfile.TarInfo(f"{_FOLDER_INSIDE}/{path.name}")
                entry.size, entry.mode = len(data), 0o644
                archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def _parse_report(data: bytes) -> dict[str, Any]:
    try:
        report = parse_json(data)
    except ValueError:
        return {}
    return dict(report) if isinstance(report, Mapping) else {}
