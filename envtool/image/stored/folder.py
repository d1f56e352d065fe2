"""An image in a folder of the OCI image layout. Format: OCI image specification, "Image Layout"."""

from __future__ import annotations

from pathlib import Path

from envtool.errors import ImageError
from envtool.image.stored.document import Named, chosen, is_index, manifest_of, parse, require_digest, wrong_digest
from envtool.image.stored.image import StoredImage, put_together
from envtool.image.stored.layer import Interest, LayerContents, read_layer


def read_folder(folder: Path, wishes: Interest, platform: str) -> StoredImage:
    """Read the folder's image. Raises `ImageError`."""
    reference = str(folder)
    table = parse(_read(folder / "index.json"), f"the index of {reference}")
    while is_index(table):
        named = chosen(table, platform, reference)
        table = parse(_document(folder, named), f"the manifest of {reference}")
    manifest = manifest_of(table, f"the manifest of {reference}")
    configuration = parse(_document(folder, manifest.configuration), f"the configuration of {reference}")
    layers = [_layer(folder, named, number, wishes) for number, named in enumerate(manifest.layers, 1)]
    return put_together(reference, manifest.configuration.digest, configuration, layers)


def _layer(folder: Path, named: Named, number: int, wishes: Interest) -> LayerContents:
    what = f"layer {number} of {folder}"
    try:
        with open(_blob(folder, named), "rb") as stream:
            layer = read_layer(stream, wishes, name=what)
    except OSError as error:
        raise _missing(what, error) from error
    if layer.digest != named.digest:
        raise wrong_digest(what, named.digest, layer.digest)
    return layer


def _document(folder: Path, named: Named) -> bytes:
    return require_digest(_read(_blob(folder, named)), named.digest, f"{named.digest[:19]} in {folder}")


def _blob(folder: Path, named: Named) -> Path:
    return folder / "blobs" / named.digest.replace(":", "/")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _missing(str(path), error) from error


def _missing(what: str, error: OSError) -> ImageError:
    return ImageError(
        f"{what} cannot be read", why=str(error.strerror or error), remedy="fetch or save the image again"
    )
