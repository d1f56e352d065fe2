"""Pictures of pages that are the same on any machine: in a font of boxes, with words of the same letters.

What fonts a machine has decides where lines break, so the font is made here and goes into the page, which is made of a
document that is kept (`documents.json`). Pictures are compared in small, with room for how a browser's release draws
edges.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops
from playwright.sync_api import Page

# Pixels of the page to one of the picture.
SCALE = 8
# How far a channel may be off, of 255, and which part of the picture may be further off.
_NEAR, MOST_CHANGED = 40, 0.02
_UNITS = 1000
# Words become boxes; a version of envtool's own is as long as any.
_LEVEL_WORDS = """
() => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest('style, script')) continue;
    node.data = node.data.replace(/\\d[\\d.,:+-]*/g, '0').replace(/\\S/g, 'x');
  }
}
"""
_STYLE = """
@font-face { font-family: boxes; src: url(data:font/ttf;base64,FONT); }
*, *::before, *::after { font-family: boxes !important; animation: none !important; transition: none !important; }
"""


def make_font() -> bytes:
    """A TrueType font whose one letter, `x`, is a box of half an em."""
    pen = TTGlyphPen(None)
    for number, point in enumerate(((50, 0), (50, 500), (450, 500), (450, 0))):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    box, empty = pen.glyph(), TTGlyphPen(None).glyph()
    font = FontBuilder(_UNITS, isTTF=True)
    font.setupGlyphOrder([".notdef", "space", "x"])
    font.setupCharacterMap({ord(" "): "space", 0xA0: "space", ord("x"): "x"})
    font.setupGlyf({".notdef": box, "space": empty, "x": box})
    font.setupHorizontalMetrics({".notdef": (500, 50), "space": (500, 0), "x": (500, 50)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "boxes", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200, sxHeight=500)
    font.setupPost()
    stream = io.BytesIO()
    font.save(stream)
    return stream.getvalue()


def take_picture(page: Page) -> Image.Image:
    """The whole page in small. It must have been opened without its content security policy, which admits no font."""
    page.evaluate(_LEVEL_WORDS)
    page.add_style_tag(content=_STYLE.replace("FONT", base64.b64encode(make_font()).decode()))
    page.evaluate("() => document.fonts.load('16px boxes')")
    data = page.screenshot(full_page=True, scale="css", animations="disabled", caret="hide")
    with Image.open(io.BytesIO(data)) as picture:
        size = (picture.width // SCALE, picture.height // SCALE)
        return picture.convert("RGB").resize(size, Image.Resampling.BOX)


def measure_change(picture: Image.Image, kept: Image.Image) -> float:
    """Which part of a picture is not as it was, from 0 to 1: what is longer or shorter counts with all its pixels."""
    size = (max(picture.width, kept.width), max(picture.height, kept.height))
    whole = []
    for item in (picture, kept):
        # A colour that no page has, so that what only one has differs.
        sheet = Image.new("RGB", size, (255, 0, 255) if item is picture else (0, 255, 0))
        sheet.paste(item)
        whole.append(sheet)
    channels = ImageChops.difference(*whole).split()
    most = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    return float(sum(most.histogram()[_NEAR:]) / (size[0] * size[1]))


def read_picture(path: Path) -> Image.Image:
    """A picture as it is kept."""
    with Image.open(path) as picture:
        return picture.convert("RGB")
