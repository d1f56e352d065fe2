"""Which instructions made an image's `python` import another torch than the pinned one, or none. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.environment.accounts import find_home
from envtool.environment.file_tree import follow_links
from envtool.environment.import_files import needs_content
from envtool.environment.imported import ARCHIVES, find_import
from envtool.environment.started_python import ImportOrigin
from envtool.environment.torch_starts import StartWay, TorchStart, is_pinned_build, list_torch_starts
from envtool.image.blame.installed import DistributionLocation, find_damaged_files
from envtool.image.read.overlay_tree import OverlayTree
from envtool.language import tell
from envtool.release.profile import TORCH

if TYPE_CHECKING:
    from envtool.image.read.image import ImageStep, StoredImage
    from envtool.image.read.overlay import Overlay
    from envtool.release.pin import VendorPin


@dataclass(frozen=True, kw_only=True)
class ImportLoss:
    """What `python`, or the image's command, imports in place of the pinned torch, and since which step.

    `path` and `version` are of what is imported; without a path there is no torch, or no Python. `reason` says why,
    `step` completed it, and `source` is the step that brought what is imported, where that is another.
    """

    path: str
    version: str
    reason: str
    step: ImageStep | None
    source: ImageStep | None = None
    site: str = ""


@dataclass(frozen=True)
class ImportVerdict:
    """What the image imports.

    `good_sites` are the folders that the pinned distributions are imported from, each whole, by their names.
    """

    losses: tuple[ImportLoss, ...]
    good_sites: dict[str, str]


def judge_imports(image: StoredImage, overlay: Overlay, pin: VendorPin | None, home: str | None) -> ImportVerdict:
    """Ask which torch the image's `python` and its command import. `home` is the environment that torch belongs to."""
    tree = OverlayTree(overlay)
    user = str(image.container_config.get("User") or "0")
    variables = {"HOME": find_home(tree, user), **image.variables}
    losses: list[ImportLoss] = []
    good: dict[str, str] = {}
    for start in list_torch_starts(tree, variables, image.command, image.start_folder, with_shells=True):
        module = start.module
        if module is not None and is_pinned_build(module, pin):
            if not start.is_command and start.python is not None:
                good = dict(_list_good_sites(tree, overlay, start, pin))
            continue
        if start.python is None and "PATH" not in image.variables:
            # An archive that was imported has lost its configuration: what it will be started with, nobody knows.
            continue
        if module is not None or (not start.is_command and (start.python is None or not _is_home(start, home))):
            losses.append(_describe(image, overlay, start, home))
    return ImportVerdict(tuple({(loss.path, loss.reason): loss for loss in losses}.values()), good)


def _is_home(start: TorchStart, home: str | None) -> bool:
    """Whether the environment itself is what starts: what became of its torch is told by its files."""
    if start.python is None or home is None:
        return False
    return f"{home}/".startswith(f"{start.python.prefix.lstrip('/')}/")


def _list_good_sites(
    tree: OverlayTree, overlay: Overlay, start: TorchStart, pin: VendorPin | None
) -> Iterator[tuple[str, str]]:
    assert start.python is not None
    for item in pin.distributions if pin is not None else ():
        module = find_import(tree, start.python.search_path, item.name)
        if module is None or not is_pinned_build(module, pin):
            continue
        # The folder without links; the module itself may be one.
        site = (follow_links(tree, module.folder.path) or module.site).lstrip("/")
        if not module.versions or not find_damaged_files(overlay, DistributionLocation(site, item.name), item.version):
            yield item.name, site


def _describe(image: StoredImage, overlay: Overlay, start: TorchStart, home: str | None) -> ImportLoss:
    module, python = start.module, start.python
    candidates = list(_list_causes(image, overlay, start, home))
    source = _find_origin(image, overlay, module.real_path) if module is not None else None
    step = max([*candidates, *([source] if source else [])], key=lambda item: item.number, default=None)
    return ImportLoss(
        path=module.path if module is not None else "",
        version=module.version if module is not None else "none",
        reason=_explain(start),
        step=step,
        source=source if source is not step else next((item for item in candidates if item is not step), None),
        site=module.site.lstrip("/") if module is not None and python is not None else "",
    )


