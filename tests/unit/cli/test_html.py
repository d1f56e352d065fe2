"""Pages of HTML hold everything that the JSON holds, as text and as nothing else, and are complete in themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from gettext import GNUTranslations, NullTranslations
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envtool.cli.render.html.chains import draw_chains
from envtool.cli.render.html.page import make_presentable, render_page
from envtool.cli.render.html.reports import (
    render_check_page,
    render_doctor_page,
    render_sbom_page,
    render_scan_page,
)
from envtool.cli.terminal import make_safe
from tests.support.report_pages import make_pages_once, read_document

# Elements and attributes that can load or run something; the page's own style and script are told by their content.
LOADS = {"iframe", "object", "embed", "img", "audio", "video", "source", "base", "frame", "applet", "image", "use"}
VOID = {"meta", "link", "input", "br", "hr", "img", "rect", "path", "circle"}


class Page(HTMLParser):
    """The texts and elements of a page; asserts that elements are closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        """All that is not style or script, blanks as one."""
        return " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "script"}:
            self.parts.append(data)


def list_texts(value: Any) -> Iterator[str]:
    """Every text of a document that is not a key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from list_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from list_texts(item)


def is_complete(page: str) -> None:
    """A page loads nothing, runs its own script only, and goes through the one point of output as it is."""
    parsed = Page(page)
    for tag, attributes in parsed.elements:
        assert tag not in LOADS, tag
        assert not any(name.startswith("on") for name in attributes), attributes
        assert "style" not in attributes, attributes
        for name in ("src", "href", "xlink:href", "action", "formaction", "srcset", "poster", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, name, value)
        if tag == "meta" and attributes.get("http-equiv"):
            assert attributes["http-equiv"] == "Content-Security-Policy"
    assert [tag for tag, _attributes in parsed.elements].count("script") == 1
    assert [tag for tag, _attributes in parsed.elements].count("style") == 1
    identities = [attributes["id"] for _tag, attributes in parsed.elements if attributes.get("id")]
    assert len(identities) == len(set(identities))
    assert make_safe(page) == page


@pytest.fixture(scope="module")
def pages(healthy_template: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_pages_once(healthy_template, wheels, tmp_path_factory)


# What a program needs and a person does not: sums, and names of schemas and kinds of data. The page and the JSON are
# of two runs, at two times.
NOT_SHOWN = re.compile(
    r"[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:]{8}\+00:00|hac-envtool/\w+/\d|machine|pin_file|site|whole|found|passed|failed|damaged|clobbered|healthy"
    r"|error|warning|note|pip|uv|safe|replaces|keeps|clean|no_torch|/.*/site-packages"
)


def test_pages_hold_what_the_json_holds(pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        if name == "sbom":
            continue
        text = Page(path.read_text()).text
        document = read_document(path)
        texts = {" ".join(item.split()) for item in list_texts(document)}
        missing = {item for item in texts if item not in text and not NOT_SHOWN.fullmatch(item)}
        assert missing == set(), name


def test_an_inventory_has_every_package(pages: dict[str, Path]) -> None:
    text = Page(pages["sbom"].read_text()).text
    components = read_document(pages["sbom"])["components"]
    assert len(components) > 5
    for component in components:
        assert component["purl"] in text
        assert component["name"] in text
        assert component["version"] in text


def test_pages_are_complete(pages: dict[str, Path]) -> None:
    for path in pages.values():
        is_complete(path.read_text().rstrip("\n"))


def test_the_same_report_makes_the_same_bytes() -> None:
    for make, render in MAKERS.values():
        assert render(make("name")) == render(make("name"))


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></style></script><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "%(name)s %s %d %",
    "{shown} {total}",
    "<!-- ]]> --> <![CDATA[",
    "\x1b[31m\x9b1m\x00\x07\x7f\u202e\u2066",
    "line one\n::error::line two",
    "\ud800",
    "&lt;b&gt; &amp; 한국어 <b>",
    "a" * 5000,
)
SECRET = "https://user:hunter2secret@index.example.com/simple"


def make_doctor_document(text: str) -> dict[str, Any]:
    finding = {
        "id": "torch-replaced",
        "severity": "error",
        "title": text,
        "evidence": [{"file": text, "expected": text, "found": text}],
        "cause": text,
        "remedy": text,
        "distribution": None,
        "packages": [text],
    }
    environment = {"prefix": text, "location": "image", "reference": text, "kind": "venv", "python": "3.11"}
    pin = {"origin": "file", "stand_in": True, "distributions": [{"name": "torch", "version": text, "sha256": None}]}
    change = {"distribution": text, "from": [text], "to": text}
    return {
        "status": "damaged",
        "environment": {**environment, "site_packages": text, "torch": text, "pin": pin},
        "accelerator": text,
        "history": [{"time": text, "user": text, "command": text, "reasons": [text], "changes": [change]}],
        "findings": [finding, {**finding, "severity": "warning"}, {**finding, "severity": "note"}],
        "ignored": [finding],
    }


def make_scan_document(text: str) -> dict[str, Any]:
    row = {
        "id": "gpu-only",
        "severity": "error",
        "file": text,
        "line": 3,
        "cell": 1,
        "identifier": text,
        "message": text,
        "instead": text,
    }
    unread = [{"file": text, "why": text}]
    return {"status": "found", "torch": text, "files": 1, "findings": [row], "ignored": [row], "unread": unread}


def make_check_document(text: str, chains: int = 1) -> dict[str, Any]:
    place = {"file": text, "line": 1}
    chain = {**place, "requested": text, "links": [{"name": text, "version": text, "requires": text}]}
    clobber = {"name": "torch", "before": text, "after": text, "chains": [chain] * chains}
    answer = {
        "file": text,
        "set": text,
        "installer": "pip",
        "verdict": "clobbered",
        "why": text,
        "next": text,
        "changes": [{"name": text, "before": None, "after": text}],
        "clobbers": [clobber],
        "remarks": [{**place, "requested": text, "effect": "replaces", "why": text}],
        "suggestion": {
            "replacements": [{**place, "was": text, "becomes": text, "why": text}],
            "added": [text],
            "none": None,
            "run": text,
        },
    }
    return {"status": "clobbered", "pin": {"torch": text}, "python": "3.11", "answers": [answer]}


def make_sbom_document(text: str) -> dict[str, Any]:
    component = {"name": text, "version": text, "purl": f"pkg:pypi/{text}", "licenses": [{"license": {"name": text}}]}
    component["properties"] = [{"name": "hac-envtool:folder", "value": text}]
    return {"metadata": {"component": {"name": text, "version": text}, "timestamp": text}, "components": [component]}


MAKERS: dict[str, tuple[Callable[[str], dict[str, Any]], Callable[[dict[str, Any]], str]]] = {
    "doctor": (make_doctor_document, render_doctor_page),
    "scan": (make_scan_document, render_scan_page),
    "check": (make_check_document, render_check_page),
    "sbom": (make_sbom_document, render_sbom_page),
}


@pytest.mark.parametrize("name", list(MAKERS))
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_text(name: str, text: str) -> None:
    make, render = MAKERS[name]
    page = render(make(text))
    is_complete(page)
    assert " ".join(str(make_presentable(text)).split())[:60] in Page(page).text


@pytest.mark.parametrize("name", list(MAKERS))
def test_credentials_are_masked(name: str) -> None:
    make, render = MAKERS[name]
    page = render(make(SECRET))
    assert "hunter2secret" not in page
    assert "index.example.com/simple" in page


# Where other tests take the processor, a page takes any time.
@settings(max_examples=25, deadline=None)
@given(st.text())
def test_any_text_is_text(text: str) -> None:
    for make, render in (MAKERS["doctor"], MAKERS["check"]):
        is_complete(render(make(text)))


def test_empty_reports() -> None:
    environment = {"prefix": "/p", "location": "machine", "reference": None, "kind": "venv", "python": "3.11"}
    document = {"status": "absent", "accelerator": "", "history": [], "findings": [], "ignored": []}
    is_complete(
        render_doctor_page(
            {**document, "environment": {**environment, "site_packages": "/p", "torch": None, "pin": None}}
        )
    )
    scan = {"status": "clean", "torch": "1.7.1", "files": 0, "findings": [], "ignored": [], "unread": []}
    is_complete(render_scan_page(scan))
    is_complete(render_check_page({"status": "safe", "pin": {"torch": "1"}, "python": "3.8", "answers": []}))
    is_complete(render_sbom_page({"metadata": {"component": {"name": "image"}}}))
    is_complete(render_page("verify", {"status": "passed", "images": [], "titles": {}}))
    is_complete(render_page("blame", {"reports": []}))


def test_a_graph_has_each_box_once_and_no_box_on_another() -> None:
    """A diamond: two lines, and two ways from one of them."""

    def link(name: str, requires: str) -> dict[str, str]:
        return {"name": name, "version": "1.0", "requires": requires}

    ways = [
        ("one", [link("one", "middle"), link("middle", "torch>=2")]),
        ("one", [link("one", "other>=3"), link("other", "middle"), link("middle", "torch>=2")]),
        ("two", [link("middle", "torch>=2")]),
        ("torch>=2", []),
    ]
    chains = [{"file": "r.txt", "line": n, "requested": name, "links": links} for n, (name, links) in enumerate(ways)]
    graph = draw_chains({"name": "torch", "before": "1", "after": "2", "chains": chains})
    texts = sorted(box.text for box in graph.boxes)
    assert texts == ["middle 1.0", "one", "one", "one 1.0", "other 1.0", "torch", "torch>=2", "two"]
    assert next(box for box in graph.boxes if box.text == "one 1.0").details == ["→ middle", "→ other>=3"]
    assert graph.drawn == 4
    places = [(box.x, box.y) for box in graph.boxes]
    assert len(set(places)) == len(places)
    torch = next(box for box in graph.boxes if box.kind == "torch")
    assert all(box.x + box.width < torch.x for box in graph.boxes if box is not torch)
    assert torch.x + torch.width <= graph.width
    assert all(box.y + box.height <= graph.height for box in graph.boxes)
    for left in graph.boxes:
        for right in graph.boxes:
            beside = left.x + left.width < right.x or right.x + right.width < left.x
            apart = left.y + left.height <= right.y or right.y + right.height <= left.y
            assert left is right or beside or apart


def test_requirements_in_a_circle_end() -> None:
    links = [{"name": name, "version": "1", "requires": name} for name in ("a", "b", "a", "c", "b")]
    chains = [{"file": "r.txt", "line": 1, "requested": "a", "links": links[start:]} for start in range(4)]
    graph = draw_chains({"name": "torch", "before": "1", "after": "2", "chains": chains})
    assert len(graph.boxes) == 5
    assert graph.width < 10_000


def test_a_graph_of_very_many_chains_says_what_it_leaves_out() -> None:
    document = make_check_document("name")
    clobber = document["answers"][0]["clobbers"][0]
    (chain,) = clobber["chains"]
    clobber["chains"] = [{**chain, "line": number, "requested": f"package-{number}"} for number in range(500)]
    page = render_check_page(document)
    is_complete(page)
    text = Page(page).text
    assert re.search(r"The first \d+ of 500 chains are drawn", text)
    assert all(f"package-{number}" in text for number in range(500))


class Shouting(NullTranslations):
    """A language that is English, louder: whatever does not shout has gone past the translations."""

    def gettext(self, message: str) -> str:
        return re.sub(
            r"%\(\w+\)[sd]|[a-z]", lambda match: match[0].upper() if len(match[0]) == 1 else match[0], message
        )

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def info(self) -> dict[str, str]:
        return {"language": "ko"}


def test_every_word_can_be_translated() -> None:
    """Nothing on a page is in small letters but its data, which has none here, and names that are no words."""
    document = make_doctor_document("0")
    document["environment"]["kind"] = "0"
    document["findings"] = [{**finding, "id": "0"} for finding in document["findings"]]
    document["ignored"] = []
    page = render_page("doctor", document, translations=Shouting())
    assert '<html lang="ko">' in page
    small = set(re.findall(r"[a-z]{3,}", Page(page).text))
    assert small <= {"envtool", "doctor", "torch"}
    scan = {**make_scan_document("0"), "ignored": []}
    scan["findings"] = [{**row, "id": "0"} for row in scan["findings"]]
    small = set(re.findall(r"[a-z]{3,}", Page(render_page("scan", scan, translations=Shouting())).text))
    assert small <= {"envtool", "scan", "torch"}


def test_translations_are_gettext_catalogues() -> None:
    assert issubclass(GNUTranslations, NullTranslations)
    assert json.loads(json.dumps(make_presentable({"a": [1, None, True, "b"]}))) == {"a": [1, None, True, "b"]}
