"""Many images of a registry in one call: patterns become names, and layers that images share are read once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envtool.errors import ImageError
from envtool.image.blame.blame_image import BlameRequest, blame_images
from envtool.image.read.registry_listing import expand_references
from envtool.verify.verify_images import VerifyRequest, verify_images
from tests.support.http_server import Handler, serve
from tests.support.image_layout import Layout


@contextmanager
def registry_of(
    images: dict[str, str], layout: Layout, asked: Counter[str], before: Callable[[str], None] = lambda _path: None
) -> Iterator[str]:
    """A registry with images, as `name:tag` and the manifest's digest, that answers in pages; counts what is asked.

    `before` is called with a path before it is answered.
    """

    class RegistryHandler(Handler):
        def answer(self) -> None:
            path, _, query = self.path.removeprefix("/v2/").partition("?")
            asked[path] += 1
            before(path)
            values = dict(pair.partition("=")[::2] for pair in query.split("&"))
            data = self._find(path, values)
            self.send(200 if data is not None else 404, data or b"")

        def _find(self, path: str, values: dict[str, str]) -> bytes | None:
            names = sorted({name.partition(":")[0] for name in images})
            if path == "_catalog" or path.endswith("/tags/list"):
                key = "repositories" if path == "_catalog" else "tags"
                name = path.removesuffix("/tags/list")
                rows = names if path == "_catalog" else [t[len(name) + 1 :] for t in images if t.startswith(f"{name}:")]
                after = [row for row in sorted(rows) if row > values.get("last", "")]
                return json.dumps({key: after[: int(values["n"])]}).encode()
            name, _, target = path.replace("/manifests/", "/blobs/").partition("/blobs/")
            return layout.blobs.get(images.get(f"{name}:{target}", target))

    with serve(RegistryHandler) as port:
        yield f"127.0.0.1:{port}"


def make_images(layout: Layout, count: int) -> dict[str, str]:
    """Images with one layer in common."""
    common = {"etc/common": b"x" * 1000}
    return {f"team/app{n}:1": layout.image([common, {f"srv/{n}": b"y"}]) for n in range(count)}


def test_shared_layers_are_read_once(tmp_path: Path) -> None:
    layout, asked = Layout(), Counter[str]()
    images = make_images(layout, 12)
    with registry_of(images, layout, asked) as host:
        request = VerifyRequest(references=(f"docker://{host}/team/*",), project=tmp_path, static=True, jobs=3)
        results = verify_images(request)
    assert {result.reference for result in results} == {f"docker://{host}/{name}" for name in images}
    assert all(result.checks for result in results)
    blobs = Counter(digest for path, times in asked.items() for digest in [path.partition("/blobs/")[2]] * times)
    # A manifest's configuration and second layer for each, and the first layer for all together.
    assert max(times for digest, times in blobs.items() if digest) == 1
    assert len([digest for digest in blobs if digest]) == 2 * len(images) + 1


def test_blame_reads_side_by_side_and_tells_in_order(tmp_path: Path) -> None:
    """The first image is not answered before the second is asked for: one at a time they would never end."""
    layout, asked, second_is_asked = Layout(), Counter[str](), threading.Event()
    images = make_images(layout, 4)
    own = {name: json.loads(layout.blobs[digest])["layers"][1]["digest"] for name, digest in images.items()}

    def wait(path: str) -> None:
        if path.endswith(own["team/app1:1"]):
            second_is_asked.set()
        if path.endswith(own["team/app0:1"]):
            assert second_is_asked.wait(300)

    with registry_of(images, layout, asked, wait) as host:
        names = [f"docker://{host}/{name}" for name in images]
        requests = [BlameRequest(reference=name, project=tmp_path) for name in names]
        reports = list(blame_images(requests, jobs=2))
    assert second_is_asked.is_set()
    assert [f"docker://{report.image.reference}" for report in reports] == names


def test_blame_tells_what_came_before_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    layout = Layout()
    images = make_images(layout, 2)
    with registry_of(images, layout, Counter()) as host:
        names = [f"docker://{host}/team/{name}:1" for name in ("app0", "absent", "app1")]
        reports = blame_images([BlameRequest(reference=name, project=tmp_path) for name in names], jobs=3)
        assert f"docker://{next(reports).image.reference}" == names[0]
        with pytest.raises(ImageError):
            next(reports)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("team/*", ["team/app0:1", "team/app1:1"]),
        ("team/app?:*", ["team/app0:1", "team/app1:1"]),
        ("*/app1", ["team/app1:1"]),
        ("team/app1:?", ["team/app1:1"]),
        ("team/app1:1", ["team/app1:1"]),
    ],
)
def test_patterns(pattern: str, names: list[str]) -> None:
    layout = Layout()
    images = make_images(layout, 2)
    with registry_of(images, layout, Counter()) as host:
        found = expand_references([f"docker://{host}/{pattern}"])
        assert [name.partition("/")[2].partition("/")[2].partition("/")[2] for name in found] == names


def test_pages_and_what_matches_nothing() -> None:
    layout = Layout()
    digest = layout.image([{"a": b""}])
    images = {f"team/app:{n:04}": digest for n in range(1203)}
    with registry_of(images, layout, Counter()) as host:
        assert len(expand_references([f"docker://{host}/team/app:*"])) == 1203
        with pytest.raises(ImageError, match="no image matches"):
            expand_references([f"docker://{host}/other/*"])
    assert expand_references(["a.tar", "a.tar", "b"]) == ("a.tar", "b")
