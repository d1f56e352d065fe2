"""The bill of materials and the schema of its standard."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from envtool.errors import ImageError
from envtool.image.sbom.document import SbomSubject, read_sbom, render_sbom
from envtool.image.sbom.inventory import Package
from envtool.image.sbom.schema import validate_sbom

PACKAGES = (
    Package(
        purl="pkg:pypi/torch@1.7.1%2Bcu110.moreh22.8.0",
        name="torch",
        version="1.7.1+cu110.moreh22.8.0",
        folder="opt/conda",
        license="BSD-3-Clause",
    ),
    Package(
        purl="pkg:conda/python@3.8.20?subdir=linux-64",
        name="python",
        version="3.8.20",
        folder="opt/conda",
        license="",
        sha256="ab" * 32,
    ),
)
TEXT = render_sbom(PACKAGES, SbomSubject("hac-base", "1-22.8.0", 0, frozenset({"torch"})))


def changed(*path: str | int, value: object) -> str:
    """The document with another value at a place."""
    document = json.loads(TEXT)
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(document)


def test_lists_what_it_was_made_from() -> None:
    assert {package.key for package in read_sbom(TEXT.encode())} == {package.key for package in PACKAGES}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("components", 0, "type"), "nonsense"),
        (("components", 0, "hashes", 0, "content"), "short"),
        (("serialNumber",), "1"),
        (("metadata", "timestamp"), "noon"),
        (("specVersion",), 1.6),
        (("further",), 1),
        (("components", 0, "licenses"), [{"license": {"id": "No-Such-License"}}]),
        (("components", 0, "externalReferences"), [{"type": "website", "url": "a b"}]),
    ],
)
def test_what_the_standard_does_not_allow(path: tuple[str | int, ...], value: object) -> None:
    """The standard's own validator agrees."""
    document = changed(*path, value=value)
    with pytest.raises(ImageError, match="CycloneDX's schema"):
        validate_sbom(document)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is not None


def test_what_the_standard_allows() -> None:
    for document in (TEXT, changed("components", 0, "version", value="")):
        validate_sbom(document)
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
