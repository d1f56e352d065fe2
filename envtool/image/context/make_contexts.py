"""Planned images → build contexts: the stages of each context; images share the stages that are equal."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.image.context.context import (
    LAYERS,
    SBOM_FILE,
    WHOLE_BASE,
    Layers,
    context_lock,
    incoming_folder,
    is_made,
    move_to_place,
    read_context,
)
from envtool.image.inputs.fetch_inputs import BaseInput, Inputs, fetch_base, fetch_inputs, is_complete
from envtool.image.layers.assemble import (
    CHILD_BASE_LAYER,
    CHILD_ENVIRONMENT_LAYER,
    CHILD_SYSTEM_LAYER,
    ENVIRONMENT_LAYER,
    ENVIRONMENT_LAYERS,
    SYSTEM_LAYER,
    TOOL_LAYER,
    VENDOR_LAYER,
    WrittenLayer,
    render_bill,
    stage_child_system,
    stage_system,
    write_child_base,
    write_tree,
)
from envtool.image.layers.layer_trees import (
    link_environment,
    stage_environment,
    stage_requirements,
    stage_tool,
    stage_vendor,
)
from envtool.image.spec.table import ENVIRONMENT_PREFIX, TOOL_PREFIX
from envtool.image.stage_graph import Stage, StageKey, run_stages
from envtool.language import tell
from envtool.temporary_folder import temporary_folder
from envtool.wheel.store import FileStore, translate_store_errors

if TYPE_CHECKING:
    from envtool.image.graph import PlannedImage
    from envtool.image.layers.staged_tree import StagedTree
    from envtool.progress import Progress

# Stages at once; most wait for disks and for other programs.
_THREADS = 8
CONTEXT_STAGE = "context"


def make_contexts(members: Sequence[PlannedImage], store: FileStore, *, progress: Progress) -> None:
    """Make the contexts of images that are not there yet, parents first. Raises what fetching and assembling raise."""
    missing = [member for member in members if not is_made(member)]
    with open_context_stages(missing, store, progress=progress) as stages:
        run_stages(stages, {"work": _THREADS}, finished=count_layers(stages, progress))


@contextmanager
def open_context_stages(
    members: Sequence[PlannedImage], store: FileStore, *, progress: Progress
) -> Iterator[list[Stage]]:
    """The stages that make contexts; the folders that they work in last as long as the block.

    The stage `(NAME, "context")` of each image and of each of its ancestors returns the layers. A context appears when
    it is whole; until then the old one stays.
    """
    with ExitStack() as stack:
        family = {each.name: each for member in members for each in (*member.ancestors, member)}
        if not family:
            yield []
            return
        contexts = next(iter(family.values())).folder.parent
        with translate_store_errors(contexts):
            contexts.mkdir(parents=True, exist_ok=True)
            stack.enter_context(context_lock(contexts))
        scratch = stack.enter_context(temporary_folder())
        stages: list[Stage] = []
        for member in family.values():
            if is_made(member):
                stages.append(Stage(key=(member.name, CONTEXT_STAGE), work=partial(read_context, member)))
                continue
            with translate_store_errors(contexts):
                incoming = stack.enter_context(incoming_folder(member.folder))
                (incoming / LAYERS).mkdir()
                (scratch / member.name).mkdir()
            plan = _ContextPlan(member=member, store=store, incoming=incoming, scratch=scratch, progress=progress)
            stages += plan.stages()
        # Images with the same base or the same packages have that stage in common.
        yield list({stage.key: stage for stage in reversed(stages)}.values())[::-1]


def count_layers(stages: Sequence[Stage], progress: Progress) -> Callable[[Stage, Any], None]:
    """A counter of each image's layers, to be called for every finished stage."""
    totals: dict[str, int] = {}
    for stage in stages:
        if stage.key[1].endswith(".tar"):
            totals[stage.key[0]] = totals.get(stage.key[0], 0) + 1
    for name, total in totals.items():
        progress(tell("{name} layers", name=name), 0, total)

    def count(stage: Stage, _result: Any) -> None:
        name, step = stage.key
        if step.endswith(".tar"):
            progress(tell("{name} layers", name=name), 1, totals[name])

    return count


