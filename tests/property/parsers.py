"""Every parser of what others write, each as a function of bytes, and what it may do with them.

A parser returns, or raises `EnvtoolError` or one of the errors that it names. Its corpus has texts of its format.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from envtool.doctor.cache import DiagnosisCache
from envtool.doctor.settings import read_settings
from envtool.driver.flavour import parse_menu
from envtool.driver.table import parse_table
from envtool.driver.usage import parse_look, read_prices
from envtool.environment.conda_records import parse_conda_record, parse_history
from envtool.environment.distribution import Distribution
from envtool.environment.elf import SharedObjectError, read_needed_libraries
from envtool.environment.entry_script import follow_script
from envtool.environment.file_tree import DiskTree
from envtool.environment.history import read_history
from envtool.environment.imported import find_import
from envtool.environment.jupyter_kernels import list_kernels
from envtool.environment.pth import parse_pth
from envtool.environment.start_command import find_command_start, find_service_starts
from envtool.environment.started_python import ImportFolder, ImportOrigin
from envtool.errors import EnvtoolError
from envtool.fleet.documents import DocumentOrigin, parse_documents
from envtool.guard.explain import find_conflicts
from envtool.guard.instruction import find_install_steps
from envtool.guard.project_command import suggest_environment
from envtool.guard.suggestion import suggest_changes
from envtool.image.context.dockerfile_config import evaluate_instructions
from envtool.image.lock.conda_lock import read_packages
from envtool.image.read.image import make_stored_image, parse_instruction
from envtool.image.read.layer import CAPTURE_NOTHING, Capture, FileSelector, read_layer
from envtool.image.read.manifest import is_index, parse_image_document, parse_manifest, select_manifest
from envtool.image.read.tarball import read_archive
from envtool.image.sbom.document import read_sbom
from envtool.image.spec.table import TABLE, read_table
from envtool.masking import mask_credentials
from envtool.net.index_page import parse_index_page
from envtool.net.registry_auth import parse_challenges
from envtool.printable import escape_controls, join_lines, spoil_commands
from envtool.protect.edits import (
    add_block,
    add_pip_constraint,
    add_uv_constraints,
    remove_block,
    remove_pip_constraint,
    remove_uv_constraints,
)
from envtool.protect.manifest import MANIFEST, read_manifest
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin, parse_pin
from envtool.release.read_profile import parse_profile
from envtool.requirements.chain import parse_parents
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.metadata import read_wheel_requires
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.requirements_txt import read_lines
from envtool.requirements.readers.text_filters import FILTERS, read_filter
from envtool.requirements.resolution import read_plan
from envtool.requirements.settings import read_check_settings
from envtool.requirements.target import Target
from envtool.safe_install.locks.pdm_lock import read_pdm_project
from envtool.safe_install.locks.poetry_lock import read_poetry_project
from envtool.safe_install.locks.pylock_file import read_pylock_project
from envtool.safe_install.locks.uv_project import read_uv_project
from envtool.scan.files import FileType, ProgramFile
from envtool.scan.read_file import read_program_file
from envtool.scan.settings import read_scan_settings
from envtool.verify.credential_contents import find_credentials
from envtool.wheel.contents import read_contents
from envtool.wheel.name import StoredWheel, WheelName, read_wheel_metadata
from envtool.wheel.record import digest_content, parse_record, render_record

Parser = Callable[[bytes], object]
CORPUS = Path(__file__).parent / "corpus"
# What a parser may raise; anything else is a fault.
ALLOWED = (EnvtoolError, SharedObjectError)
EVERYTHING = FileSelector(lambda _path, _size: Capture.DATA)
PIN = VendorPin((PinnedDistribution(name="torch", version="1.7.1+cu110.moreh22.8.0"),), PinOrigin.GIVEN)
# What a scan reads, by the file that it is in here.
PROGRAM_FILES = {
    "scan-python": ("a.py", FileType.PYTHON),
    "scan-notebook": ("a.ipynb", FileType.NOTEBOOK),
    "scan-shell": ("a.sh", FileType.SHELL),
    "scan-yaml": ("a.yaml", FileType.YAML),
    "scan-json": ("a.json", FileType.JSON),
    "scan-dockerfile": ("Dockerfile", FileType.DOCKERFILE),
    "scan-cmake": ("CMakeLists.txt", FileType.CMAKE),
    "scan-make": ("Makefile", FileType.MAKEFILE),
    "scan-toml": ("a.toml", FileType.TOML),
    "scan-ini": ("tox.ini", FileType.INI),
    "scan-just": ("justfile", FileType.RECIPES),
    "scan-pipeline": ("Jenkinsfile", FileType.RECIPES),
    "scan-document": ("README.md", FileType.DOCUMENT),
    "scan-requirements": ("requirements.txt", FileType.REQUIREMENTS),
}
TARGET = Target(pin=PIN, python="3.11.7")
DEPENDENCY_FILES = (
    *("requirements.txt", "pyproject.toml", "pylock.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"),
    *("setup.cfg", "environment.yml", "conda-lock.yml", "pixi.toml", "pixi.lock", "hatch.toml", "tox.ini", "tox.toml"),
    "Dockerfile",
)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _in_file(name: str, read: Callable[[Path], object]) -> Parser:
    """A parser of a file in a folder of its own; `read` gets the folder."""

    def parse(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            return read(Path(folder))

    return parse


def _parse_record(data: bytes) -> None:
    rows = parse_record(data).rows
    assert parse_record(render_record(rows)).rows == rows
    digest_content(rows)


def _follow_script(data: bytes) -> None:
    """As a script that sources itself, and as what a login shell reads first."""
    with tempfile.TemporaryDirectory() as name:
        tree = DiskTree(Path(name))
        for path in ("x", "etc/profile", "root/.bashrc"):
            (Path(name) / path).parent.mkdir(exist_ok=True)
            (Path(name) / path).write_bytes(data)
        end = follow_script(_text(data), {"PATH": "/bin"}, arguments=["python", "x.py"], tree=tree)
        assert all(isinstance(word, str) for word in end.words)
        find_command_start(tree, ["bash", "-l", "/x", "python", "x.py"], {"PATH": "/bin", "HOME": "/root"}, "/")


def _list_services(data: bytes) -> None:
    """As supervisord's configuration that includes itself, and as a service's script."""
    with tempfile.TemporaryDirectory() as name:
        for path in ("etc/supervisord.conf", "etc/services.d/a/run"):
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_bytes(data)
        for command in (["supervisord"], ["/init", "python"]):
            list(find_service_starts(DiskTree(Path(name)), command, {"PATH": "/bin"}, "/"))


def _read_kernel(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "usr/share/jupyter/kernels/python3/kernel.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        for kernel in list_kernels(DiskTree(Path(name)), {}, "/usr"):
            assert all(isinstance(word, str) for word in kernel.words)


def _import_from_archive(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "a.zip").write_bytes(data)
        find_import(DiskTree(Path(name)), [ImportFolder(path="/a.zip", origin=ImportOrigin.PYTHONPATH)], "torch")


def _parse_manifest(data: bytes) -> None:
    table = parse_image_document(data, "it")
    if is_index(table):
        select_manifest(table, "linux/amd64", "it")
    else:
        parse_manifest(table, "it")


def _parse_configuration(data: bytes) -> None:
    image = make_stored_image("it", "sha256:0", parse_image_document(data, "it"), ())
    str((image.variables, image.labels, image.steps, image.size))


def _parse_page(data: bytes) -> None:
    for kind in ("text/html", "application/vnd.pypi.simple.v1+json"):
        try:
            for file in parse_index_page(_text(data), kind, "torch", "https://h/simple/torch/"):
                assert isinstance(file["filename"], str)
        except ValueError:
            continue


def _print(data: bytes) -> None:
    shown = join_lines([spoil_commands(escape_controls(mask_credentials(_text(data))))])
    assert "\x1b" not in shown
    assert "\n" not in shown
    shown.encode()


def _edit(data: bytes) -> None:
    """What is added to a text of somebody's, and taken out again, leaves it as it was, but for its lines' ends."""
    text = _text(data)
    pip = add_pip_constraint(text, "/e/constraints.txt")
    assert "/e/constraints.txt" in pip
    assert add_pip_constraint(pip, "/e/constraints.txt") == pip
    remove_pip_constraint(pip, "/e/constraints.txt")
    remove_block(add_block(text, ["pytorch <0"]))
    try:
        uv = add_uv_constraints(text, ["torch==1"])
    except ValueError:
        return
    assert "torch==1" in uv
    remove_uv_constraints(uv, ["torch==1"])


def _scan(name: str, type: FileType) -> Parser:
    return _in_file(name, lambda folder: read_program_file(ProgramFile(folder / name, type, folder), "1.7.1"))


def _read_protected(prefix: Path) -> object:
    return read_manifest(prefix, {prefix / "pip.conf": "pip", prefix / "uv.toml": "uv"})


def _read_metadata(folder: Path) -> None:
    item = Distribution("x", "1", folder)
    str((item.headers("Name"), item.requires(), item.installer, item.source))


def _in_project(read: Callable[[Path, LockSelection, Target], object]) -> Callable[[Path], object]:
    """A reader of a lock that has a project beside it, with everything of it selected."""

    def parse(folder: Path) -> object:
        project = '[project]\nname = "work"\nversion = "1"\ndependencies = ["modest[more]", "torch"]\n'
        (folder / "pyproject.toml").write_text(project)
        lock = next(path for path in folder.iterdir() if path.name != "pyproject.toml")
        return read(lock, LockSelection(all_extras=True, all_groups=True), TARGET)

    return parse


def _read_uv_lock(lock: Path) -> object:
    """With what uv exports of it taken as given: uv reads it by itself."""
    entries = read_lines("modest==1.0\nmember @ file:///nowhere\n", lock).entries
    return read_uv_project(
        lock, lock.parent, LockSelection(all_extras=True, all_groups=True), TARGET, lambda _: entries
    )


def _read_pylock(lock: Path, selection: LockSelection, target: Target) -> object:
    return read_pylock_project(lock, selection, target, lambda _entries: {})


def _parse_fleet_report(data: bytes) -> object:
    try:
        return list(parse_documents(data, DocumentOrigin("x", 0.0)))
    except ValueError as error:
        # What a person is told.
        return str(error)


def _read_wheel(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a-1-py3-none-any.whl")
        path.write_bytes(data)
        read_wheel_requires(str(path))
        wheel = StoredWheel(WheelName.parse(path.name), path, "0" * 64)
        return read_wheel_metadata(path), read_contents(wheel)


def _read_filters(data: bytes) -> None:
    """Their calls are taken apart, and not run."""
    for name in FILTERS:
        read_filter(name, _text(data).split(" "))


PARSERS: dict[str, Parser] = {
    "record": _parse_record,
    "pth": parse_pth,
    "wheel": _read_wheel,
    "filter-call": _read_filters,
    "entry-script": _follow_script,
    "services": _list_services,
    "jupyter-kernel": _read_kernel,
    "archive-of-modules": _import_from_archive,
    "conda-record": lambda data: parse_conda_record(data, Path("x")),
    "conda-history": parse_history,
    "conda-lock": lambda data: read_packages(data.decode("utf-8", "replace")),
    "pin": lambda data: parse_pin(data, Path("x")),
    "profile": lambda data: parse_profile(data, Path("x")),
    "protect-manifest": _in_file(str(MANIFEST), _read_protected),
    "protected-text": _edit,
    "history": _in_file("etc/hac/history.jsonl", read_history),
    "direct-url": _in_file("direct_url.json", _read_metadata),
    "metadata": _in_file("METADATA", _read_metadata),
    "cache": _in_file("x.json", lambda folder: DiagnosisCache(folder / "x.json").get("a", "b")),
    "settings": _in_file("hac.toml", read_settings),
    "driver": lambda data: parse_table(_text(data)),
    "fleet-report": _parse_fleet_report,
    "flavours": lambda data: parse_menu(_text(data)),
    "jobs-log": parse_look,
    "prices": _in_file("prices.toml", lambda folder: read_prices(folder / "prices.toml")),
    "shared-object": _in_file("x.so", lambda folder: read_needed_libraries(folder / "x.so")),
    "manifest": _parse_manifest,
    "configuration": _parse_configuration,
    "instruction": lambda data: parse_instruction(_text(data)),
    "recipe": lambda data: evaluate_instructions(_text(data), {}),
    "layer": lambda data: read_layer(io.BytesIO(data), EVERYTHING, name="it"),
    "image-archive": lambda data: read_archive(io.BytesIO(data), "it", CAPTURE_NOTHING, "linux/amd64"),
    "sbom": read_sbom,
    "image-table": _in_file(str(TABLE), read_table),
    "index-page": _parse_page,
    "challenge": lambda data: parse_challenges(_text(data)),
    "uv-plan": lambda data: read_plan(_text(data)),
    "uv-tree": lambda data: parse_parents(_text(data)),
    "guarded-instruction": lambda data: [
        suggest_changes([], PIN, find_install_steps(_text(data), Path("/nonexistent"))),
        suggest_environment(find_install_steps("pip install " + _text(data), Path("/nonexistent"))),
    ],
    "install-log": lambda data: find_conflicts(_text(data), PIN),
    "uv-project": _in_file("uv.lock", lambda folder: str(_read_uv_lock(folder / "uv.lock"))),
    "poetry-project": _in_file("poetry.lock", _in_project(read_poetry_project)),
    "pdm-project": _in_file("pdm.lock", _in_project(read_pdm_project)),
    "pylock-project": _in_file("pylock.toml", _in_project(_read_pylock)),
    "credentials": lambda data: find_credentials("srv/run.sh", data),
    "printed": _print,
    "scan-settings": _in_file("hac.toml", read_scan_settings),
    "noxfile": _in_file("noxfile.py", lambda folder: read_file(folder / "noxfile.py")),
    "check-settings": _in_file("hac.toml", read_check_settings),
    **{name: _scan(*row) for name, row in PROGRAM_FILES.items()},
    **{
        name: _in_file(name, lambda folder, name=name: read_file(folder / name))  # type: ignore[misc]
        for name in DEPENDENCY_FILES
    },
}


def parse(name: str, data: bytes) -> None:
    """Have a parser read some bytes, and let what it may raise pass."""
    try:
        PARSERS[name](data)
    except ALLOWED:
        return


def list_corpus(name: str) -> list[bytes]:
    """The texts that are kept for a parser."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
