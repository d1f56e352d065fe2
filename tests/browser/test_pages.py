"""Pages as people use them: opened from a file, by mouse, keyboard and screen reader, in any light, and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.support.report_pages import read_document

NAMES = ["healthy", "doctor", "scan", "check", "verify", "matrix", "blame", "several", "sbom"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
# Half a screen; and A4 at 96 pixels to the inch, without its margins.
HALF, PAPER = {"width": 700, "height": 900}, {"width": 718, "height": 1040}


@contextmanager
def open_page(browser: Browser, path: Path, **settings: Any) -> Iterator[Page]:
    """A page that was opened from its file; afterwards it must have loaded nothing and complained of nothing."""
    context = browser.new_context(viewport=settings.pop("viewport", WIDE), **settings)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if request.is_navigation_request() else asked.append(request.url))
    page.goto(path.as_uri())
    try:
        yield page
        assert said == []
        assert [url for url in asked if not url.startswith("data:,")] == []
    finally:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """In both lights and both widths: it fits, nothing is hidden behind something else, and axe finds nothing."""
    for colours in ("light", "dark"):
        with open_page(browser, pages[name], color_scheme=colours) as page:
            assert page.locator("h1, .verdict h3").first.is_visible()
            for size in (WIDE, HALF, NARROW):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert overflow <= 0, f"{size['width']} wide, {colours}"
            page.emulate_media(media="print")
            page.set_viewport_size(PAPER)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"paper, {colours}"
            page.emulate_media(media="screen")
            page.set_viewport_size(NARROW)  # type: ignore[arg-type]
            # What is shown on demand is judged as well.
            page.evaluate("for (const item of document.querySelectorAll('details')) item.open = true")
            found = Axe().run(page).response["violations"]
            told = [(row["id"], [node["html"][:200] for node in row["nodes"][:3]]) for row in found]
            assert told == [], colours
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            dark = sum(int(part) for part in ground.removeprefix("rgb(").rstrip(")").split(",")) < 3 * 128
            assert dark == (colours == "dark")


def test_every_finding_can_be_seen(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["doctor"]) as page:
        findings = read_document(pages["doctor"])["findings"]
        assert page.locator("article.card").count() == len(findings) > 0
        for finding in findings:
            assert page.get_by_role("heading", name=finding["title"], exact=True).first.is_visible()


def test_the_worst_comes_first_and_its_command_can_be_copied(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["doctor"], permissions=["clipboard-read", "clipboard-write"]) as page:
        remedy = read_document(pages["doctor"])["findings"][0]["remedy"]
        button = page.get_by_role("button", name="Copy the command").first
        button.click()
        assert page.evaluate("navigator.clipboard.readText()") == remedy
        assert page.get_by_role("status").first.text_content() == "Copied"


def test_without_a_script_everything_is_there(browser: Browser, pages: dict[str, Path]) -> None:
    for name in ("scan", "sbom", "blame"):
        with open_page(browser, pages[name], java_script_enabled=False) as page:
            assert page.locator("form.filter").count() == page.locator("form.filter:not(:visible)").count()
            assert page.locator("[data-row]:visible").count() == page.locator("[data-row]").count()


def test_an_inventory_is_searched(browser: Browser, pages: dict[str, Path]) -> None:
    components = read_document(pages["sbom"])["components"]
    with open_page(browser, pages["sbom"]) as page:
        rows = page.locator("tbody tr:visible")
        assert rows.count() == len(components)
        page.get_by_role("searchbox").fill("TORCH 0.8")
        assert rows.count() == 1
        assert "torchvision" in (rows.first.text_content() or "")
        assert page.locator("output").text_content() == f"1 of {len(components)} shown"
        page.get_by_role("searchbox").fill("")
        page.get_by_role("checkbox", name="Debian").uncheck()
        assert rows.count() == len([item for item in components if not item["purl"].startswith("pkg:deb/")])


def test_findings_are_filtered_by_severity(browser: Browser, pages: dict[str, Path]) -> None:
    findings = read_document(pages["scan"])["findings"]
    with open_page(browser, pages["scan"]) as page:
        page.get_by_role("checkbox", name="warnings").uncheck()
        errors = [item for item in findings if item["severity"] == "error"]
        assert page.locator("tr[data-row]:visible").count() == len(errors)
        assert page.locator("section[data-group]:visible").count() == len({item["file"] for item in errors})


def test_the_guilty_layer_is_found_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    """By Tab alone from the top of the page: its block in the picture, its place in the list, and its files."""
    (culprit,) = {
        row["layer"]: row for row in read_document(pages["blame"])["culprits"] if row["distribution"] == "torch"
    }.values()
    with open_page(browser, pages["blame"]) as page:
        assert page.locator(".block.guilty").count() == 1
        assert page.locator("li.layer").count() == read_document(pages["blame"])["image"]["layers"]
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.getAttribute('href') || ''")
            if focused == f"#layer-1-{culprit['layer']}" and page.evaluate(
                "document.activeElement.closest('svg') !== null"
            ):
                break
        else:
            pytest.fail("Tab does not reach the guilty layer")
        page.keyboard.press("Enter")
        layer = page.locator(f"#layer-1-{culprit['layer']}")
        assert layer.is_visible()
        assert "to blame" in (layer.text_content() or "")
        tip = layer.locator(".tip").first
        assert not tip.is_visible()
        page.keyboard.press("Tab")
        assert tip.is_visible()
        assert culprit["folder"] in (tip.text_content() or "")


def test_files_are_shown_where_a_mouse_rests(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["blame"]) as page:
        change = page.locator("li.guilty .change").first
        assert not change.locator(".tip").is_visible()
        change.hover()
        assert change.locator(".tip").is_visible()
        assert change.locator(".tip").evaluate("node => getComputedStyle(node).overflow") == "auto"


def test_a_chain_is_drawn_from_the_line_to_torch(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["check"]) as page:
        boxes = page.locator(".graph svg").first.locator("g .box")
        places = [box.bounding_box() for box in boxes.all()]
        assert len(places) >= 3
        texts = page.locator(".graph svg").first.locator("g").all()
        for text in texts:
            box = text.locator(".box").bounding_box()
            for line in text.locator("text").all():
                inner = line.bounding_box()
                assert box is not None
                assert inner is not None
                assert inner["x"] >= box["x"]
                assert inner["x"] + inner["width"] <= box["x"] + box["width"]
        torch = page.locator(".graph g.torch .box").first.bounding_box()
        assert torch is not None
        assert all(place is not None and place["x"] <= torch["x"] for place in places)
        for chain in read_document(pages["check"])["answers"][0]["clobbers"][0]["chains"]:
            link = chain["links"][-1]
            words = f"{link['name']} {link['version']} requires {link['requires']}"
            assert page.get_by_text(words).first.is_visible()


def test_paper_has_everything(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    for name in ("verify", "blame", "scan"):
        with open_page(browser, pages[name], color_scheme="dark") as page:
            page.emulate_media(media="print", color_scheme="light")
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            assert page.locator("details:not([open])").count() == 0
            assert page.locator(".filter:visible, .copy:visible").count() == 0
            assert page.locator(".tip").count() == page.locator(".tip:visible").count()
            assert len(page.pdf()) > 10_000


def test_a_hostile_name_does_nothing(browser: Browser, tmp_path: Path) -> None:
    from tests.unit.cli.test_html import HOSTILE, MAKERS

    for name, (make, render) in MAKERS.items():
        for number, text in enumerate(HOSTILE):
            path = tmp_path / f"{name}{number}.html"
            path.write_text(render(make(text)), encoding="utf-8")
    with open_page(browser, path) as page:
        page.on("dialog", lambda _dialog: pytest.fail("a name ran as a script"))
        for each in sorted(tmp_path.glob("*.html")):
            page.goto(each.as_uri())
            assert page.locator("script").count() == 1
            assert page.locator("img, iframe, object").count() == 0


# What a page consists of, top to bottom: changes are looked at, on purpose.
STRUCTURE = json.loads((Path(__file__).parent / "structure.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_looks_as_it_did(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """Its parts, in their order, with where they are to each other; not to the pixel, which fonts decide."""
    with open_page(browser, pages[name]) as page:
        assert page.evaluate(OUTLINE) == STRUCTURE[name]


OUTLINE = """
() => [...document.querySelectorAll('header.top, main > *, footer')].map((node) => {
  const box = node.getBoundingClientRect();
  const side = box.left < innerWidth * 0.2 && box.right > innerWidth * 0.8 ? 'wide' : 'part';
  return `${[node.tagName.toLowerCase(), ...node.classList].join('.')} ${side}`;
})
"""
