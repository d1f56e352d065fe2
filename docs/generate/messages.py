"""The catalogs of translations: `make messages` reads the program's texts into them and compiles them.

A text is one that `tell`, `phrase` or `translate` is given as it stands, a kind's title, or what help says. Catalogs
are PO files (GNU gettext manual, "The Format of PO Files"). The compiled ones are kept beside them in the repository:
the wheel that an image gets is built without hooks, and an editable install has none.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from docs.generate.page_messages import extract_page_messages, find_page_catalog, update_page_catalog
from envtool.cli.typer_words import TEMPLATES, WORDS
from envtool.language import DOMAIN, ENGLISH, FOLDER, LANGUAGES

_PACKAGE = FOLDER.parent
_PLACE = re.compile(r"\{[^}]*\}")
_COMMAND = re.compile(r"envtool |update-moreh ")
_FUNCTIONS = ("tell", "phrase", "translate")


def extract_messages() -> Catalog:
    """Every text of the program that a person may want in another language, with the files that it is in."""
    catalog = Catalog(domain=DOMAIN, project="hac-envtool", charset="utf-8", fuzzy=False)
    for path in sorted(_PACKAGE.rglob("*.py")):
        for text in _list_marked(ast.parse(path.read_text(encoding="utf-8"))):
            catalog.add(text, locations=[(str(path.relative_to(_PACKAGE.parent)), 0)])
    for file, text in (*_list_titles(), *_list_library_texts(), *_list_losses(), *_list_check_titles(), *_list_help()):
        catalog.add(text, locations=[(file, 0)])
    for text in (*TEMPLATES, *WORDS):
        catalog.add(text, locations=[("envtool/cli/typer_words.py", 0)])
    return catalog


def read_catalog(language: str) -> Catalog:
    """A language's catalog as it is kept; an empty one where there is none yet."""
    path = find_catalog(language)
    if not path.exists():
        return Catalog(
            locale=language,
            domain=DOMAIN,
            project="hac-envtool",
            version="1",
            header_comment="# Texts of hac-envtool. `make messages` brings them to the program's.",
            copyright_holder="hac-envtool authors",
            msgid_bugs_address="https://github.com/hac-envtool/hac-envtool/issues",
            last_translator="hac-envtool authors",
            language_team="hac-envtool authors",
            charset="utf-8",
            fuzzy=False,
        )
    with path.open("rb") as stream:
        return read_po(stream, locale=language, domain=DOMAIN)


def find_catalog(language: str) -> Path:
    """Where a language's PO file is; the compiled one lies beside it."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def compile_catalog(catalog: Catalog) -> bytes:
    """The catalog as the standard library reads it. The same catalog gives the same bytes."""
    stream = io.BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def update_catalog(language: str, template: Catalog) -> Catalog:
    """Bring a language's catalog to the program's texts, write it and compile it."""
    catalog = read_catalog(language)
    # A guess at what a changed text may have meant is worse than none: it would be told until somebody looks.
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalog.obsolete.clear()
    path = find_catalog(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        write_po(stream, catalog, width=120, sort_output=True, include_lineno=False, omit_header=False)
    path.with_suffix(".mo").write_bytes(compile_catalog(catalog))
    return catalog


def _list_marked(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _FUNCTIONS:
            first = node.args[0]
            choices = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
            texts = [item.value for item in choices if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            # One of places and punctuation only is the same in every language.
            yield from (text for text in texts if re.search(r"[^\W\d_]", _PLACE.sub("", text)))


def _list_titles() -> Iterator[tuple[str, str]]:
    from envtool.doctor.finding_kind import FindingKind
    from envtool.known_errors.error_kind import ErrorKind
    from envtool.scan.kinds import ScanKind
    from envtool.told_kind import Severity

    for kind in (*FindingKind, *ErrorKind, *ScanKind):
        yield f"{type(kind).__module__.replace('.', '/')}.py", kind.title
    for severity in Severity:
        yield "envtool/told_kind.py", severity.value


def _list_library_texts() -> Iterator[tuple[str, str]]:
    """The prose of the table of libraries, which is told as it stands."""
    table = _PACKAGE / "scan" / "tables" / "libraries.toml"
    for row in tomllib.loads(table.read_text(encoding="utf-8"))["library"]:
        yield from ((f"envtool/scan/tables/{table.name}", row[key]) for key in ("why", "instead") if row.get(key))


def _list_losses() -> Iterator[tuple[str, str]]:
    """What a lost torch costs, and what is said of a service, as the profiles of vendors say it."""
    for path in sorted((_PACKAGE / "release" / "profiles").glob("*.toml")):
        profile = tomllib.loads(path.read_text(encoding="utf-8"))
        cure = profile["cure"]
        # A command with nothing beside it is the same in every language.
        restore = [cure["restore"]] if "   (" in cure["restore"] or not _COMMAND.match(cure["restore"]) else []
        for text in (profile["title"], cure["lost"], *restore, *profile.get("service", {}).get("words", {}).values()):
            yield f"envtool/release/profiles/{path.name}", text


def _list_check_titles() -> Iterator[tuple[str, str]]:
    """What the checks of images call themselves; `verify` reads it out of an image."""
    for path in sorted(_PACKAGE.parent.glob("images/*/checks/*")):
        titles = re.findall(r"^# title: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        yield from ((str(path.relative_to(_PACKAGE.parent)), title.strip()) for title in titles)


def _list_help() -> Iterator[tuple[str, str]]:
    from docs.generate.command_tree import read_commands
    from envtool.cli.application import app

    yield "envtool/cli/localize.py", "Examples"
    yield "envtool/cli/application.py", str(app.info.epilog)
    for command in read_commands():
        said = [example.partition("   ")[2].strip() for example in command.examples]
        parameters = (*command.arguments, *command.options)
        said += [*command.paragraphs, *(item.help for item in parameters)]
        # One that is told in words, as no value is.
        said += [item.default for item in parameters if " " in item.default]
        yield from ((f"envtool/cli: {command.name}", text) for text in said if text)


def main() -> None:
    """Update every catalog, and say what has no translation. Exit status 1 where there is such a text."""
    template, of_pages = extract_messages(), extract_page_messages()
    missing = 0
    for language in LANGUAGES:
        if language != ENGLISH:
            pages = update_page_catalog(language, of_pages)
            find_page_catalog(language).with_suffix(".mo").write_bytes(compile_catalog(pages))
            for message in (*update_catalog(language, template), *pages):
                if message.id and not _is_translated(message):
                    missing += 1
                    print(f"{language}: not translated: {message.id!r}")
    sys.exit(1 if missing else 0)


def _is_translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return all(strings)


if __name__ == "__main__":
    main()
