"""An image in a folder of the OCI image layout. Format: OCI image specification, "Image Layout"."""

from __future__ import annotations

from pathlib import Path

from envtool.errors import ImageError
from envtool.image.read.image import StoredImage
from envtool.image.read.layer import FileSelector, LayerContents, read_layer
from envtool.image.read.manifest import Descriptor, parse
from envtool.image.read.resolve import resolve


def read_folder(folder: Path, wishes: FileSelector, platform: str) -> StoredImage:
    """Read the folder's image. Raises `ImageError`."""

    def document(named: Descriptor) -> bytes:
        return _read(folder / named.blob)

    def layer(named: Descriptor, number: int) -> LayerContents:
        what = f"layer {number} of {folder}"
        try:
            with open(folder / named.blob, "rb") as stream:
                return read_layer(stream, wishes, name=what)
        except OSError as error:
            raise _missing(what, error) from error

    index = parse(_read(folder / "index.json"), f"the index of {folder}")
    return resolve(str(folder), index, platform, manifest=document, configuration=document, layer=layer)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _missing(str(path), error) from error


def _missing(what: str, error: OSError) -> ImageError:
    return ImageError(
        f"{what} cannot be read", why=str(error.strerror or error), remedy="fetch or save the image again"
    )
