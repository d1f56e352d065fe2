"""An image in a folder of the OCI image layout. Format: OCI image specification, "Image Layout"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envtool.image.read.layer import FileSelector, LayerContents, read_layer
from envtool.image.read.load import load_image
from envtool.image.read.manifest import Descriptor, make_unreadable_error, parse_image_document
from envtool.language import tell
from envtool.regular_file import open_regular_file, read_regular_file

if TYPE_CHECKING:
    from envtool.image.read.image import StoredImage


def read_oci_layout(folder: Path, selector: FileSelector, platform: str) -> StoredImage:
    """Read the folder's image. Raises `ImageError`."""

    def document(descriptor: Descriptor) -> bytes:
        return _read(folder / descriptor.blob)

    def layer(descriptor: Descriptor, number: int) -> LayerContents:
        what = tell("layer {number} of {reference}", number=number, reference=folder)
        try:
            with open(open_regular_file(folder / descriptor.blob), "rb") as stream:
                return read_layer(stream, selector, name=what)
        except OSError as error:
            raise make_unreadable_error(what, str(error.strerror or error)) from error

    index = parse_image_document(_read(folder / "index.json"), tell("the index of {reference}", reference=folder))
    return load_image(str(folder), index, platform, manifest=document, configuration=document, layer=layer)


def _read(path: Path) -> bytes:
    try:
        return read_regular_file(path)
    except OSError as error:
        raise make_unreadable_error(str(path), str(error.strerror or error)) from error
