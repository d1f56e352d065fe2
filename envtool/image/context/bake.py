"""The image table as other programs' input: a bake file for BuildKit, jobs for GitHub Actions and for GitLab. Pure.

Formats: Docker documentation, "Bake file reference" (JSON); GitHub, "Workflow syntax", `strategy.matrix`; GitLab,
"CI/CD YAML syntax reference", of which JSON is a part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.image.context.context import WHOLE_BASE
from envtool.image.context.loadable_image import BASE_STEP
from envtool.image.graph import PlannedImage, sort_parents_first
from envtool.image.spec.row_problems import EMBEDDED

if TYPE_CHECKING:
    from envtool.image.spec.table import ImageSpec

_PLATFORM = "linux/amd64"
# A base that is an archive in the context of the first image.
_BASE_RECIPE = f"FROM scratch\n{BASE_STEP}\n"


def render_bake_document(
    members: Sequence[PlannedImage], place: Callable[[Path], str], registry: str | None
) -> dict[str, Any]:
    """Every image as a target. What an image starts from is a target as well, so no builder pulls it.

    `place` writes a context's folder down; with `registry` the images are named, and pushed, below it.
    """
    targets: dict[str, Any] = {}
    for member in members:
        start = _make_target(member.parent) if member.parent is not None else f"{_make_target(member)}-base"
        is_archive = member.parent is None and member.lock.base.reference is None
        if is_archive:
            targets[start] = {
                "context": place(member.folder / WHOLE_BASE.parent),
                "dockerfile-inline": _BASE_RECIPE,
                "platforms": [_PLATFORM],
                "args": _list_arguments(member),
                "output": ["type=cacheonly"],
            }
        has_target = is_archive or member.parent is not None
        targets[_make_target(member)] = {
            "context": place(member.folder),
            **({"contexts": {member.base: f"target:{start}"}} if has_target else {}),
            "network": "none",
            "platforms": [_PLATFORM],
            "args": _list_arguments(member),
            "tags": [f"{registry.rstrip('/')}/{member.name}:{member.spec.release}"] if registry else [*member.tags],
            **({"output": ["type=registry"]} if registry else {}),
        }
    return {"group": {"default": {"targets": [_make_target(member) for member in members]}}, "target": targets}


def _make_target(member: PlannedImage) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", member.name)


def _list_arguments(member: PlannedImage) -> dict[str, str]:
    """The time that BuildKit, from 0.11 on, gives to what it makes, so that all builders make the same."""
    return {"SOURCE_DATE_EPOCH": str(member.spec.epoch)}


def render_github_matrix(specs: Sequence[ImageSpec]) -> dict[str, Any]:
    """A matrix with a job for each image; each job builds what its image starts from as well, from the same lock."""
    return {"include": [{"image": spec.name, "command": _command(spec)} for spec in sort_parents_first(specs)]}


_GITLAB_JOB = {
    "image": "python:3.12",
    "services": ["docker:27-dind"],
    "variables": {"DOCKER_HOST": "tcp://docker:2375", "DOCKER_TLS_CERTDIR": ""},
    "before_script": ['pip install "${HAC_ENVTOOL}[check,image]"'],
}


def render_gitlab_pipeline(specs: Sequence[ImageSpec]) -> dict[str, Any]:
    """A child pipeline with a job for each image, which waits for its parent's.

    The variable HAC_ENVTOOL is where pip finds envtool.
    """
    names = {spec.name for spec in specs}
    jobs = {
        f"build {spec.name}": {
            "extends": ".hac-image",
            "needs": [f"build {spec.parent.name}"] if spec.parent is not None and spec.parent.name in names else [],
            "script": [_command(spec), f"envtool verify {spec.name}"],
        }
        for spec in sort_parents_first(specs)
    }
    return {".hac-image": _GITLAB_JOB, **jobs}


def _command(spec: ImageSpec) -> str:
    return f"envtool build {spec.name}{' --demo' if spec.sources == EMBEDDED else ''}"
