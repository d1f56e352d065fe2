"""The rules of the house that import-linter (`make lint`) cannot state."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "envtool"


def test_only_the_command_line_knows_typer_and_only_main_catches_everything() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if PACKAGE / "cli" not in path.parents:
            assert not re.search(r"^\s*(import|from) typer\b", text, re.MULTILINE), path
        if path != PACKAGE / "cli/main.py":
            assert "except EnvtoolError" not in text, path


def test_there_is_one_point_of_output() -> None:
    """What is printed elsewhere is not made safe. Two modules are programs of their own, which talk to envtool."""
    allowed = {"cli/terminal.py", "image/lock/solver.py", "image/layers/compile_modules.py", "doctor/probe_script.py"}
    for path in PACKAGE.rglob("*.py"):
        if str(path.relative_to(PACKAGE)) not in allowed:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    assert ast.unparse(node.func) not in {"print", "typer.echo", "sys.stdout.write"}, path


def test_modules_and_functions_stay_small() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= 350, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_every_error_has_a_status_of_its_own() -> None:
    from envtool.errors import EnvtoolError

    kinds: list[type[EnvtoolError]] = [EnvtoolError, *EnvtoolError.__subclasses__()]
    statuses = [kind.exit_status for kind in kinds]
    assert len(set(statuses)) == len(statuses)
    assert min(statuses) >= 3
    page = (PACKAGE.parent / "docs/reference/exit-statuses.md").read_text()
    for kind in kinds:
        assert f"| {kind.exit_status} |" in page, f"docs/reference/exit-statuses.md lacks {kind.exit_status}"


# What these say is for whoever calls a function wrongly, and nobody else reads it.
_FOR_PROGRAMMERS = {"AssertionError", "AttributeError", "io.UnsupportedOperation"}
_ERROR = re.compile(r"(^|\.)(\w*Error|_*(make|build)_\w*error|_build_refusal|digest_mismatch)$")
# Nothing of it is a word of a language.
_SAME_EVERYWHERE = {"HTTP 404"}


def test_what_an_error_says_can_be_told_in_another_language() -> None:
    """A text, with places or without, goes through `tell`. A remedy may be a command, which nobody translates."""
    plain = [
        f"{path.relative_to(PACKAGE)}:{text.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _ERROR.search(name := ast.unparse(node.func)) and name not in _FOR_PROGRAMMERS
        for text in (*node.args, *(item.value for item in node.keywords if item.arg in {"what", "why"}))
        if _has_own_words(text)
    ]
    assert plain == []


def _has_own_words(text: ast.expr) -> bool:
    """Whether it is put together of words of a language that are no message."""
    if isinstance(text, ast.Constant):
        return (
            isinstance(text.value, str)
            and bool(re.search(r"[^\W\d_]", text.value))
            and text.value not in _SAME_EVERYWHERE
        )
    if isinstance(text, ast.JoinedStr):
        return any(_has_own_words(part) for part in text.values)
    if isinstance(text, ast.BinOp):
        return _has_own_words(text.left) or _has_own_words(text.right)
    if isinstance(text, ast.BoolOp):
        return any(map(_has_own_words, text.values))
    return isinstance(text, ast.IfExp) and (_has_own_words(text.body) or _has_own_words(text.orelse))


# A program's entry point; what each module of doctor's has for the list of checks; and TOML that is read, once with the
# file's name in its error.
_SHARED_NAMES = {"main", "check", "parse_toml"}


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    """But for Typer's commands, which are called as they are typed."""
    homes: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_public(node):
                homes.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def is_public(node: ast.FunctionDef | ast.ClassDef) -> bool:
    is_command = any("app.command" in ast.unparse(decorator) for decorator in node.decorator_list)
    return not (is_command or node.name.startswith("_") or node.name in _SHARED_NAMES)


_VENDOR = re.compile(r"moreh|nvidia|rocm|habana|gaudi|(?<![a-z])ascend(?![a-z])|rebellions|rbln|jetson", re.IGNORECASE)
# The id of a finding, which users see, and which the list of kinds names once.
_FINDING_ID = re.compile(r"\bScanKind\.NVIDIA_\w+")
_ENTRY_POINT = "the console script's entry point, by its name in pyproject.toml"
_OWN_COMMAND = "the default profile's own command"
_ERROR_WORDS = "the words of errors as programs print them, and the command that cures each"
_PROGRAM_WORDS = "what programs that are judged ask for, as they write it"
_UPSTREAM = "words of upstream's packages, modules, images and labels, whichever vendor's torch is there"
# Modules that name a vendor: which, and why. What is known of a vendor's torch belongs into a profile.
_NAMES_OF_VENDORS = {
    "cli/main.py": ("moreh", _ENTRY_POINT),
    "cli/commands/update_moreh.py": ("moreh", _OWN_COMMAND),
    "known_errors/error_kind.py": ("nvidia", _ERROR_WORDS),
    "known_errors/error_words.py": ("nvidia", _ERROR_WORDS),
    "release/version.py": ("rocm", _UPSTREAM),
    "requirements/build_stubs.py": ("rocm", _UPSTREAM),
    "requirements/conda_packages.py": ("nvidia", _UPSTREAM),
    "requirements/readers/base_images.py": ("nvidia rocm", _UPSTREAM),
    "requirements/static.py": ("nvidia", _UPSTREAM),
    "scan/accelerator_use.py": ("nvidia", _PROGRAM_WORDS),
    "scan/commands.py": ("nvidia", _PROGRAM_WORDS),
    "scan/configuration.py": ("nvidia", _PROGRAM_WORDS),
    "scan/containers.py": ("nvidia", _PROGRAM_WORDS),
    "scan/cuda_programs.py": ("nvidia", _PROGRAM_WORDS),
    "scan/images.py": ("nvidia rocm", _PROGRAM_WORDS),
    "scan/installs.py": ("nvidia rocm", _PROGRAM_WORDS),
    "scan/kinds.py": ("nvidia", "the ids, titles and words of findings, each once"),
    "scan/launchers.py": ("nvidia", _PROGRAM_WORDS),
    "scan/recipes.py": ("nvidia", _PROGRAM_WORDS),
    "scan/python/call_rules.py": ("nvidia", _PROGRAM_WORDS),
    "scan/python/command_rules.py": ("nvidia", _PROGRAM_WORDS),
    "scan/python/condition_names.py": ("habana", _PROGRAM_WORDS),
}


def test_only_profiles_the_demo_and_a_few_modules_name_a_vendor() -> None:
    """What is known of a vendor is data; whoever adds a name here says why it cannot be."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if PACKAGE / "demo" not in path.parents:
            text = _FINDING_ID.sub("", path.read_text())
            if names := {match[0].lower() for match in _VENDOR.finditer(text)}:
                found[str(path.relative_to(PACKAGE))] = " ".join(sorted(names))
    assert found == {path: names for path, (names, _) in _NAMES_OF_VENDORS.items()}


def test_whatever_names_a_vendor_is_seen() -> None:
    """In words, labels and names of things; not in words that only look alike."""
    for text in ("moreh22.8.0", "MOREH_VISIBLE_DEVICE", "libnvidia-ml", "+rocm6.4", "torch_rbln", "# Ascend's"):
        assert _VENDOR.search(text), text
    for text in ("ascending", "descendants", "ascended"):
        assert not _VENDOR.search(text), text
