"""Reads an image from its index or manifest, wherever its blobs are kept; checks the digest of every blob."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from envtool.image.read.image import StoredImage, make_stored_image
from envtool.image.read.layer import LayerContents
from envtool.image.read.layer_limits import require_image_size, require_layer_count
from envtool.image.read.manifest import (
    Descriptor,
    digest_mismatch,
    is_index,
    parse_image_document,
    parse_manifest,
    require_digest,
    select_manifest,
)
from envtool.language import tell

# Each gets what a digest names; whether it really has that digest is checked here. A layer's number counts from 1.
Document = Callable[[Descriptor], bytes]
Layer = Callable[[Descriptor, int], LayerContents]


def load_image(
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
        table = _fetch_json(
            select_manifest(table, platform, reference),
            manifest,
            tell("the manifest of {reference}", reference=reference),
            reference,
        )
    named = parse_manifest(table, tell("the manifest of {reference}", reference=reference))
    settings = _fetch_json(
        named.configuration, configuration, tell("the configuration of {reference}", reference=reference), reference
    )
    require_layer_count(named.layers, reference)
    layers: list[LayerContents] = []
    for number, descriptor in enumerate(named.layers, 1):
        found = layer(descriptor, number)
        if found.digest != descriptor.digest:
            raise digest_mismatch(
                tell("layer {number} of {reference}", number=number, reference=reference),
                descriptor.digest,
                found.digest,
            )
        layers.append(found)
        require_image_size(sum(item.inflated for item in layers), reference)
    return make_stored_image(reference, named.configuration.digest, settings, layers)


def _fetch_json(descriptor: Descriptor, read: Document, what: str, reference: str) -> Mapping[str, Any]:
    return parse_image_document(
        require_digest(
            read(descriptor),
            descriptor.digest,
            tell("{name} in {reference}", name=descriptor.digest[:19], reference=reference),
        ),
        what,
    )
