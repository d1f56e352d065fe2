"""The terminal in the README shows what a terminal shows."""

from __future__ import annotations

import html
import itertools
import re
import xml.etree.ElementTree as ElementTree

from docs.generate.picture import COMMANDS, PICTURE, draw, run_story


def read_lines(drawing: str) -> list[str]:
    """The lines of the terminal, from top to bottom."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for item in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text"):
        if "title" not in item.get("class", ""):
            place = lines.setdefault(float(item.get("y", "0")), [])
            place.append((float(item.get("x", "0")), html.unescape(item.text or "").replace("\xa0", " ")))
    return ["".join(text for _x, text in sorted(parts)).rstrip() for _y, parts in sorted(lines.items())]


def read_verdicts(lines: list[str]) -> dict[str, str]:
    """The line below each command, without the time of day."""
    return {
        line[2:]: re.sub(r"\d{4}-\d\d-\d\d.*", "", below)
        for line, below in itertools.pairwise(lines)
        if line.startswith("$ ")
    }


def test_the_picture_is_of_a_real_run() -> None:
    """What each command says first; all the rest is drawn with it."""
    told = read_verdicts(read_lines(draw(run_story())))
    drawn = read_verdicts(read_lines(PICTURE.read_text()))
    assert set(told) == set(COMMANDS)
    assert drawn == told, "the program says something else by now; run: make picture"
    assert told["envtool check requirements.txt"].startswith("clobbered")
    assert told["envtool doctor"].startswith("damaged")
