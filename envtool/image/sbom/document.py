"""The inventory as CycloneDX 1.6 JSON, made by the standard's own library and checked by its schema.

The same packages make the same bytes: the time is the image's epoch, the serial number comes from what is listed.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import envtool
from envtool.documents import parse_json
from envtool.errors import ImageError
from envtool.image.sbom.inventory import Package
from envtool.image.sbom.schema import validate_sbom
from envtool.language import tell

# Where an image carries its own.
SBOM_FOLDER = "opt/hac/sbom"
_FOLDER = "hac-envtool:folder"
_STAND_IN = "hac-envtool:stand-in"


@dataclass(frozen=True)
class SbomSubject:
    """The image that the document is about. `epoch` is in seconds since 1970; `stand_ins` are names of stand-ins."""

    name: str
    version: str
    epoch: int
    stand_ins: frozenset[str] = frozenset()


def render_sbom(packages: Sequence[Package], subject: SbomSubject) -> str:
    """The document. Raises `ImageError` where it does not meet the standard's schema."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.tool import ToolRepository
    from cyclonedx.output.json import JsonV1Dot6

    root = Component(
        name=subject.name, version=subject.version, type=ComponentType.CONTAINER, bom_ref=f"image:{subject.name}"
    )
    tool = Component(name="envtool", version=envtool.__version__, type=ComponentType.APPLICATION)
    listed = [_make_component(package, subject) for package in packages]
    content = json.dumps([subject.name, subject.version, [package.key for package in packages]])
    bom = Bom(
        components=listed,
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"hac-envtool:sbom:{content}"),
        metadata=BomMetaData(
            component=root,
            timestamp=datetime.datetime.fromtimestamp(subject.epoch, datetime.UTC),
            tools=ToolRepository(components=[tool]),
        ),
    )
    bom.register_dependency(root, listed)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    validate_sbom(text)
    return f"{text}\n"


def _make_component(package: Package, subject: SbomSubject) -> Any:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from packageurl import PackageURL

    properties = [Property(name=_FOLDER, value=f"/{package.folder}")] if package.folder else []
    if package.purl.startswith("pkg:pypi/") and package.name in subject.stand_ins:
        properties.append(Property(name=_STAND_IN, value="true"))
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{package.purl}#{package.folder}",
        purl=PackageURL.from_string(package.purl),
        licenses=[DisjunctiveLicense(name=package.license)] if package.license else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)] if package.sha256 else None,
        properties=properties,
    )


def read_sbom(data: bytes) -> tuple[Package, ...]:
    """The packages that a document lists. Raises `ImageError` where it is none."""
    try:
        table = parse_json(data)
        if table.get("bomFormat") != "CycloneDX":
            raise ValueError(tell("it is no CycloneDX document"))
        return tuple(
            Package(
                purl=str(row["purl"]),
                name=str(row["name"]),
                version=str(row.get("version", "")),
                folder=_get_folder(row),
            )
            for row in table.get("components", ())
            if "purl" in row
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageError(tell("a bill of materials cannot be read"), why=str(error)) from error


def _get_folder(row: dict[str, Any]) -> str:
    properties = {item.get("name"): item.get("value") for item in row.get("properties", ())}
    return str(properties.get(_FOLDER, "")).lstrip("/")
