"""Pages of the site that are made of the program: commands, findings, known errors, schemas, the Python API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.generate.command_tree import CommandHelp, Parameter, read_commands, translate_command_help
from docs.generate.page_words import find_words
from docs.generate.tables import DOCS
from envtool.language import ENGLISH, translate

if TYPE_CHECKING:
    from envtool.told_kind import ToldKind

COMMANDS = "reference/commands"
FINDINGS = "reference/findings"
SCHEMAS = "reference/schemas"
API = "reference/api-names.md"
# By the module of the enumeration: what its kinds are called, and what prints them.
_ROOMS = {
    "envtool.doctor.finding_kind": ("Findings of doctor", "envtool doctor"),
    "envtool.scan.kinds": ("Findings of scan", "envtool scan"),
    "envtool.known_errors.error_kind": ("Known errors", "envtool explain --from LOGFILE"),
}


def make_pages(language: str = ENGLISH) -> dict[str, str]:
    """The Markdown of every generated page, by its path below `docs/`: the same paths in every language."""
    return _PageMaker(language).make()


def list_kinds() -> list[ToldKind]:
    """Everything that `envtool explain` has a page for."""
    from envtool.cli.commands.explain import list_kinds

    return list_kinds()


def list_schemas() -> list[Path]:
    """The JSON schemas of what commands print."""
    return sorted(DOCS.glob("*.schema.json"))


class _PageMaker:
    """Makes the pages in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def make(self) -> dict[str, str]:
        commands = [translate_command_help(command, self.language) for command in read_commands()]
        pages = {f"{COMMANDS}/index.md": self._render_command_list(commands)}
        pages |= {f"{COMMANDS}/{item.slug}.md": self._render_command(item, commands) for item in commands}
        pages[f"{FINDINGS}/index.md"] = self._render_kind_list()
        pages |= {f"{FINDINGS}/{kind.id}.md": self._render_kind(kind) for kind in list_kinds()}
        pages[f"{SCHEMAS}/index.md"] = self._render_schema_list()
        pages |= {f"{SCHEMAS}/{path.name.split('.')[0]}.md": self._render_schema(path) for path in list_schemas()}
        pages[API] = self._render_api()
        return pages

    def _say(self, text: str, **values: str) -> str:
        return find_words(self.language, text).format(**values)

    def _translate(self, text: str) -> str:
        return translate(text, self.language)

    def _render_command_list(self, commands: Sequence[CommandHelp]) -> str:
        rows = [f"| [`{item.name}`]({item.slug}.md) | {_cell(item.summary)} |" for item in commands]
        return "\n".join(
            [
                f"# {self._say('Commands')}",
                "",
                self._say("As `--help` has them, and the manual pages: `man envtool-doctor`."),
                "",
                f"| {self._say('command')} | |",
                "|---|---|",
                *rows,
                "",
            ]
        )

    def _render_command(self, command: CommandHelp, commands: Sequence[CommandHelp]) -> str:
        lines = [f"# {command.name}", "", *(f"{text}\n" for text in command.paragraphs)]
        lines += ["```text", command.usage, "```", ""]
        if command.examples:
            examples = [f"$ {line}" for line in command.examples]
            lines += [f"## {self._say('Examples')}", "", "```console", *examples, "```", ""]
        names = {f"{command.name} {child}" for child in command.subcommands}
        children = [item for item in commands if item.name in names]
        if children:
            lines += [f"## {self._say('Commands')}", "", f"| {self._say('command')} | |", "|---|---|"]
            lines += [f"| [`{item.name}`]({item.slug}.md) | {_cell(item.summary)} |" for item in children] + [""]
        for title, parameters in (("Arguments", command.arguments), ("Options", command.options)):
            if parameters:
                lines += [f"## {self._say(title)}", "", *(line for item in parameters for line in self._describe(item))]
        return "\n".join(lines)

    def _describe(self, parameter: Parameter) -> Iterator[str]:
        """A definition with an anchor of its own, so that one can link to an option."""
        anchor = parameter.names[0] if parameter.names else parameter.value.lower().strip("….")
        default = f" {self._say('Default')}: `{parameter.default}`." if parameter.default else ""
        yield from (
            f"`{parameter.usage}` {{ #{anchor.strip('-')} }}",
            "",
            f":   {_escape(parameter.help)}{default}",
            "",
        )

    def _render_kind_list(self) -> str:
        head = [f"# {self._say('Findings and known errors')}", self._say("`envtool explain ID` prints the same pages.")]
        lines = ["\n\n".join(head), ""]
        for module, (title, command) in _ROOMS.items():
            told = self._say("What `{command}` prints.", command=command)
            lines += [f"## {self._say(title)}", "", told, "", "| id | | |", "|---|---|---|"]
            kinds = [kind for kind in list_kinds() if type(kind).__module__ == module]
            for kind in kinds:
                cells = (
                    f"[`{kind.id}`]({kind.id}.md)",
                    self._translate(kind.severity.value),
                    self._translate(kind.title),
                )
                lines.append(f"| {cells[0]} | {cells[1]} | {_cell(cells[2])} |")
            lines.append("")
        return "\n".join(lines)

    def _render_kind(self, kind: ToldKind) -> str:
        """The page that `explain` prints, under its title; with the place that it belongs to."""
        title, command = _ROOMS[type(kind).__module__]
        text = kind.read_page(self.language).split("\n\n", 2)[2]
        name = self._translate(kind.title)
        sentence = name[0].upper() + name[1:]
        severity = self._say("Severity: {severity}.", severity=self._translate(kind.severity.value))
        printed = self._say(
            "Printed by `{command}`; `envtool explain {id}` prints this page.", command=command, id=kind.id
        )
        # `code: title` as search words: people look for either.
        head = [f"# {kind.id}", "", f"**{_escape(sentence)}.** {severity}"]
        tail = [f"{printed} [{self._say(title)}](index.md)."]
        return "\n".join([*head, "", text.strip(), "", "---", "", *tail, ""])

    def _render_schema_list(self) -> str:
        rows = [
            f"| [`{path.name}`]({path.name.split('.')[0]}.md) | {_cell(json.loads(path.read_text())['title'])} |"
            for path in list_schemas()
        ]
        text = self._say(
            "What `--format json` prints, as JSON Schema (draft 2020-12). Each document names its schema and version."
        )
        head = [f"# {self._say('JSON schemas')}", "", text, "", f"| {self._say('schema')} | |", "|---|---|"]
        return "\n".join([*head, *rows, ""])

    def _render_schema(self, path: Path) -> str:
        schema = json.loads(path.read_text(encoding="utf-8"))
        lines = [f"# {path.name.removesuffix('.json')}", "", schema["title"] + ".", ""]
        lines += [f"[{self._say('The schema as a file')}](../../{path.name})", ""]
        lines += [f"## {self._say('Document')}", "", *self._list_fields(schema)]
        for name, part in schema.get("$defs", {}).items():
            described = [*filter(None, (part.get("description"), _name_type(part)))]
            lines += [f"## {name} {{ #{name} }}", "", *(self._list_fields(part, name) or [": ".join(described), ""])]
        return "\n".join(lines)

    def _list_fields(self, schema: dict[str, Any], place: str = "") -> list[str]:
        """A table of an object's fields, and one for each object that it describes in its midst."""
        fields = schema.get("properties", {})
        rows = [
            f"| `{name}` | {_name_type(part)} | {_cell(part.get('description', ''))} |" for name, part in fields.items()
        ]
        lines = [f"| {self._say('field')} | {self._say('type')} | |", "|---|---|---|", *rows, ""] if rows else []
        for name, part in fields.items():
            path = f"{place}.{name}" if place else name
            for inner in _find_objects(part):
                lines += [f"### {path}", "", *self._list_fields(inner, path)]
        return lines

    def _render_api(self) -> str:
        """A directive of mkdocstrings for each public name: functions first, as they are what one calls."""
        from envtool import api

        lines = [f"# {self._say('Functions, requests and results')}", ""]
        lines += [self._say("The names of `envtool.api`; see [Python API](api.md)."), ""]
        names = sorted(api.__all__, key=lambda name: (not name.islower(), name.lower()))
        for name in names:
            module = getattr(api, name).__module__
            lines += [f"::: {module}.{name}", ""]
        return "\n".join(lines)


