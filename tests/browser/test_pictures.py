"""What pages look like, compared with pictures that somebody looked at."""

from __future__ import annotations

import json
from copy import deepcopy
from gettext import NullTranslations
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from envtool.cli.render.html.chains import draw_chains
from envtool.cli.render.html.page import render_page
from tests.browser.pictures import MOST_CHANGED, measure_change, read_picture, take_picture
from tests.browser.test_pages import NARROW, WIDE

_FOLDER = Path(__file__).parent
KEPT, NEW = _FOLDER / "pictures", Path(__file__).parents[2] / ".work" / "pictures"
# By the name of a picture: a template, and the document that a page is made of.
DOCUMENTS = json.loads((_FOLDER / "documents.json").read_text(encoding="utf-8"))
WAYS = {"light": WIDE, "dark": NARROW}
STYLES = {
    "the verdict is gone": ".verdict { display: none !important; }",
    "all is further to the right": "main { padding-left: 9rem !important; }",
    "the ground has another colour": "body { background: #b0c0d0 !important; }",
    "headings have more room": "h2 { margin-top: 8rem !important; }",
}


def make_page(name: str) -> str:
    """The page in English, whatever the language here."""
    made = deepcopy(DOCUMENTS[name])
    for answer in made["document"].get("answers", ()):
        for clobber in answer["clobbers"]:
            clobber["drawing"] = draw_chains(clobber)
    return render_page(made["template"], made["document"], translations=NullTranslations())


def photograph(browser: Browser, name: str, colours: str, folder: Path, style: str = "") -> Image.Image:
    """The picture of a page in light or dark, as wide as belongs to that."""
    path = folder / f"{name}.html"
    path.write_text(make_page(name), encoding="utf-8")
    context = browser.new_context(viewport=WAYS[colours], color_scheme=colours, bypass_csp=True)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        page.goto(path.as_uri())
        if style:
            page.add_style_tag(content=style)
        return take_picture(page)
    finally:
        context.close()


@pytest.mark.parametrize("colours", WAYS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_looks_as_in_its_picture(browser: Browser, name: str, colours: str, tmp_path: Path) -> None:
    picture = photograph(browser, name, colours, tmp_path)
    kept = KEPT / f"{name}-{colours}.png"
    changed = measure_change(picture, read_picture(kept)) if kept.exists() else 1.0
    if changed > MOST_CHANGED:
        NEW.mkdir(parents=True, exist_ok=True)
        picture.save(NEW / kept.name, optimize=True)
    told = (
        f"{changed:.1%} is other: look at .work/pictures/{kept.name}; if it is meant, copy it to tests/browser/pictures"
    )
    assert changed <= MOST_CHANGED, told


@pytest.mark.parametrize("style", STYLES)
def test_a_change_of_looks_is_seen(browser: Browser, style: str, tmp_path: Path) -> None:
    before, after = (photograph(browser, "doctor", "light", tmp_path, item) for item in ("", STYLES[style]))
    assert measure_change(before, before) == 0
    assert measure_change(after, before) > MOST_CHANGED