def _explain(start: TorchStart) -> str:
    module, python = start.module, start.python
    who = start.way.value
    if python is None:
        return tell("there is no python on PATH that starts")
    if not python.prefix:
        return tell("{who} is {program}, which is no Python", who=who, program=python.program)
    if module is None:
        return tell(
            "{who} is {program}, and {prefix} has no {package}",
            who=who,
            program=python.program,
            prefix=python.prefix,
            package=TORCH,
        )
    folder = module.folder
    match folder.origin:
        case ImportOrigin.PYTHONPATH:
            if start.is_command:
                return tell("PYTHONPATH names {folder} in {who}", folder=folder.path, who=who)
            return tell("PYTHONPATH names {folder}", folder=folder.path)
        case ImportOrigin.PTH_FILE | ImportOrigin.CUSTOMIZE:
            return tell("{file} puts {folder} before site-packages", file=folder.named_by, folder=folder.path)
        case ImportOrigin.LIBRARY:
            return tell("{path} is in the standard library's folder, which comes first", path=module.path)
        case ImportOrigin.START_FOLDER:
            return tell("{who} is started in {folder}", who=who, folder=folder.path)
        case ImportOrigin.USER_SITE:
            return tell("the user site {path} comes first", path=folder.path)
        case _:
            return tell("{who} starts {program}, of {prefix}", who=who, program=python.program, prefix=python.prefix)


def _list_causes(image: StoredImage, overlay: Overlay, start: TorchStart, home: str | None) -> Iterator[ImageStep]:
    """The steps that put in place what the reason speaks of."""
    module, python = start.module, start.python
    origin = module.folder.origin if module is not None else ImportOrigin.SITE
    if start.source:
        yield from _existing(_find_origin(image, overlay, start.source))
    if start.is_command and not start.is_shell and start.way not in {StartWay.KERNEL, StartWay.OTHER_KERNEL}:
        yield from _find_command_steps(image, overlay)
    if start.is_shell or any("sh" in word for word in image.command if start.is_command):
        yield from _find_startup_steps(image, overlay, start)
    if module is not None and module.folder.named_by:
        yield from _existing(_find_origin(image, overlay, module.folder.named_by))
    if origin is ImportOrigin.PYTHONPATH and not start.is_command:
        yield from _existing(_find_setting(image, "PYTHONPATH"))
    if origin is not ImportOrigin.SITE:
        return
    yield from (step for name in ("PATH", "PYTHONHOME") for step in _existing(_find_setting(image, name)))
    if python is None:
        yield from _existing(_find_removal(image, home))
        return
    for path in (python.program, python.interpreter, *python.wrappers, f"{python.prefix}/pyvenv.cfg"):
        yield from _existing(_find_origin(image, overlay, path))


def _existing(step: ImageStep | None) -> tuple[ImageStep, ...]:
    return (step,) if step is not None else ()


def _find_command_steps(image: StoredImage, overlay: Overlay) -> Iterator[ImageStep]:
    pattern = re.compile(r"^(?:CMD|ENTRYPOINT|WORKDIR)\b")
    found = [step for step in image.steps if pattern.search(step.instruction)]
    yield from found[-1:]
    for word in image.command:
        if word.startswith("/"):
            yield from _existing(_find_origin(image, overlay, word))


def _find_startup_steps(image: StoredImage, overlay: Overlay, start: TorchStart) -> Iterator[ImageStep]:
    """The steps that brought what shells read as they start."""
    home = start.settings.variables.get("HOME", "").strip("/")
    for path in sorted(overlay.entries):
        folder, _, name = path.rpartition("/")
        if folder in {"etc", "etc/profile.d", home} and needs_content(path, 1) and "passwd" not in name:
            yield from _existing(_find_origin(image, overlay, path))


def _find_origin(image: StoredImage, overlay: Overlay, path: str) -> ImageStep | None:
    """The step whose layer brought a file, or a folder's `__init__.py`."""
    inside = path.strip("/")
    above = inside.rpartition("/")[0]
    if above.endswith(ARCHIVES) and above in overlay.origins:
        inside = above
    for name in (inside, f"{inside}/__init__.py", f"{inside}/version.py"):
        layer = overlay.origins.get(name)
        # A folder's own entry may come anew with each layer that touches something in it.
        if layer is not None and not (name == inside and f"{inside}/__init__.py" in overlay.origins):
            return image.find_step(layer)
    return None


def _find_setting(image: StoredImage, name: str) -> ImageStep | None:
    pattern = re.compile(rf"^ENV\b.*?(?<!\w){name}[= ]")
    return next((step for step in reversed(image.steps) if pattern.search(step.instruction)), None)


def _find_removal(image: StoredImage, home: str | None) -> ImageStep | None:
    """The last layer that took away the environment's interpreter, or a folder that it was in."""
    if home is None:
        return None
    parts = f"{home}/bin/python".split("/")
    above = {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
    for number in range(len(image.layers), 0, -1):
        layer = image.layers[number - 1]
        if above & (layer.whiteouts | layer.opaque):
            return image.find_step(number)
    return None
