"""The page of each command's report, made of the document that its JSON is made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envtool.cli.render.html.chains import draw_chains
from envtool.cli.render.html.layers import describe_layers
from envtool.cli.render.html.page import make_presentable, render_page

if TYPE_CHECKING:
    from envtool.image.blame.trace import BlameReport
    from envtool.verify.result import ImageResult

# In the order in which a person wants to see them.
_MARKS = ("fail", "warn", "pass")


def render_doctor_page(document: Mapping[str, Any]) -> str:
    """A doctor report: the verdict, and each finding with its evidence, cause and remedy."""
    return render_page("doctor", document)


def render_scan_page(document: Mapping[str, Any]) -> str:
    """A scan: files and lines."""
    return render_page("scan", document)


def render_check_page(document: Mapping[str, Any]) -> str:
    """Predictions: for each distribution that would be changed, a graph of the chains that lead to it."""
    safe = make_presentable(document)
    for answer in safe["answers"]:
        for clobber in answer["clobbers"]:
            clobber["drawing"] = draw_chains(clobber)
    return render_page("check", safe)


def render_verify_page(document: Mapping[str, Any], results: Sequence[ImageResult]) -> str:
    """Verified images: a table of checks for each, and one of all where there are several.

    `results` are what the document was made from; they know which failed checks are warnings only.
    """
    images = []
    for row, result in zip(document["images"], results, strict=True):
        marks = ["pass" if check.passed else "warn" if check in result.warnings else "fail" for check in result.checks]
        checks = [
            {**check, "mark": mark, "rank": _MARKS.index(mark)}
            for check, mark in zip(row["checks"], marks, strict=True)
        ]
        images.append({**row, "checks": checks})
    titles = {check["name"]: check["title"] for image in images for check in image["checks"]}
    return render_page("verify", {**document, "images": images, "titles": titles})


def render_blame_page(reports: Sequence[tuple[BlameReport, Mapping[str, Any]]]) -> str:
    """Blamed images, each with its document: the layers as a picture, and what each did to torch."""
    rows = [{**document, "layers": describe_layers(report, document)} for report, document in reports]
    return render_page("blame", {"reports": rows})


def render_sbom_page(document: Mapping[str, Any]) -> str:
    """An inventory, a CycloneDX document: a list that can be searched."""
    packages = [_make_package(component) for component in document.get("components") or ()]
    image = document["metadata"]["component"]
    return render_page(
        "sbom",
        {
            "image": {
                "name": image["name"],
                "version": image.get("version"),
                "made": document["metadata"].get("timestamp"),
            },
            "packages": packages,
            "counted": dict(sorted(Counter(package["kind"] for package in packages).items())),
        },
    )


def _make_package(component: Mapping[str, Any]) -> dict[str, Any]:
    properties = {item["name"]: item["value"] for item in component.get("properties") or ()}
    licenses = [
        item.get("expression") or item.get("license", {}).get("name") or item.get("license", {}).get("id") or ""
        for item in component.get("licenses") or ()
    ]
    purl = str(component.get("purl") or "")
    return {
        "name": component["name"],
        "version": component.get("version") or "",
        "kind": purl.removeprefix("pkg:").partition("/")[0] or "other",
        "purl": purl,
        "license": ", ".join(filter(None, licenses)),
        "folder": properties.get("hac-envtool:folder", ""),
        "stand_in": properties.get("hac-envtool:stand-in") == "true",
    }
