"""A Dockerfile's filters, which check follows, read, write and run nothing on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.requirements.read_file import read_file
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.text_filters import FilterTime, read_filter

# `{made}` is a file of this machine's that must not be made, `{secret}` one that must not be read.
WRITES = {
    "sort into": "sort -o {made} requirements.txt",
    "sort into, joined": "sort -u -o{made} requirements.txt",
    "sort into, in a cluster": "sort -uo {made} requirements.txt",
    "sort into, long": "sort --output={made} requirements.txt",
    "sort into, short of long": "sort --out={made} requirements.txt",
    "sort into, after the file": "sort requirements.txt -o {made}",
    "sort into, in a pipe": "cat requirements.txt | sort -o {made}",
    "sort through a program": "sort -S 1 --compress-program=/bin/sh -T {made} requirements.txt",
    "uniq into": "uniq requirements.txt {made}",
    "uniq into, from a pipe": "cat requirements.txt | uniq - {made}",
    "sed into": "sed 'w {made}' requirements.txt",
    "sed into, substituted": "sed 's/a/b/w {made}' requirements.txt",
    "sed runs": "sed '1e touch {made}' requirements.txt",
    "sed runs what it made": "sed 's|.*|touch {made}|e' requirements.txt",
    "sed from a file": "echo 'w {made}' > s && sed -f s requirements.txt",
    "sed without its sandbox": "sed -n --posix -e 'w {made}' requirements.txt",
    "sed into its own error": "sed --in-place=.b 'w {made}' requirements.txt",
    "awk": "awk 'BEGIN {{ system(\"touch {made}\") }}' requirements.txt",
    "perl": "perl -pi -e 'system(\"touch {made}\")' requirements.txt",
    "find": "find . -exec touch {made} ';' -fprint {made}",
    "tee": "cat requirements.txt | tee {made}",
    "shell": "cat requirements.txt > {made}; touch {made}; cp requirements.txt {made}",
    "by its path": "/usr/bin/sort -o {made} requirements.txt",
    "split": "split requirements.txt {made}",
}


def read_made(folder: Path, run: str) -> str:
    """What check makes of a Dockerfile that installs what a command has made of its requirements."""
    (folder / "requirements.txt").write_text("numpy\ntorch==1.0\n")
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(f"FROM hac-base\nWORKDIR /app\nCOPY . .\nRUN {run}\nRUN pip install -r requirements.txt\n")
    read = read_file(dockerfile, files=SourceFiles(is_lenient=True))
    return " ".join(entry.format_line() for found in read.sets for entry in found.entries)


@pytest.mark.parametrize("name", WRITES)
def test_nothing_is_written_or_run(tmp_path: Path, name: str) -> None:
    made = tmp_path / "made"
    read_made(tmp_path, WRITES[name].format(made=made))
    assert not made.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Dockerfile", "requirements.txt"]


@pytest.mark.parametrize(
    "run",
    [
        "grep -f {secret} requirements.txt > requirements.txt",
        "grep '' {secret} > requirements.txt",
        "grep -r '' {folder} > requirements.txt",
        "sed 'r {secret}' requirements.txt > requirements.txt",
        "sort --files0-from={secret} > requirements.txt",
        "sort {secret} > requirements.txt",
        "sort --random-source={secret} requirements.txt > requirements.txt",
        "tail -n 5 -F {secret} > requirements.txt",
        "tail --follow --pid=1 requirements.txt > requirements.txt",
        "head -n -0 {secret} > requirements.txt",
        "cut -b 1- {secret} > requirements.txt",
        "cat linked > requirements.txt",
    ],
)
def test_nothing_of_this_machine_is_read(tmp_path: Path, run: str) -> None:
    folder, secret = tmp_path / "private", tmp_path / "private/secret"
    folder.mkdir()
    secret.write_text("sentinel-of-root\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "linked").symlink_to(secret)
    assert "sentinel" not in read_made(project, run.format(secret=secret, folder=folder))


KNOWN = {
    "sort onto itself": ("sort -r -o requirements.txt requirements.txt", "torch==1.0 numpy"),
    "sort by a key": ("sort -k1,1 -t '=' -r requirements.txt > r && mv r requirements.txt", "torch==1.0 numpy"),
    "uniq into": ("uniq requirements.txt r && grep -v torch r > requirements.txt", "numpy"),
    "sed in place": ("sed -i -e '/torch/d' requirements.txt", "numpy"),
    "sed in place with a copy": ("sed -Ei.bak 's/^(torch).*/\\1/' requirements.txt", "numpy torch"),
    "sed, option last": ("sed '/torch/d' -i requirements.txt", "numpy"),
    "sed, two scripts": ("sed -n -e 's/=.*//' -e p -i requirements.txt", "numpy torch"),
    "grep in a cluster": ("grep -ivE '^(torch|x)' requirements.txt > r && cp r requirements.txt", "numpy"),
    "grep by patterns": ("echo torch > p && grep -vFf p requirements.txt > r && mv r requirements.txt", "numpy"),
    "head of a number": ("head -1 requirements.txt > r && mv r requirements.txt", "numpy"),
    "tail from a line": ("tail -n +2 requirements.txt > r && mv r requirements.txt", "torch==1.0"),
    "cut": ("cut -d= -f1 requirements.txt > r && mv r requirements.txt", "numpy torch"),
    "tr": ("cat requirements.txt | tr '=' '>' | tr -s '>' > r && mv r requirements.txt", "numpy torch>1.0"),
    "a pattern with a dash": ("grep -v -e -x -e torch -- requirements.txt > r && mv r requirements.txt", "numpy"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_innocent_filters_are_followed(tmp_path: Path, name: str) -> None:
    run, expected = KNOWN[name]
    assert read_made(tmp_path, run) == expected


def test_what_is_not_known_is_not_taken_for_what_was_there(tmp_path: Path) -> None:
    for run in ("sort --debug requirements.txt > r && mv r requirements.txt", "sort --debug -o requirements.txt r"):
        assert "torch" not in read_made(tmp_path, run)


@pytest.mark.parametrize(
    "words", ["sort -R -o a", "sort --debug", "sed -f s", "sed --debug p", "head a b", "tail -f a", "tr a b c", "cut"]
)
def test_what_is_not_named_is_not_run(words: str) -> None:
    name, *rest = words.split()
    call = read_filter(name, rest)
    assert call.run("text\n", (), FilterTime()) is None


def test_a_script_that_only_grows_is_stopped() -> None:
    left = FilterTime(0.5)
    assert read_filter("sed", [":a;s/.*/&&/;ta"]).run("text\n", (), left) is None
    assert left.seconds <= 0
    assert read_filter("sed", ["p"]).run("text\n", (), FilterTime(0)) is None
