"""Images with parents: the table, the locks, the order, and a child's layer as the difference of two archives."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from envtool.errors import BuildError, LockError, SpecError
from envtool.image.context.bake import render_bake_document, render_github_matrix
from envtool.image.context.context import render_dockerfile, set_user
from envtool.image.graph import PlannedImage, add_parents, sort_parents_first
from envtool.image.inputs.accounts import add_user
from envtool.image.inputs.base_layers import read_account_files, read_local_layer
from envtool.image.inputs.sources import ReleasedSources
from envtool.image.layers.layer_archive import LayerOwnership, write_layer
from envtool.image.layers.layer_diff import LowerLayers, write_layer_diff
from envtool.image.layers.staged_tree import StagedTree
from envtool.image.lock.lockfile import FOLDER, ImageLock, is_stale, read_lock, require_current
from envtool.image.lock.upgrade_lock import upgrade_lock
from envtool.image.read.layer import Capture, FileSelector, LayerContents, read_layer
from envtool.image.spec.labels import OWN
from envtool.image.spec.table import ImageSpec, read_table
from envtool.wheel.store import FileStore


def row(project: Path, text: str) -> dict[str, ImageSpec]:
    """The table with one more row."""
    path = project / "images/images.toml"
    path.write_text(f"{path.read_text()}\n{text}\n")
    return read_table(project)


CHILD = '[image.child]\ntitle = "x"\nrecipe = "hac-devel"\nsize-budget = "1 GB"\n'


def test_a_child_has_what_its_row_does_not_say_of_its_parent(project: Path) -> None:
    table = read_table(project)
    child, parent = table["hac-devel"], table["hac-base"]
    assert child.parent == parent
    assert (child.python, child.release, child.epoch) == (parent.python, parent.release, parent.epoch)
    assert child.base.packages[: len(parent.base.packages)] == parent.base.packages
    assert "git" in child.base.packages
    assert child.has_own_base
    assert not child.has_own_environment
    assert child.environment_file == parent.environment_file
    assert [folder.parent.name for folder in child.folders("checks")] == ["hac-devel"]
    released = table["hac-devel-22.8.0-py38"]
    assert released.has_own_environment
    assert not released.has_own_base
    assert table["hac-notebook"].requirements_file is not None


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        (f'{CHILD}parent = "nobody"', "there is no image 'nobody'"),
        (f'{CHILD}parent = "child"', "child is its own ancestor"),
        (f"{CHILD}parent = 3", "there is no image 3"),
        (f'{CHILD}parent = "hac-base"\npython = "3.9"', "python: a child has its parent's"),
        (f'{CHILD}parent = "hac-base"\nepoch = 3', "epoch: a child has its parent's"),
        (f'{CHILD}parent = "hac-base"\nbase = {{ reference = "debian" }}', "a child names packages"),
        (f'{CHILD}parent = "hac-base-22.8.0-py38"\nbase = {{ packages = ["git"] }}', "nothing can be added to a base"),
    ],
)
def test_rows_of_children_that_are_wrong(project: Path, added: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        row(project, added)
    assert problem in caught.value.why
    assert "line " in caught.value.why


def test_parents_come_first(project: Path) -> None:
    table = row(project, f'{CHILD}parent = "hac-devel"')
    assert [spec.name for spec in add_parents([table["child"]])] == ["hac-base", "hac-devel", "child"]
    both = [table["child"], table["hac-notebook"], table["hac-base"], table["hac-devel"]]
    assert [spec.name for spec in sort_parents_first(both)] == ["hac-base", "hac-notebook", "hac-devel", "child"]
    names = [entry["image"] for entry in render_github_matrix(both)["include"]]
    assert names.index("hac-base") < names.index("hac-devel") < names.index("child")


def locks(project: Path) -> dict[str, ImageLock]:
    table = read_table(project)
    names = ("hac-base", "hac-devel", "hac-notebook")
    return {name: read_lock(table[name], project / FOLDER) for name in names}


def test_the_committed_locks_of_children_are_of_their_parents(project: Path) -> None:
    table, held = read_table(project), locks(project)
    parent = held["hac-base"]
    for name in ("hac-devel", "hac-notebook"):
        assert not is_stale(table[name], held[name], parent), "run: make lock"
        assert held[name].pin == parent.pin
        assert held[name].packages == parent.packages
    moved_on = replace(parent, wheels=parent.wheels[1:])
    assert is_stale(table["hac-devel"], held["hac-devel"], moved_on)
    with pytest.raises(LockError, match="the lock of hac-devel is out of date"):
        require_current(table["hac-devel"], held["hac-devel"], moved_on)
    assert held["hac-devel"].base != parent.base
    assert held["hac-notebook"].base == parent.base
    names = {wheel.name.split("-")[0] for wheel in held["hac-notebook"].requirements}
    assert {"jupyterlab", "ipykernel"} <= names
    # What is there already does not come once more.
    assert not names & {"torch", "torchvision", "torchaudio", "pip", "setuptools"}


def test_what_is_the_parents_is_renewed_there(project: Path, tmp_path: Path) -> None:
    table, held = read_table(project), locks(project)
    spec = table["hac-notebook"]
    for what in ("torch", "base", "pip"):
        with pytest.raises(LockError, match="of its parent's") as caught:
            upgrade_lock(
                spec,
                held["hac-notebook"],
                held["hac-base"],
                what,
                ReleasedSources(spec, (), None),
                FileStore(tmp_path / "store"),
                lambda _text: None,
            )
        assert f"envtool lock hac-base --upgrade {what}" in caught.value.remedy


def members(project: Path) -> dict[str, PlannedImage]:
    table, held = read_table(project), locks(project)
    root = PlannedImage(table["hac-base"], held["hac-base"], ReleasedSources(table["hac-base"], (), None), None)
    made = {"hac-base": root}
    for name in ("hac-devel", "hac-notebook"):
        made[name] = PlannedImage(table[name], held[name], ReleasedSources(table[name], (), None), root)
    return made


def test_a_childs_image_is_another_where_its_parents_is(project: Path) -> None:
    before = members(project)
    assert before["hac-devel"].base == before["hac-base"].context_tag
    assert before["hac-devel"].labels[f"{OWN}parent"] == "hac-base"
    assert before["hac-devel"].labels[f"{OWN}image"] == "hac-devel"
    (project / "images/hac-base/checks/10-python").write_text("#!/bin/sh\n")
    after = members(project)
    for name, member in before.items():
        assert member.context_tag != after[name].context_tag
    (project / "images/hac-notebook/Dockerfile.part").write_text("USER root\n")
    third = members(project)
    assert third["hac-devel"].context_tag == after["hac-devel"].context_tag
    assert third["hac-notebook"].context_tag != after["hac-notebook"].context_tag


def test_bake_names_no_image_that_a_builder_would_pull(project: Path) -> None:
    made = members(project)
    document = render_bake_document(list(made.values()), lambda path: path.name, None)
    targets = document["target"]
    assert document["group"]["default"]["targets"] == ["hac-base", "hac-devel", "hac-notebook"]
    for name, member in made.items():
        assert member.base in targets[name]["contexts"]
        assert targets[name]["contexts"][member.base].removeprefix("target:") in targets
        assert targets[name]["network"] == "none"
    pushed = render_bake_document(list(made.values()), lambda path: path.name, "registry:5000/team/")
    assert pushed["target"]["hac-devel"]["tags"] == ["registry:5000/team/hac-devel:22.8.0"]


def archive(folder: Path, name: str, members: dict[str, tuple[bytes, str, int]]) -> Path:
    """A tar of members by path: type, content or target, mode."""
    path = folder / name
    with tarfile.open(path, "w") as made:
        for member_name, (kind, content, mode) in members.items():
            info = tarfile.TarInfo(member_name)
            info.type, info.mode = kind, mode
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                made.addfile(info, io.BytesIO(content.encode()))
            else:
                info.linkname = content
                made.addfile(info)
    return path


def every_content() -> FileSelector:
    return FileSelector(lambda _path, _size: Capture.DATA)


def read(layer: Path) -> LayerContents:
    """What reading a layer tells, which whoever wrote it must tell as well."""
    with open(layer, "rb") as stream:
        return read_layer(stream, every_content(), name=layer.name)


def test_a_difference_has_what_is_new_or_other(tmp_path: Path) -> None:
    file, folder, link, hard = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    before = archive(
        tmp_path,
        "before.tar",
        {
            "./usr": (folder, "", 0o755),
            "./usr/same": (file, "same", 0o644),
            "./usr/edited": (file, "before", 0o644),
            "./usr/mode": (file, "mode", 0o644),
            "./usr/link": (link, "same", 0o777),
            "./usr/gone": (file, "gone", 0o644),
        },
    )
    after = archive(
        tmp_path,
        "after.tar",
        {
            "usr": (folder, "", 0o755),
            "usr/same": (file, "same", 0o644),
            "usr/edited": (file, "after!", 0o644),
            "usr/mode": (file, "mode", 0o755),
            "usr/link": (link, "edited", 0o777),
            "usr/new": (folder, "", 0o755),
            "usr/new/first": (file, "twice", 0o644),
            "usr/new/second": (hard, "usr/new/first", 0o644),
            "usr/new/old-content": (hard, "usr/same", 0o644),
        },
    )
    told = write_layer_diff(before, after, tmp_path / "layer.tar", every_content())
    assert told == read(tmp_path / "layer.tar")
    with tarfile.open(tmp_path / "layer.tar") as layer:
        names = layer.getnames()
        kept = layer.extractfile("usr/new/old-content")
        assert kept is not None
        assert kept.read() == b"same"
        second = layer.extractfile("usr/new/second")
        assert second is not None
        assert second.read() == b"twice"
        assert layer.getmember("usr/new/second").islnk()
        assert not layer.getmember("usr/new/old-content").islnk(), "its target is in no layer of the child's"
    expected = ["", "/edited", "/mode", "/link", "/new", "/new/first", "/new/second", "/new/old-content"]
    assert names == [f"usr{name}" for name in expected], "with the folder above, as an engine would make it root's"


def test_what_lower_layers_have_is_not_archived_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name, text in (("a/same", "same"), ("a/edited", "first"), ("a/later", "later")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    write_layer(StagedTree(root), tmp_path / "first.tar", 0)
    (root / "a/edited").write_text("other")
    write_layer(StagedTree(root), tmp_path / "second.tar", 0)
    (root / "a/new").write_text("new")
    (root / "a/later").chmod(0o755)
    with LowerLayers.opened([tmp_path / "first.tar", tmp_path / "second.tar"]) as known:
        told = write_layer(StagedTree(root), tmp_path / "layer.tar", 0, known=known, interest=every_content())
    assert told == read(tmp_path / "layer.tar")
    with tarfile.open(tmp_path / "layer.tar") as layer:
        assert layer.getnames() == ["a", "a/later", "a/new"], "an engine would make a folder that it lacks as root's"


def test_the_user_gets_a_number_that_nobody_has(tmp_path: Path) -> None:
    files = {
        "etc/passwd": "root:x:0:0::/root:/bin/sh\nubuntu:x:1000:1000::/:/bin/sh",
        "etc/group": "root:x:0:\nx:x:1001:\n",
    }
    made = add_user(files)
    assert (made.uid, made.gid) == (1002, 1002)
    assert made.files["etc/passwd"].splitlines()[1:] == [
        "ubuntu:x:1000:1000::/:/bin/sh",
        "hac:*:1002:1002:HAC:/home/hac:/bin/bash",
    ]
    with pytest.raises(BuildError, match="has a user or a group hac already"):
        add_user(made.files)
    kind = tarfile.REGTYPE
    base = archive(tmp_path, "base.tar", {f"./{name}": (kind, text, 0o644) for name, text in files.items()})
    assert read_account_files([read_local_layer(base)]) == files
    with pytest.raises(BuildError, match="no /etc/passwd"):
        read_account_files([read_local_layer(archive(tmp_path, "empty.tar", {}))])


def test_the_recipe_names_the_user_by_that_number() -> None:
    recipe = 'USER root\nUSER 1000:0\nLABEL a="USER 1000:0"\n'
    assert set_user(recipe, 1000) == recipe
    assert set_user(recipe, 1002) == 'USER root\nUSER 1002:0\nLABEL a="USER 1000:0"\n'
    assert set_user((Path(__file__).parents[3] / "Dockerfile").read_text(), 1002).count("\nUSER 1002:0\n") == 1


def test_a_layers_files_belong_to_whom_they_should(tmp_path: Path) -> None:
    for name in ("opt/conda/bin/python", "opt/condas", "home/hac/x", "etc/passwd"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_layer(
        StagedTree(tmp_path / "root"), tmp_path / "layer.tar", 0, LayerOwnership(1000, 1001, ("opt/conda", "home/hac"))
    )
    with tarfile.open(tmp_path / "layer.tar") as layer:
        held = {member.name for member in layer if (member.uid, member.gid) == (1000, 1001)}
    assert held == {"opt/conda", "opt/conda/bin", "opt/conda/bin/python", "home/hac", "home/hac/x"}


def test_labels_are_quoted() -> None:
    text = render_dockerfile("ARG HAC_BASE\nFROM ${HAC_BASE}\n", "x:1", {"a": 'says "so"'})
    assert 'LABEL a="says \\"so\\""' in text
