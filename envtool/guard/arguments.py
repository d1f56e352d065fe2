"""The arguments of one installing command: options, names of an index, addresses and folders, files of requirements."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.guard.instruction import InstallStep, Tool
from envtool.regular_file import read_regular_text
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.readers.shell_words import Word


class ArgumentKind(Enum):
    """What an argument is. `SOURCE` is an address, a file or a folder that a distribution is installed from."""

    OPTION = "option"
    NAME = "name"
    SOURCE = "source"
    FILE = "file"


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument with its option. `name` is the distribution's, normalised, where it can be told."""

    kind: ArgumentKind
    words: tuple[Word, ...]
    value: str = ""
    name: str | None = None

    @property
    def option(self) -> str:
        """The option's name, or the empty text."""
        first = self.words[0].text
        return first.partition("=")[0] if first.startswith("-") else ""


_FILES = frozenset({"-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "--file"})
_EDITABLE = frozenset({"-e", "--editable"})
_PIP_VALUED = frozenset(
    """
    -i --index-url --pypi-url --default-index --extra-index-url --index -f --find-links --no-binary --only-binary
    --trusted-host --allow-insecure-host -P --upgrade-package --upgrade-strategy -t --target --prefix --root --cert
    --prerelease -C --config-settings --config-setting --keyring-provider --cache-dir --build-constraint
    --build-constraints --index-strategy --exclude-newer --link-mode --torch-backend --overrides --override --resolution
    --proxy --timeout --retries --platform --python-version --implementation --abi --src --global-option --progress-bar
    --root-user-action --report --group --python --log --exists-action --client-cert --use-feature --use-deprecated
    --reinstall-package -p --extra --pip-args --suffix --spec --preinstall
    """.split()  # noqa: SIM905  # a list of words, which is read as one
)
_CONDA_VALUED = frozenset("-c --channel -n --name -p --prefix --solver --repodata-fn".split())  # noqa: SIM905
_PROJECT_VALUED = frozenset(
    """
    -G --group --with --without --only -E --extras --extra --project --directory -C --python -p --index --source
    --package --no-group --only-group --no-install-package --lockfile --categories --tag --branch --rev --optional -P
    --upgrade-package --default-index --index-url --find-links --link-mode --skip
    """.split()  # noqa: SIM905
)
# Upstream's own indexes, and the options that name an index.
UPSTREAM_INDEX = re.compile(r"download\.pytorch\.org|pytorch-wheels|torch_stable")
INDEXES = frozenset({"-i", "--index-url", "--extra-index-url", "--index", "--default-index", "-f", "--find-links"})
_PLAIN = re.compile(r"[\w@%+=:,./^\[\]-]+")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
_ARCHIVE = re.compile(r"\.(?:whl|tar\.gz|tgz|tar\.bz2|zip)(?:[?#].*)?$")


def list_arguments(step: InstallStep) -> Iterator[Argument]:
    """The arguments of a step, in their order."""
    is_conda = step.tool is Tool.CONDA
    valued, files, editable = _list_options(step.tool)
    words = list(step.words)
    while words:
        word = words.pop(0)
        option, equals, value = word.text.partition("=")
        if not word.text.startswith("-") or word.text == "-":
            yield _make_argument((word,), word.text, step, is_conda)
            continue
        short = next((item for item in files | editable if len(item) == 2 and word.text.startswith(item)), None)
        if option not in files | editable | valued and short is not None and not word.text.startswith("--"):
            # `-rrequirements.txt`
            option, equals, value = short, "=", word.text[2:]
        group: tuple[Word, ...] = (word,)
        if option in files | editable | valued and not equals and words:
            following = words.pop(0)
            group, value = (word, following), following.text
        if option in files:
            yield Argument(kind=ArgumentKind.FILE, words=group, value=value)
        elif option in editable:
            yield _make_argument(group, value, step, False)
        else:
            yield Argument(kind=ArgumentKind.OPTION, words=group, value=value)


def _list_options(tool: Tool) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Options with a value; those whose value is a file of requirements; those whose value is a project."""
    if tool is Tool.CONDA:
        return _CONDA_VALUED, frozenset({"--file", "-f"}), frozenset()
    if tool in {Tool.PIP, Tool.UV, Tool.PIPX}:
        return _PIP_VALUED, _FILES - {"--file"}, _EDITABLE
    return _PROJECT_VALUED, frozenset({"-r", "--requirements"}), _EDITABLE


def _make_argument(words: tuple[Word, ...], value: str, step: InstallStep, is_conda: bool) -> Argument:
    name, at, address = value.partition("@")
    is_source = len(words) > 1 or "--editable=" in words[0].text or words[0].text.startswith("-e")
    if not is_conda and at and re.match(r"\s*(?:\w+\+)?\w+:", address) and _NAME.match(name):
        found = _NAME.match(name)
        return Argument(
            kind=ArgumentKind.SOURCE, words=words, value=address.strip(), name=_normalize(found and found[0])
        )
    bare = value.partition("[")[0] if "://" not in value else value
    if is_source or (not is_conda and (_is_path(bare) or "://" in value or value.startswith("git+"))):
        return Argument(kind=ArgumentKind.SOURCE, words=words, value=value, name=_find_source_name(bare, step.folder))
    if step.tool is Tool.UV and step.action == "sync" and value.endswith((".txt", ".toml", ".in")):
        return Argument(kind=ArgumentKind.FILE, words=words, value=value)
    # conda's `channel::name`.
    found = _NAME.match(value.rpartition("::")[2])
    return Argument(kind=ArgumentKind.NAME, words=words, value=value, name=_normalize(found and found[0]))


def _normalize(name: str | None) -> str | None:
    return normalize_name(name) if name else None


def _is_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) or "/" in text or _ARCHIVE.search(text) is not None


def _find_source_name(text: str, folder: str) -> str | None:
    """The distribution that a folder, a file or an address has, where its words or its files tell."""
    egg = re.search(r"[#&]egg=([\w.-]+)", text)
    if egg:
        return normalize_name(egg[1])
    last = posixpath.basename(re.sub(r"[?#].*", "", text).rstrip("/"))
    if last.endswith(".whl"):
        return normalize_name(last.partition("-")[0])
    if _ARCHIVE.search(last):
        return normalize_name(re.sub(r"-[0-9].*", "", _ARCHIVE.sub("", last))) if re.search(r"-\d", last) else None
    if "://" in text:
        return normalize_name(last.partition("@")[0].removesuffix(".git")) if text.startswith("git+") else None
    return _read_project_name(Path(folder, text))


def _read_project_name(folder: Path) -> str | None:
    import tomllib

    try:
        table = tomllib.loads(read_regular_text(folder / "pyproject.toml"))
        found = table.get("project", {}).get("name") or table.get("tool", {}).get("poetry", {}).get("name")
        if isinstance(found, str):
            return normalize_name(found)
    except (OSError, ValueError, AttributeError):
        pass
    for name, pattern in (("setup.cfg", r"(?m)^name\s*=\s*(\S+)"), ("setup.py", r"\bname\s*=\s*['\"]([\w.-]+)['\"]")):
        try:
            match = re.search(pattern, read_regular_text(folder / name))
        except (OSError, ValueError):
            continue
        if match:
            return normalize_name(match[1])
    return None


def list_names_in_file(argument: Argument, folder: str) -> tuple[str, ...]:
    """The normalised names at the beginnings of a requirements file's lines; none where it cannot be read."""
    try:
        text = read_regular_text(Path(folder, argument.value))
    except (OSError, ValueError):
        return ()
    found = (re.match(r"\s*(?:-\s+)?([A-Za-z0-9][\w.-]*)", line) for line in text.splitlines())
    return tuple(normalize_name(match[1]) for match in found if match)


def quote_all(words: Sequence[Word]) -> list[str]:
    """Each word as a person would write it."""
    return [quote(word) for word in words]


def quote(word: Word) -> str:
    """A word as a person would write it; what the shell has yet to expand stays as it stands."""
    if _PLAIN.fullmatch(word.text):
        return word.text
    if not word.is_known:
        return f'"{word.text}"' if re.search(r"[<>~!]", word.text) and '"' not in word.text else word.text
    if not re.search(r'["$`\\!]', word.text) and word.text:
        return f'"{word.text}"'
    return shlex.quote(word.text)


def join_words(words: Sequence[str]) -> str:
    """One command, without the words that are empty."""
    return " ".join(word for word in words if word)
