"""The site as a browser gets it: built strictly, complete, and asking nobody else for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate.command_tree import read_commands
from docs.generate.pages import list_kinds

PROJECT = Path(__file__).parents[2]
MKDOCS = Path(sys.executable).parent / "mkdocs"


def build(folder: Path, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """`make docs`, into another folder."""
    command: list[str | Path] = [MKDOCS, "build", "--strict", "--site-dir", folder]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_pages_ask_nobody_else_for_anything(site: Path) -> None:
    """No font, script, style or picture of another host; links that a reader follows may lead anywhere."""
    pattern = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"?(https?:[^\"\s>]+|//[^\"\s>]+)")
    found = {address for page in site.rglob("*.html") for address in pattern.findall(page.read_text())}
    assert {address for address in found if not address.startswith("https://hac-envtool.github.io/")} == set()
    drawings = [path.read_text() for path in site.rglob("*.svg")]
    assert drawings
    assert not any("@font-face" in text or "url(http" in text for text in drawings)


def test_every_option_can_be_linked_to(site: Path) -> None:
    for command in read_commands():
        page = (site / f"reference/commands/{command.slug}/index.html").read_text()
        for option in command.options:
            assert re.search(rf'<dt id="{option.names[0].strip("-")}">', page), f"{command.name} {option.names[0]}"


def test_every_kind_can_be_linked_to(site: Path) -> None:
    assert [kind.id for kind in list_kinds() if not (site / f"reference/findings/{kind.id}/index.html").exists()] == []


def test_the_api_has_the_meaning_of_every_field(site: Path) -> None:
    page = (site / "reference/api-names/index.html").read_text()
    assert 'id="envtool.doctor.diagnose_environment.DoctorRequest"' in page
    assert "RestoreRequest" in page


def test_schemas_are_files_of_the_site(site: Path) -> None:
    for path in (PROJECT / "docs").glob("*.schema.json"):
        assert (site / path.name).read_bytes() == path.read_bytes()


def test_every_page_is_there_in_korean_with_the_same_anchors(site: Path) -> None:
    """Else a link to a part of a page would lead to its top in one language only."""
    pages = {path.relative_to(site / "ko") for path in (site / "ko").rglob("index.html")}
    assert pages == {
        path.relative_to(site) for path in site.rglob("index.html") if path.relative_to(site).parts[0] != "ko"
    }
    for page in pages:
        english, korean = ((folder / page).read_text() for folder in (site, site / "ko"))
        anchors = [re.findall(r'<h[1-6] id="([^"]+)"', text) for text in (english, korean)]
        assert anchors[0] == anchors[1], page
        assert '<html lang="ko"' in korean
        assert "<!-- English:" not in korean


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[gone](no-such-page.md)\n", "no-such-page.md"),
        ("[gone](release.md#no-such-part)\n", "no-such-part"),
        ("[gone](/release.md)\n", "/release.md"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path, text: str, word: str) -> None:
    """With a small site of the same settings: else the test above could not fail."""
    settings = (PROJECT / "mkdocs.yml").read_text()
    kept = re.search(r"^validation:\n(?:[ #].*\n)+", settings, flags=re.MULTILINE)
    assert kept is not None
    (tmp_path / "mkdocs.yml").write_text(f"site_name: small\n{kept[0]}")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/release.md").write_text("# Releases\n")
    (tmp_path / "docs/index.md").write_text(f"# Small\n\n{text}")
    done = build(tmp_path / "site", tmp_path)
    assert done.returncode != 0
    assert word in done.stdout + done.stderr
