"""All images of one archive of `docker save`; layers that they share are read once."""

from __future__ import annotations

from pathlib import Path

from envtool.image.read import tarball
from envtool.image.read.image import StoredImage
from envtool.image.read.layer import FileSelector


def read_saved_images(archive: Path, selector: FileSelector) -> dict[str, StoredImage]:
    """Every image that the archive has a name for."""
    with open(archive, "rb") as stream:
        contents = tarball._read_contents(stream, archive.name, selector)
    return {
        tag: tarball._read_docker_archive(contents, tag, row)
        for row in tarball._read_rows(contents, archive.name)
        for tag in row.get("RepoTags") or ()
    }
