"""What an image says of itself: its bill of materials, its provenance, and that it can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import validate

from envtool.cli.image_selection import resolve_images
from envtool.demo.locking import OWN_FOLDER
from envtool.image.context.loadable_image import make_loadable_image
from envtool.image.engine.client import Engine
from envtool.image.spec.table import read_table
from tests.support.docker_command import ONE_BUILDER, run
from tests.support.docker_envtool import PROJECT, envtool, in_container

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def result(hac_base: str) -> dict[str, Any]:
    """What `envtool build --format json` says of hac-base."""
    built = envtool("--quiet", "build", "--demo", "--format", "json", "--project", PROJECT)
    assert built.status == 0, built.output
    document = json.loads(built.output)
    validate(document, json.loads((PROJECT / "docs/build.schema.json").read_text()))
    found: dict[str, Any] = document["images"][0]
    return found


def test_the_bill_of_materials(result: dict[str, Any], hac_base: str) -> None:
    beside = Path(result["sbom"]).read_text()
    assert in_container(hac_base, "cat", "/opt/hac/sbom/hac-base.cdx.json").output == beside
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(beside) is None
    components = json.loads(beside)["components"]
    purls = {row["purl"] for row in components}
    debian = in_container(hac_base, "dpkg-query", "--show", "--showformat", "${Package} ${Version}\n").output
    listed = {f"{row['name']} {row['version']}" for row in components if row["purl"].startswith("pkg:deb/")}
    assert listed == set(debian.splitlines())
    python = json.loads(in_container(hac_base, "pip", "list", "--format", "json").output)
    for row in python:
        assert any(purl.startswith(f"pkg:pypi/{row['name'].lower().replace('_', '-')}@") for purl in purls), row
    torch = next(row for row in components if row["name"] == "torch")
    assert {"name": "hac-envtool:stand-in", "value": "true"} in torch["properties"]


@ONE_BUILDER
def test_a_bill_that_lies_is_found(build_child: Any) -> None:
    """A child may add packages; what its own bill says has to be there."""
    lie = "sed 's/adduser@/subtractuser@/' /opt/hac/sbom/hac-base.cdx.json >/opt/hac/sbom/child.cdx.json"
    built = build_child("RUN pip install einops", "USER root", f"RUN {lie}", tag="hac-test-lie")
    assert built.status == 0, built.output
    done = envtool("verify", "--static", "hac-test-lie")
    assert done.status == 1
    assert "FAIL  sbom" in done.output
    assert "child.cdx.json lists pkg:deb/debian/subtractuser@" in done.output
    assert "child.cdx.json does not list pkg:pypi/einops@" in done.output
    assert "hac-base.cdx.json" not in done.output


def test_provenance(result: dict[str, Any]) -> None:
    statement = json.loads(Path(result["provenance"]).read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "hac-base", "digest": {"sha256": result["id"].removeprefix("sha256:")}}]
    inputs = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    names = {row["name"] for row in inputs}
    assert {"moreh-smi", "bootstrapped-base"} <= names
    assert any(name.startswith("torch-1.7.1+cu110.moreh22.8.0") for name in names)
    assert all(len(row["digest"]["sha256"]) == 64 for row in inputs)


@pytest.mark.parametrize("name", ["hac-base", "hac-devel", "hac-notebook"])
def test_the_same_lock_makes_the_same_bytes(baked: dict[str, Any], engine: Engine, tmp_path: Path, name: str) -> None:
    """On another day, in another folder, with another umask, another time zone and files of another age."""
    copy = tmp_path / "elsewhere" / "checkout"
    shutil.copytree(PROJECT, copy, symlinks=True, ignore=shutil.ignore_patterns(".work", ".venv", "*_cache"))
    (copy / ".work").mkdir()
    if (PROJECT / OWN_FOLDER).exists():
        shutil.copytree(PROJECT / OWN_FOLDER, copy / OWN_FOLDER)
    for folder, _folders, files in os.walk(copy):
        for file in files:
            os.utime(f"{folder}/{file}", (1_000_000_000, 1_000_000_000), follow_symlinks=False)
    program = (
        f"import os, sys; os.umask(0o077); sys.argv = ['envtool', 'bake', '--demo', '{name}', '--project', '{copy}']"
    )
    clock = ["faketime", "2031-03-04 05:06:07"] if shutil.which("faketime") else []
    done = run([*clock, sys.executable, "-c", f"{program}; from envtool.cli.main import main; main()"], TZ="Asia/Seoul")
    assert done.status == 0, done.output
    ours, theirs = (_digests(project / ".work/contexts" / name) for project in (PROJECT, copy))
    assert ours.keys() - {"provenance.json"} == theirs.keys()
    assert theirs.keys() > {"Dockerfile", "sbom.cdx.json"}
    assert {path: ours[path] for path in theirs} == theirs
    made = make_loadable_image(resolve_images([read_table(copy)[name]], None, demo=True, project=copy)[-1])
    assert made is not None
    if engine.client.info()["Driver"] == "overlay2":
        # containerd's store calls an image by another digest.
        assert made.identity == engine.inspect_image(name)["Id"]


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
