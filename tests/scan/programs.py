"""The corpus of `envtool scan`: small programs, and on each line what a scan must say of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from envtool.scan.findings import ScanReport
from envtool.scan.scan_program import ScanRequest, scan_program

CORPUS = Path(__file__).parent / "corpus"
_MARK = re.compile(r"[ \t]*«([^»]*)»$", re.MULTILINE)

# File, line, id and severity.
Said = tuple[str, int, str, str]


@dataclass(frozen=True)
class Program:
    """The files of a program, and what must be said of them: `Said`, as often as it must."""

    name: str
    files: dict[str, str]
    expected: Counter[Said]

    def write(self, folder: Path) -> None:
        """Write the files below a folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def list_programs() -> list[Program]:
    """All programs of the corpus."""
    return [_read(path) for path in sorted(CORPUS.glob("*.txt"))]


def _read(path: Path) -> Program:
    files: dict[str, str] = {}
    expected: Counter[Said] = Counter()
    for part in re.split(r"^--- ", path.read_text(), flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        files[name] = _MARK.sub("", body)
        for number, line in enumerate(body.split("\n"), 1):
            match = _MARK.search(line)
            for item in match[1].split(";") if match is not None else ():
                id, severity = item.split()
                expected[name, number, id, severity] += 1
    return Program(path.stem, files, expected)


def scan_folder(folder: Path, *, torch: str = "1.7.1") -> ScanReport:
    """What a scan says of a folder."""
    return scan_program(ScanRequest(paths=(folder,), torch=torch))


def collect(report: ScanReport, folder: Path) -> Counter[Said]:
    """What a report says, one for each line and id: how often the same line has it does not count."""
    said = {
        (Path(item.path).relative_to(folder).as_posix(), item.line, item.id, item.severity.value)
        for item in report.findings
    }
    return Counter(said)
