"""From an index or a manifest to the image, wherever its blobs are kept: every blob is held to its digest here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from envtool.image.read.image import StoredImage, put_together
from envtool.image.read.layer import LayerContents
from envtool.image.read.manifest import Descriptor, chosen, is_index, manifest_of, parse, require_digest, wrong_digest

# Both are asked for what a digest names, which need not be what they give; the layer's number counts from 1.
Document = Callable[[Descriptor], bytes]
Layer = Callable[[Descriptor, int], LayerContents]


def resolve(
    reference: str,
    table: Mapping[str, Any],
    platform: str,
    *,
    manifest: Document,
    configuration: Document,
    layer: Layer,
) -> StoredImage:
    """The image for a platform that an index, or the image that a manifest, names. Raises `ImageError`."""
    while is_index(table):
        table = _parsed(chosen(table, platform, reference), manifest, f"the manifest of {reference}", reference)
    named = manifest_of(table, f"the manifest of {reference}")
    told = _parsed(named.configuration, configuration, f"the configuration of {reference}", reference)
    layers = []
    for number, item in enumerate(named.layers, 1):
        found = layer(item, number)
        if found.digest != item.digest:
            raise wrong_digest(f"layer {number} of {reference}", item.digest, found.digest)
        layers.append(found)
    return put_together(reference, named.configuration.digest, told, layers)


def _parsed(named: Descriptor, read: Document, what: str, reference: str) -> Mapping[str, Any]:
    return parse(require_digest(read(named), named.digest, f"{named.digest[:19]} in {reference}"), what)