def _find_objects(part: Any) -> Iterator[dict[str, Any]]:
    """The objects with fields that a field may have: itself, the items of its list, or one of several."""
    if not isinstance(part, dict):
        return
    if "properties" in part:
        yield part
    for inner in (part.get("items"), part.get("additionalProperties"), *part.get("anyOf", ()), *part.get("oneOf", ())):
        yield from _find_objects(inner)


def _name_type(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name})"
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part:
        return ", ".join(f"`{json.dumps(value)}`" for value in part["enum"])
    for key in ("anyOf", "oneOf"):
        if key in part:
            return " or ".join(dict.fromkeys(filter(None, map(_name_type, part[key]))))
    kinds = part.get("type", "")
    named = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    inner = _name_type(part["items"]) if "items" in part else ""
    return f"{named} of {inner}" if inner else named


def _cell(text: str) -> str:
    return _escape(text).replace("|", "\\|")


def _escape(text: str) -> str:
    """Text in which nothing outside of code is Markdown: `*`, `_`, `<` and brackets stay what they are."""
    pieces = text.split("`")
    escaped = [
        piece if at % 2 else "".join(f"\\{sign}" if sign in "*_[]<>" else sign for sign in piece)
        for at, piece in enumerate(pieces)
    ]
    return "`".join(escaped)
