"""Freezes what real projects on PyPI require, as the offline index of the corpus.

Run by hand where PyPI can be reached: `python -m tests.corpus.freeze`. Kept are facts only: names, versions, which
Python a version is for, what it requires, and whether it was yanked. Versions are thinned out, to the newest of each
minor series, and of these to as many as below; what a kept version requires always has a version that meets it.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from mousebender import simple
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from envtool.requirements.metadata import DEFAULT_INDEX, MetadataReader

INDEX = Path(__file__).parent / "index.json"
PYTHON = (3, 11)
MARKERS = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "extra": ""}
# Projects that want a torch, and some that do not, with how many of their versions are kept.
_ROOTS = """
accelerate botorch captum diffusers e3nn easyocr efficientnet-pytorch einops fairscale fastai gpytorch kornia lightning
lion-pytorch lpips open-clip-torch peft pyro-ppl pytorch-lightning pytorch-metric-learning pytorch-msssim pytorch-tabnet
rotary-embedding-torch segmentation-models-pytorch sentence-transformers skorch stable-baselines3 thop timm torch
torchaudio torchdiffeq torchinfo torchmetrics torchtext torchvision transformers ultralytics vit-pytorch x-transformers
requests numpy pandas scikit-learn flask tqdm pyyaml
"""
KEPT_OF_ROOTS = 8
# Of what roots require, and of what that requires in its turn.
KEPT_OF_OTHERS = (2, 1)
# Enough for every root's own closure; a run that wants more says so.
LARGEST = 2000


class Freezer:
    """Collects versions and their requirements, breadth first."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=16, max_retries=3))
        self.reader = MetadataReader((DEFAULT_INDEX,))
        self.pages: dict[str, dict[str, dict[str, Any]]] = {}
        self.kept: dict[str, dict[str, dict[str, Any]]] = {}

    def page(self, name: str) -> dict[str, dict[str, Any]]:
        """Every version that has a wheel for this Python, with its facts."""
        if name not in self.pages:
            address = simple.create_project_url(DEFAULT_INDEX + "/", name)
            answer = self.session.get(address, headers={"Accept": simple.ACCEPT_SUPPORTED}, timeout=60)
            self.pages[name] = _versions(answer) if answer.ok else {}
        return self.pages[name]

    def run(self, names: list[str]) -> None:
        """Freeze the projects and all that they lead to."""
        queue: deque[tuple[str, str]] = deque()
        for name in names:
            queue += [(name, version) for version in self._thinned(name, KEPT_OF_ROOTS)]
        with ThreadPoolExecutor(12) as pool:
            for depth in itertools.count():
                batch = list(dict.fromkeys(queue))
                queue.clear()
                if not batch:
                    return
                fresh = [item for item in batch if item[1] not in self.kept.get(item[0], {})]
                print(f"{len(fresh)} versions to read", file=sys.stderr, flush=True)
                for (name, version), requires in zip(fresh, pool.map(self._requires, fresh), strict=True):
                    facts = self.pages[name][version]
                    self.kept.setdefault(name, {})[version] = {**facts, "requires": requires}
                    for requirement in map(Requirement, requires):
                        queue += [
                            (canonicalize_name(requirement.name), found) for found in self._wanted(requirement, depth)
                        ]
                if sum(map(len, self.kept.values())) > LARGEST:
                    raise SystemExit(f"more than {LARGEST} versions; thin them out further")

    def _thinned(self, name: str, count: int) -> list[str]:
        newest: dict[tuple[int, ...], str] = {}
        for version in sorted(self.page(name), key=Version):
            if not Version(version).is_prerelease:
                newest[Version(version).release[:2]] = version
        series = list(newest.values())
        if len(series) <= count:
            return series
        if count == 1:
            return series[-1:]
        step = (len(series) - 1) / (count - 1)
        return [series[round(number * step)] for number in range(count)]

    def _wanted(self, requirement: Requirement, depth: int) -> list[str]:
        """The newest version that meets a requirement, and for a project met first a few older ones."""
        name = canonicalize_name(requirement.name)
        new = name not in self.kept
        chosen = self._thinned(name, KEPT_OF_OTHERS[min(depth, 1)]) if new else []
        known = [*chosen, *self.kept.get(name, {})]
        if not any(requirement.specifier.contains(version) for version in known):
            admitted = [version for version in self.page(name) if requirement.specifier.contains(version)]
            chosen += [max(admitted, key=Version)] if admitted else []
        return chosen

    def _requires(self, item: tuple[str, str]) -> list[str]:
        found = []
        for line in self.reader.requires(*item) or ():
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate(MARKERS):
                requirement.marker = None
                found.append(str(requirement))
        return sorted(found)


def _versions(answer: requests.Response) -> dict[str, dict[str, Any]]:
    tags = {*cpython_tags(PYTHON, platforms=list(platform_tags())), *cpython_tags(PYTHON, abis=["none"])}
    details = simple.parse_project_details(answer.text, answer.headers["Content-Type"], "x")
    found: dict[str, dict[str, Any]] = {}
    for file in details["files"]:
        _url = urljoin(answer.url, file["url"])
        try:
            _name, version, _build, wheel_tags = parse_wheel_filename(file["filename"])
            if not SpecifierSet(file.get("requires-python") or "").contains("3.11.7"):
                continue
        except (InvalidWheelFilename, InvalidSpecifier):
            continue
        if any(tag in tags or (tag.interpreter.startswith("py3") and tag.platform == "any") for tag in wheel_tags):
            yanked = file.get("yanked", False) is not False
            found[str(version)] = {"yanked": yanked} if yanked else {}
    return found


def main() -> None:
    """Freeze, and write the index."""
    freezer = Freezer()
    freezer.run(_ROOTS.split())
    rows = {name: dict(sorted(kept.items())) for name, kept in sorted(freezer.kept.items())}
    lines = [f"{json.dumps(name)}: {json.dumps(versions, sort_keys=True)}" for name, versions in rows.items()]
    INDEX.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(rows)} projects, {sum(map(len, rows.values()))} versions, {INDEX.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
