"""Runs an image's checks inside it, without a network, and holds the image itself against what it promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from envtool.errors import BuildError
from envtool.image.assemble import CHECKS_FOLDER
from envtool.image.context import CONTEXT_LABEL, OCI, OWN
from envtool.image.engine import Engine

GUARD = ["/opt/hac/bin/hac-shell", "-c"]
_LABELS = (
    *(f"{OCI}{key}" for key in ("title", "version", "source", "revision", "created", "base.digest")),
    *(f"{OWN}{key}" for key in ("vendor.release", "torch.version", "lock")),
    CONTEXT_LABEL,
)
_SECRETS = ("MOREH_SDA_TOKEN",)


@dataclass(frozen=True)
class CheckResult:
    """One check: its title, whether it passed, and what it said."""

    name: str
    title: str
    passed: bool
    output: str


def verify_image(engine: Engine, reference: str) -> Iterator[CheckResult]:
    """Run every check, one after the other, in a container that is removed afterwards.

    Raises `BuildError` for an unknown image or one that has no checks, `EngineError` where the engine goes away.
    """
    attributes = engine.image_attributes(reference)
    if not attributes:
        raise BuildError(f"there is no image {reference}", remedy="envtool build --demo   (or docker pull)")
    yield from _static_checks(attributes, reference)
    with engine.reported():
        container = engine.client.containers.create(
            reference,
            entrypoint=["/bin/sh", "-c", "sleep 3600"],
            command=[],
            network_mode="none",
            environment={"HAC_GUARD": "fail"},
            init=True,
        )
        try:
            container.start()
            listing = container.exec_run(["ls", f"/{CHECKS_FOLDER}"])
            names = _text(listing.output).split() if listing.exit_code == 0 else []
            if not names:
                raise BuildError(
                    f"{reference} has no checks in /{CHECKS_FOLDER}",
                    why="it was not built from a HAC base image",
                    remedy="start its Dockerfile with FROM hac-base",
                )
            for name in sorted(names):
                yield _run_check(container, name)
        finally:
            container.remove(force=True)


def _run_check(container: Any, name: str) -> CheckResult:
    path = f"/{CHECKS_FOLDER}/{name}"
    text = _text(container.exec_run(["cat", path]).output)
    title = next((line[9:] for line in text.splitlines() if line.startswith("# title: ")), name)
    done = container.exec_run([path])
    return CheckResult(name, title.strip(), done.exit_code == 0, _text(done.output).strip())


def _text(output: object) -> str:
    """What a command printed; docker-py's types admit a stream, which is not asked for here."""
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else ""


def _static_checks(attributes: dict[str, Any], reference: str) -> Iterator[CheckResult]:
    configuration = attributes["Config"]
    labels = configuration["Labels"]
    missing = [key for key in _LABELS if not labels.get(key)]
    yield CheckResult(
        "labels", "the image says what it is", not missing, f"missing: {', '.join(missing)}" * bool(missing)
    )
    shell = configuration.get("Shell") or []
    yield CheckResult("shell", "the guard is the image's shell", shell == GUARD, json.dumps(shell))
    yield _size_check(attributes, labels, reference)
    names = {entry.partition("=")[0] for entry in configuration.get("Env") or []}
    secrets = [name for name in _SECRETS if name in names]
    yield CheckResult("secrets", "no variable holds an accelerator token", not secrets, ", ".join(secrets))


def _size_check(attributes: dict[str, Any], labels: dict[str, str], reference: str) -> CheckResult:
    size, budget = int(attributes.get("Size", 0)), labels.get(f"{OWN}size-budget", "")
    said = f"{size / 1e6:.0f} MB"
    # A child inherits the label, but has its own requirements on top, and made no promise.
    own = reference.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0] == labels.get(f"{OWN}image")
    if not own or not budget.isdigit():
        return CheckResult("size", "the image keeps its size budget", True, f"{said}, no budget")
    return CheckResult(
        "size", "the image keeps its size budget", size <= int(budget), f"{said} of {int(budget) / 1e6:.0f} MB"
    )
