"""What the documents say of the code is so, and nothing of the program lacks its place in them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from docs.generate.command_tree import CommandHelp, read_commands
from docs.generate.pages import list_kinds, list_schemas, make_pages
from docs.generate.tables import read_rows
from docs.generate.translated import find_translation, is_up_to_date, list_pages
from envtool import api
from envtool.told_kind import ToldKind

PROJECT = Path(__file__).parents[2]
PAGES = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
COMMANDS = {command.name: command for command in read_commands()}
# What is not for people: between a program of ours and what it starts, or of the system that it runs on.
INTERNAL = {
    "HAC_BASE": "an ARG of the Dockerfile, which envtool fills in",
    "HAC_CHANNEL_MAP": "envtool tells its solver where channels are",
    "HAC_GUARDED": "the guard's mark for what it starts",
    "HAC_SOLVER_CONSTRAINTS": "envtool tells its solver what must stay",
    "CONDA_PKGS_DIRS": "conda-lock tells the solver",
    "CONDA_SUBDIR": "conda-lock tells the solver",
    "SUDO_USER": "who called, for the history",
}


def console_lines(text: str) -> Iterator[str]:
    """The commands of `console` blocks, each with the lines that it goes on in."""
    for block in re.findall(r"^ *```console\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL):
        joined = re.sub(r"(\||\\)\n\s+", lambda found: found[1].strip("\\") + " ", block)
        yield from (line.strip()[2:] for line in joined.splitlines() if line.strip().startswith("$ "))


def used_commands(text: str) -> Iterator[str]:
    """Every use of envtool in a page: in blocks, and in code within a sentence."""
    for line in console_lines(text):
        yield from re.findall(r"(?<![\w./-])(?:\.venv/bin/)?((?:envtool|update-moreh)(?: [^|&;)#]*)?)", line)
    yield from re.findall(r"`((?:envtool|update-moreh) [^`]*)`", text)


def find_command(words: list[str]) -> CommandHelp | None:
    """The command that the first words are, the longest name first."""
    names = (" ".join(words[:count]) for count in (3, 2, 1))
    return next((COMMANDS[name] for name in names if name in COMMANDS), None)


def find_mistakes(uses: Iterable[str]) -> list[str]:
    """Uses of commands that there are not, or of options that they have not."""
    wrong = []
    for use in uses:
        words = shlex.split(use.replace("'", "").replace('"', "").replace("…", "").replace("|", " "))
        if words[:2] == ["envtool", "demo"]:
            # Hidden: `make demo` is what people run.
            continue
        command = find_command(words)
        rest = words[len(command.name.split()) :] if command else []
        # After a group's name come its options, a command in capitals that stands for any, or nothing.
        if command is None or (command.subcommands and rest and not re.match(r"-|[A-Z]", rest[0])):
            wrong.append(use)
            continue
        known = {name for option in command.options for name in option.names} | {"--help", "-h"}
        # What install takes beside its own options is pip's.
        if command.name != "envtool install":
            given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            wrong += [f"{use}: {name}" for name in given - known]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_and_options_exist(page: Path) -> None:
    assert find_mistakes(used_commands(page.read_text())) == []


def test_commands_of_explain_pages_exist() -> None:
    assert find_mistakes(use for text in make_pages().values() for use in used_commands(text)) == []


@pytest.mark.parametrize(
    "use",
    ["envtool diagnose", "envtool doctor --depth", "envtool vendor drop", "envtool restore --from /mnt"],
)
def test_a_mistake_is_seen(use: str) -> None:
    assert find_mistakes(used_commands(f"```console\n$ {use}\n```\n")) != []
    assert find_mistakes(used_commands(f"Run `{use}`.")) != []


def list_remedies() -> set[str]:
    """What the program tells people to run: its own commands, where they stand in its texts as they are."""
    found = set()
    for path in (PROJECT / "envtool").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^((?:envtool|update-moreh) (?:[a-z-]+ )*--?[a-z-]+\b)", node.value))
                found |= set(re.findall(r"`((?:envtool|update-moreh) [^`]*)`", node.value))
    return found


def test_remedies_name_commands_that_exist() -> None:
    remedies = list_remedies()
    assert len(remedies) > 20
    assert find_mistakes(remedies) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_targets_of_make_exist(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text()
    named = [word for group in re.findall(r"(?:`|\$ )make((?: [a-z-]+)+)", page.read_text()) for word in group.split()]
    assert [name for name in named if f"\n{name}: " not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_addresses_are_well_formed(page: Path) -> None:
    wrong = []
    for address in re.findall(r"\]\((\w+:[^)\s]*)\)|<(https?:[^>\s]*)>", page.read_text()):
        parts = urllib.parse.urlsplit("".join(address))
        host = parts.hostname or ""
        if parts.scheme != "https" or not re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", host) or parts.username or parts.port:
            wrong.append(address)
        inside = re.fullmatch(r"/hac-envtool/hac-envtool/(?:blob|tree)/main/(.+)", parts.path)
        if host == "github.com" and inside and not (PROJECT / inside[1]).exists():
            wrong.append(address)
    assert wrong == []


def list_variables() -> set[str]:
    """Every variable that the program, the guard and the images read."""
    programs = [*(PROJECT / "envtool").rglob("*.py"), PROJECT / "Dockerfile"]
    programs += [path for path in (PROJECT / "images").rglob("*") if path.is_file()]
    found = set()
    for path in programs:
        text = path.read_text(errors="replace")
        found |= set(re.findall(r"(?<![A-Z_])HAC_[A-Z_]+[A-Z]", text))
        found |= set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"", text))
    return found


def test_every_variable_is_documented() -> None:
    named = {name for row in read_rows("reference/variables.md") for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert list_variables() - named - set(INTERNAL) == set()


def test_no_variable_is_called_internal_that_is_not_there() -> None:
    assert set(INTERNAL) - list_variables() == set()


def test_documented_variables_are_read() -> None:
    named = {name for row in read_rows("reference/variables.md") for name in re.findall(r"`(HAC_[A-Z_]+)`", row[0])}
    read = list_variables()
    for path in [PROJECT / "tests/run.sh", *(PROJECT / "tests").rglob("*.py"), *(PROJECT / "examples/ci").iterdir()]:
        read |= set(re.findall(r"HAC_[A-Z_]+[A-Z]", path.read_text()))
    assert named - read == set()


def test_every_kind_has_a_page() -> None:
    """Also one of an enumeration that nobody has told `explain` of."""
    shown = {kind.id for kind in list_kinds()}
    assert {kind.id for enumeration in ToldKind.__subclasses__() for kind in enumeration} == shown
    pages = make_pages()
    assert {f"reference/findings/{name}.md" for name in shown} <= set(pages)


def test_every_option_has_a_place() -> None:
    pages = make_pages()
    for command in COMMANDS.values():
        page = pages[f"reference/commands/{command.slug}.md"]
        for option in command.options:
            assert all(name in page for name in option.names), option
            assert option.help, f"{command.name} {option.names[0]} has no help"


def test_every_command_is_told_of() -> None:
    """A reference says how; that there is such a command, and what for, is said in a page that a person reads."""
    folders = ("getting-started", "guide", "how-to")
    told = "".join(path.read_text() for folder in folders for path in (PROJECT / "docs" / folder).glob("*.md"))
    assert [name for name in COMMANDS if not re.search(rf"\b{name}\b", told)] == []


def test_every_schema_of_a_report_has_a_page() -> None:
    pages = make_pages()
    assert {f"reference/schemas/{path.name.split('.')[0]}.md" for path in list_schemas()} <= set(pages)


def test_every_exit_status_is_documented_once() -> None:
    statuses = [row[0] for row in read_rows("reference/exit-statuses.md")]
    assert len(set(statuses)) == len(statuses)
    assert {"0", "1", "2", "97", "130"} <= set(statuses)


def test_every_page_is_in_the_navigation() -> None:
    """What is left out stops `make docs`; here it shows at once."""
    navigation = (PROJECT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    pages = [path.relative_to(PROJECT / "docs") for path in (PROJECT / "docs").rglob("*.md")]
    first = [path for path in pages if path.name.count(".") == 1]
    left_out = [path for path in first if str(path) not in navigation and f" {path.parent}/\n" not in navigation]
    assert left_out == [], "add it to the navigation in mkdocs.yml"


def test_every_decision_is_in_the_list_under_a_number_of_its_own() -> None:
    listed = (PROJECT / "docs/decisions/index.md").read_text()
    names = [path.name for path in (PROJECT / "docs/decisions").glob("0*.md") if path.name.count(".") == 1]
    missing = [name for name in names if f"]({name})" not in listed]
    assert missing == [], "add it to docs/decisions/index.md"
    assert len({name[:4] for name in names}) == len(names), "two decisions have one number"


def test_no_translation_is_out_of_date() -> None:
    """How it is made anew is in CONTRIBUTING; tests/unit/test_translated.py looks into the pages."""
    late = [page for page in list_pages() for path in (find_translation(page, "ko"),) if not is_up_to_date(page, path)]
    names = " ".join(str(page.relative_to(PROJECT)) for page in late)
    assert late == [], f"translate what changed, then: python -m docs.generate.translated {names}"


def test_the_readme_is_one_page() -> None:
    text = (PROJECT / "README.md").read_text()
    assert len(text.split()) <= 900
    five = next(block for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL) if "envtool" in block)
    assert len(five.splitlines()) == 5
    assert "docs/assets/terminal.svg" in text


def test_architecture_names_files_that_exist() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`([a-z_/]+\.py)`", text)) - {"cli/commands/X.py"}
    present = {str(path.relative_to(PROJECT / "envtool")) for path in (PROJECT / "envtool").rglob("*.py")}
    # A file may be named alone where the one before it names its room.
    missing = {name for name in named if not any(path == name or path.endswith(f"/{name}") for path in present)}
    assert len(named) > 40
    assert missing == set()


def test_architecture_names_every_room() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    rooms = {path.parent.name for path in (PROJECT / "envtool").glob("*/__init__.py")}
    assert {name for name in rooms if f"| `{name}` |" not in text} == set()


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    inside = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    made = {(PROJECT / "docs" / path) for path in make_pages()}
    places = {target: Path(os.path.normpath(document.parent / target)) for target in inside}
    assert [target for target, path in places.items() if path not in made and not path.exists()] == []


@pytest.mark.parametrize("name", api.__all__)
def test_api_names_are_documented(name: str) -> None:
    assert getattr(api, name).__doc__
    assert f"`{name}" in (PROJECT / "docs/reference/api.md").read_text()


@pytest.mark.parametrize("name", [name for name in api.__all__ if name.endswith("Request")])
def test_requests_are_frozen_and_made_by_keyword(name: str) -> None:
    request = getattr(api, name)
    assert dataclasses.is_dataclass(request)
    assert vars(request)["__dataclass_params__"].frozen
    parameters = list(inspect.signature(vars(request)["__init__"]).parameters.values())[1:]
    kinds = {item.kind for item in parameters}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads((PROJECT / "examples/api.ipynb").read_text())["cells"]
    program = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "restored",
        "damaged",
        "error:",
        "planned",
        "healthy",
    ]
