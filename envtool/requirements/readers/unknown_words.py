"""Words of an install command that only its run tells: which of them bear on what is installed. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from envtool.language import tell

if TYPE_CHECKING:
    from envtool.requirements.readers.shell_script import ShellCommand

# Options with a value, whatever it is, the same is installed.
_IDLE = frozenset(
    """
    --cache-dir --timeout --default-timeout --retries --proxy --link-mode --keyring-provider --trusted-host
    --allow-insecure-host --log --report --progress-bar --root-user-action --src --exists-action --cert --client-cert
    """.split()  # noqa: SIM905  # a list of words, which is read as one
)
# Options that say where from something is fetched.
_SOURCES = frozenset({
    *("-i", "--index-url", "--pypi-url", "--default-index", "--extra-index-url", "--index", "-f", "--find-links"),
})  # fmt: skip
_VALUED = (
    _IDLE
    | _SOURCES
    | frozenset(
        """
    -r --requirement --requirements -c --constraint --constraints --overrides --override -e --editable
    -t --target --prefix --root --no-binary
    --only-binary --upgrade-strategy --prerelease --platform --python-version --implementation --abi --extra --group
    --exclude-newer --index-strategy --resolution --torch-backend -C --config-settings --global-option
    --build-constraint --build-constraints -P --upgrade-package --python -p
    """.split()  # noqa: SIM905  # a list of words, which is read as one
    )
)


# Words for the environment whose Python comes first on PATH, after options that name one.
_NAMES_ONE = frozenset({"--python", "-p", "--prefix"})
_OWN = re.compile(
    r"""["']?(?:
        [$]\((?:which|command\ -v|type\ -P)\ python[\d.]*\) | `which\ python[\d.]*`
        | [$]\(python[\d.]*\ -c\ (["'])import\ sys;\ ?print\(sys\.(?:executable|prefix)\)\1\)
        | [$]\{?(?:VIRTUAL_ENV|CONDA_PREFIX)\}?(?:/bin/python[\d.]*)?
    )["']?""",
    re.VERBOSE,
)


def list_unknown(command: ShellCommand) -> list[str]:
    """What is not known of a command, of the words that bear on what it installs."""
    return [tell("what {text} stands for is not known", text=text) for _option, text in _list_weighty(command)]


def split_unknown(command: ShellCommand) -> tuple[list[str], tuple[str, ...]]:
    """As `list_unknown` for pip and uv: what they install, and apart from it where they fetch it from."""
    found = list(zip(_list_weighty(command), list_unknown(command), strict=True))
    sources = tuple(text for (option, _word), text in found if option in _SOURCES)
    return [text for (option, _word), text in found if option not in _SOURCES], sources


def _list_weighty(command: ShellCommand) -> Iterator[tuple[str, str]]:
    """Each such word, after the option that it belongs to or the word before it."""
    before = ""
    for word in command.words:
        option, _equals, value = word.text.partition("=") if word.text.startswith("-") else (before, "", word.text)
        is_idle = option in _IDLE or (option in _NAMES_ONE and _OWN.fullmatch(value) is not None)
        if not word.is_known and not is_idle:
            yield option, word.text
        before = word.text


def drop_valueless(known: Sequence[str], words: Sequence[str], unknown: Collection[str]) -> list[str]:
    """Without options whose value is not known: what follows them is not their value."""
    dropped = {i for i, word in enumerate(words[:-1]) if word in _VALUED and words[i + 1] in unknown}
    lost = [words[i] for i in dropped]
    kept = []
    for word in known:
        if word in lost:
            lost.remove(word)
        else:
            kept.append(word)
    return kept
