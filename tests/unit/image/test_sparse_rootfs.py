"""A tar stream of a file system is not trusted: whatever it names, nothing outside of the folder is made or reached."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envtool.image.read.layer import Kind, LayerEntry
from envtool.image.read.sparse_rootfs import SparseRootfs

SITE = "opt/env/lib/python3.11/site-packages"


def stream(*members: tuple[str, bytes, bytes | str]) -> io.BytesIO:
    """A tar of (name, type, content or link target)."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if isinstance(content, str):
                member.linkname = content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    target.seek(0)
    return target


def test_records_are_whole_and_the_rest_has_its_size(tmp_path: Path) -> None:
    root = tmp_path / "root"
    SparseRootfs(root=root).extract(
        stream(
            (f"{SITE}/a-1.dist-info/RECORD", tarfile.REGTYPE, b"a.py,,\n"),
            (f"{SITE}/big.bin", tarfile.REGTYPE, b"x" * 5000),
            ("usr/share/doc/readme", tarfile.REGTYPE, b"of no interest"),
        )
    )
    assert (root / SITE / "a-1.dist-info/RECORD").read_bytes() == b"a.py,,\n"
    big = root / SITE / "big.bin"
    assert (big.stat().st_size, big.stat().st_blocks) == (5000, 0)
    assert not (root / "usr/share").exists()


def test_whole_files_for_hashing_and_hard_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    SparseRootfs(root=root, full_packages=frozenset({"torch"})).extract(
        stream(
            ("opt/conda/pkgs/t/lib/python3.11/site-packages/torch/a.bin", tarfile.REGTYPE, b"abc"),
            (f"{SITE}/torch/a.bin", tarfile.LNKTYPE, "opt/conda/pkgs/t/lib/python3.11/site-packages/torch/a.bin"),
            ("var/cache/b.bin", tarfile.REGTYPE, b"12345"),
            (f"{SITE}/other/b.bin", tarfile.LNKTYPE, "var/cache/b.bin"),
        )
    )
    assert (root / SITE / "torch/a.bin").read_bytes() == b"abc"
    assert (root / SITE / "other/b.bin").stat().st_size == 5


def test_a_stream_that_stops_between_two_members(tmp_path: Path) -> None:
    """As one over HTTP/1.0 does, whose engine goes away; half a file system would be healthy, or lack its torch."""
    whole = stream(*((f"{SITE}/{name}.pth", tarfile.REGTYPE, b"x") for name in "ab")).getvalue()
    for end in (1024, 2048):
        with pytest.raises(tarfile.TarError, match="mark of the end"):
            SparseRootfs(root=tmp_path / str(end)).extract(io.BytesIO(whole[:end]))
    SparseRootfs(root=tmp_path / "root").extract(io.BytesIO(whole))


def test_of_entries_all_is_there_that_doctor_looks_at(tmp_path: Path) -> None:
    """Modules of distributions that are not pinned are left out; whose a module is, RECORD says."""
    record = b"torch/a.py,,\nvendor_part/b.py,,\n"
    contents = {
        "torch-1.dist-info/RECORD": record,
        "torch/a.py": None,
        "vendor_part/b.py": None,
        "other-1.dist-info/RECORD": b"other/c.py,,\n",
        "other/c.py": None,
        "other/d.so": None,
    }
    entries = [
        LayerEntry(path=f"{SITE}/{name}", kind=Kind.FILE, size=9, mode=0o644, owner=0, data=data)
        for name, data in contents.items()
    ]
    folders = {"half-1.dist-info", "other", "other/inner", "torch/inner"}
    entries += [LayerEntry(path=f"{SITE}/{name}", kind=Kind.FOLDER, size=0, mode=0o755, owner=0) for name in folders]
    SparseRootfs(root=tmp_path / "root").extract_entries(entries)
    site = tmp_path / "root" / SITE
    assert {name for name in folders if (site / name).is_dir()} == folders - {"other/inner"}
    found = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert found == contents.keys() - {"other/c.py"}


def test_a_shared_object_is_kept_where_it_tells_something(tmp_path: Path) -> None:
    root = tmp_path / "root"
    members = [(f"{SITE}/x/{name}.so", tarfile.REGTYPE, name.encode() * 3000) for name in ("cuda", "none")]
    SparseRootfs(root=root, keep_content=lambda path: b"cuda" in Path(path).read_bytes()).extract(stream(*members))
    assert (root / SITE / "x/cuda.so").read_bytes() == b"cuda" * 3000
    assert (root / SITE / "x/none.so").read_bytes() == bytes(12000)


Member = tuple[str, bytes, bytes | str]
HOSTILE: list[list[Member]] = [
    [("../outside/x-1.dist-info/RECORD", tarfile.REGTYPE, b"x")],
    [("/../../outside/x.pth", tarfile.REGTYPE, b"x")],
    [(f"{SITE}/x", tarfile.SYMTYPE, "../../../../../../outside"), (f"{SITE}/x/a.pth", tarfile.REGTYPE, b"x")],
    [(f"{SITE}/x", tarfile.SYMTYPE, "/outside"), (f"{SITE}/x", tarfile.SYMTYPE, "/elsewhere")],
    [(f"{SITE}/x.pth", tarfile.LNKTYPE, "../../outside/secret")],
    [(f"{SITE}/torch", tarfile.SYMTYPE, "y/../../../../../../../outside"), (f"{SITE}/y", tarfile.SYMTYPE, "/")],
]


@pytest.mark.parametrize("members", HOSTILE)
def test_nothing_leads_out(tmp_path: Path, members: list[Member]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    root = tmp_path / "root"
    SparseRootfs(root=root).extract(stream(*members))
    assert [path.name for path in outside.iterdir()] == ["secret"]
    for path in root.rglob("*"):
        assert path.resolve().is_relative_to(root.resolve()), path


names = st.lists(
    st.sampled_from(["site-packages", "a", "b.pth", "..", "torch", "x-1.dist-info", "bin"]), min_size=1, max_size=5
).map("/".join)
contents = (
    st.tuples(names, st.just(tarfile.REGTYPE), st.binary(max_size=9))
    | st.tuples(names, st.sampled_from([tarfile.SYMTYPE, tarfile.LNKTYPE]), names | names.map("/{}".format))
    | st.tuples(names, st.just(tarfile.DIRTYPE), st.just(b""))
)


@settings(max_examples=150, deadline=None)
@example([("site-packages", tarfile.REGTYPE, b""), ("site-packages", tarfile.LNKTYPE, "site-packages")])
@given(st.lists(contents, max_size=8))
def test_any_members_stay_inside(tmp_path_factory: pytest.TempPathFactory, members: list[Member]) -> None:
    folder = tmp_path_factory.mktemp("any")
    root = folder / "root"
    SparseRootfs(root=root).extract(stream(*members))
    assert {path.name for path in folder.iterdir()} == {"root"}
    for path in root.rglob("*"):
        try:
            target = path.resolve()
        except (OSError, RuntimeError):
            continue
        assert target.is_relative_to(root.resolve()), path