@dataclass(frozen=True, kw_only=True)
class _ContextPlan:
    """The stages of one context. `incoming` becomes the context; `scratch` is a folder that all contexts share."""

    member: PlannedImage
    store: FileStore
    incoming: Path
    scratch: Path
    progress: Progress

    def stages(self) -> list[Stage]:
        """All stages: fetching, staging, archiving, and the context at the end."""
        member, lock = self.member, self.member.lock
        before: tuple[StageKey, ...] = ()
        if member.parent is not None and not is_made(member.parent) and not is_complete(lock, self.store):
            # The parent fetches what both need.
            before = ((member.parent.name, "inputs"),)
        fetched = partial(fetch_base, member.spec, lock, member.sources, self.store)
        layers = self._child_layers(member.parent) if member.parent is not None else self._first_layers()
        return [
            Stage(key=self._base, needs=before, work=lambda *_before: fetched()),
            self._stage("inputs", (self._base, *before), self._fetch),
            *layers,
        ]

    @property
    def _base(self) -> StageKey:
        return "base", self.member.lock.base.digest

    def _key(self, name: str) -> StageKey:
        return self.member.name, name

    def _stage(self, name: str, needs: Sequence[StageKey], work: Callable[..., Any]) -> Stage:
        return Stage(key=self._key(name), needs=tuple(needs), work=work)

    def _fetch(self, base: BaseInput, *_before: Inputs) -> Inputs:
        name = self.member.name

        def counted(what: str, done: int, total: int) -> None:
            self.progress(tell("{name} {what}", name=name, what=what), done, total)

        if base.archive is not None:
            _link(base.archive, self.incoming / WHOLE_BASE)
        member = self.member
        return fetch_inputs(member.spec, member.lock, member.sources, self.store, base, progress=counted)

    def _folder(self, name: str) -> Path:
        folder = self.scratch / self.member.name / name
        folder.mkdir()
        return folder

    def _packages(self) -> Stage:
        """The environment's conda packages: linked once for all images that have the same."""
        names = " ".join(sorted(package.sha256 for package in self.member.lock.packages))
        digest = hashlib.sha256(names.encode()).hexdigest()
        folder = self.scratch / f"packages-{digest[:16]}"

        def link(inputs: Inputs) -> Path:
            folder.mkdir()
            return link_environment(inputs.conda, ENVIRONMENT_PREFIX, folder, self.scratch / "unpacked")

        return Stage(key=("packages", digest), needs=(self._key("inputs"),), work=link)

    def _first_layers(self) -> list[Stage]:
        spec, pin, inputs, packages = self.member.spec, self.member.lock.pin, self._key("inputs"), self._packages()

        def environment(inputs: Inputs, linked: Path) -> WrittenLayer:
            tree = stage_environment(spec, inputs, linked, self._folder("environment"))
            return self._write(ENVIRONMENT_LAYER, tree, inputs)

        def vendor(inputs: Inputs) -> WrittenLayer:
            return self._write(VENDOR_LAYER, stage_vendor(spec, pin, inputs, self._folder("vendor")), inputs)

        def tool(inputs: Inputs) -> WrittenLayer:
            folder = self._folder("tool-packages")
            linked = link_environment(inputs.tool_conda, TOOL_PREFIX, folder, self.scratch / "unpacked")
            return self._write(TOOL_LAYER, stage_tool(spec, inputs, linked, self._folder("tool")), inputs)

        def system(inputs: Inputs, *below: WrittenLayer) -> Layers:
            tree = stage_system(self.member, inputs, self._bill(inputs, below), self._folder("system"))
            return (*below, self._write(SYSTEM_LAYER, tree, inputs))

        lower = [self._key(name) for name in (ENVIRONMENT_LAYER, VENDOR_LAYER, TOOL_LAYER)]
        return [
            packages,
            self._stage(ENVIRONMENT_LAYER, (inputs, packages.key), environment),
            self._stage(VENDOR_LAYER, (inputs,), vendor),
            self._stage(TOOL_LAYER, (inputs,), tool),
            # The bill of materials lists what is in the others.
            self._stage(SYSTEM_LAYER, (inputs, *lower), system),
            self._stage(CONTEXT_STAGE, (self._key(SYSTEM_LAYER), inputs), self._finish),
        ]

    def _child_layers(self, parent: PlannedImage) -> list[Stage]:
        spec, inputs = self.member.spec, self._key("inputs")
        family = [(each.name, CONTEXT_STAGE) for each in (*parent.ancestors, parent)]
        stages: list[Stage] = []
        own: list[StageKey] = []
        if spec.has_own_base and self.member.lock.base.reference is None:
            stages.append(self._child_base(parent))
            own.append(stages[-1].key)
        if spec.has_own_environment or spec.requirements_file is not None:
            packages, lay_out = self._packages(), stage_environment if spec.has_own_environment else stage_requirements

            def tree(inputs: Inputs, linked: Path) -> StagedTree:
                return lay_out(spec, inputs, linked, self._folder("environment"))

            def environment(inputs: Inputs, tree: StagedTree, *lower: Layers) -> WrittenLayer:
                paths = [layer.path for layers in lower for layer in layers if layer.path.name in ENVIRONMENT_LAYERS]
                return self._write(CHILD_ENVIRONMENT_LAYER, tree, inputs, paths)

            staged = self._stage("environment", (inputs, packages.key), tree)
            # Wheels are installed and compiled before the parent's layers are there.
            stages += [
                packages,
                staged,
                self._stage(CHILD_ENVIRONMENT_LAYER, (inputs, staged.key, *family), environment),
            ]
            own.append(stages[-1].key)

        def system(inputs: Inputs, *lower: Layers | WrittenLayer) -> Layers:
            layers = [layer for item in lower if isinstance(item, tuple) for layer in item]
            mine = tuple(item for item in lower if isinstance(item, WrittenLayer))
            bill = self._bill(inputs, (*layers, *mine))
            made = self._write(
                CHILD_SYSTEM_LAYER, stage_child_system(self.member, inputs, bill, self._folder("system")), inputs
            )
            return (*mine, made)

        return [
            *stages,
            self._stage(CHILD_SYSTEM_LAYER, (inputs, *family, *own), system),
            self._stage(CONTEXT_STAGE, (self._key(CHILD_SYSTEM_LAYER), inputs), self._finish),
        ]

    def _child_base(self, parent: PlannedImage) -> Stage:
        target = self.incoming / LAYERS / CHILD_BASE_LAYER

        def write(base: BaseInput, *lower: BaseInput) -> WrittenLayer:
            below = lower[0].archive if lower else parent.folder / WHOLE_BASE
            assert below is not None
            assert base.archive is not None
            return write_child_base(below, base.archive, target)

        needs = () if is_made(parent) else (("base", parent.lock.base.digest),)
        return self._stage(CHILD_BASE_LAYER, (self._base, *needs), write)

    def _write(self, name: str, tree: StagedTree, inputs: Inputs, lower: Sequence[Path] = ()) -> WrittenLayer:
        with translate_store_errors(self.incoming.parent):
            return write_tree(tree, self.incoming / LAYERS / name, self.member, inputs.base, lower)

    def _bill(self, inputs: Inputs, layers: Sequence[WrittenLayer]) -> str:
        bill = render_bill(self.member, inputs, layers)
        (self.incoming / SBOM_FILE).write_text(bill)
        return bill

    def _finish(self, layers: Layers, inputs: Inputs) -> Layers:
        with translate_store_errors(self.incoming.parent):
            return move_to_place(self.member, self.incoming, layers, inputs.base.accounts.uid)


def _link(path: Path, target: Path) -> None:
    """Hard-link a file, or copy it where that is impossible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)
