"""The files of an image that a Dockerfile makes, by their names there: copied from the build context, or written."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.text_filters import FilterTime
from envtool.requirements.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envtool.requirements.model import SourceLocation

# What of a context is installed, where all of it is copied.
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
# Folders above a Dockerfile's own that may be what it is built in.
_ABOVE = 4


@dataclass(frozen=True)
class Copy:
    """An instruction's `sources`, from the context's root, and the absolute `target` that they go to."""

    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class ClonedRepository:
    """Where a folder was cloned from, and the branch, tag or commit that is in it."""

    address: str
    revision: str | None = None

    def make_link(self, inside: str) -> str:
        """A folder of it as an installer takes it (pip documentation, "VCS Support")."""
        revision = f"@{self.revision}" if self.revision else ""
        return f"git+{self.address}{revision}{f'#subdirectory={inside}' if inside else ''}"

    def make_raw_address(self, inside: str) -> str | None:
        """Where a file of it can be read alone, on a host that has such addresses."""
        match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", self.address)
        return f"https://raw.githubusercontent.com/{match[1]}/{self.revision or 'HEAD'}/{inside}" if match else None


@dataclass(frozen=True)
class StageCopy:
    """What `COPY --from` takes: the `source` of another stage's tree, by its absolute name there."""

    tree: ImageTree
    source: str
    target: str

    def find(self, name: str) -> Path | None:
        """The context's file or folder that has an absolute name here."""
        target = self.target.rstrip("/")
        if name != target and not name.startswith(target + "/"):
            return None
        found = self.tree.find(posixpath.normpath(self.source + name[len(target) :]))
        if found is None and name == f"{target}/{posixpath.basename(self.source)}":
            # A file goes into a folder by its own name.
            found = self.tree.find(self.source)
        return found


@dataclass
class ImageTree:
    """What is known of the files. `written` has their texts by absolute name, `None` for what is there, but unknown.

    `repositories` are cloned ones by their folder; `stages` what is copied from other stages. All stages' filters
    share `filter_time`.
    """

    context: Path
    copies: list[Copy] = field(default_factory=list)
    written: dict[str, str | None] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    repositories: dict[str, ClonedRepository] = field(default_factory=dict)
    stages: list[StageCopy] = field(default_factory=list)
    filter_time: FilterTime = field(default_factory=FilterTime)

    def copy(self) -> ImageTree:
        """Another tree of the same files, which goes on by itself."""
        return replace(
            self,
            copies=list(self.copies),
            written=dict(self.written),
            repositories=dict(self.repositories),
            stages=list(self.stages),
        )

    def take(self, tree: ImageTree, source: str, target: str) -> None:
        """Have what another stage has below `source` below `target`."""
        copied = StageCopy(tree.copy(), source.rstrip("/") or "/", target)
        self.stages.append(copied)
        base = source.rstrip("/")
        for name in [*tree.written, *tree.repositories]:
            if name == base or name.startswith(base + "/"):
                rest = name[len(base) :]
                # A folder's contents go into the target, a file by its name into a folder.
                into = target.endswith("/") and not rest and name in tree.written
                inner = posixpath.normpath(f"{target}/{posixpath.basename(name)}" if into else f"{target}{rest}")
                if name in tree.written:
                    self.written[inner] = tree.written[name]
                else:
                    self.repositories[inner] = tree.repositories[name]

    def find(self, name: str) -> Path | None:
        """The context's file or folder that has an absolute name in the image."""
        for copy in reversed(self.copies):
            for source in copy.sources:
                found = self._match(copy, source, name)
                if found is not None:
                    return found
        for copied in reversed(self.stages):
            found = copied.find(name)
            if found is not None:
                return found
        return None

    def _match(self, copy: Copy, source: str, name: str) -> Path | None:
        target = copy.target.rstrip("/") or "/"
        plain = source.strip("/").removeprefix("./") or "."
        for path in self._list_sources(plain):
            inside = path.relative_to(self.context).as_posix()
            if path.is_dir():
                # A folder's contents go into the target, and not the folder itself.
                if name == target or name.startswith(target.rstrip("/") + "/"):
                    rest = name[len(target) :].lstrip("/")
                    found = path / rest
                    if found.exists() and not self._is_ignored(posixpath.normpath(f"{inside}/{rest}")):
                        return found
            elif not self._is_ignored(inside) and name in {target, f"{target.rstrip('/')}/{path.name}"}:
                return path
        return None

    def find_repository(self, name: str) -> tuple[ClonedRepository, str] | None:
        """The cloned repository that has an absolute name in it, and the rest of that name."""
        for folder in sorted(self.repositories, key=len, reverse=True):
            if name == folder or name.startswith(folder.rstrip("/") + "/"):
                return self.repositories[folder], name[len(folder) :].strip("/")
        return None

    def _list_sources(self, plain: str) -> Iterator[Path]:
        if ".." in plain.split("/"):
            return
        if re.search(r"[*?\[]", plain):
            yield from sorted(self.context.glob(plain))
        elif (self.context / plain).exists():
            yield self.context / plain

    def _is_ignored(self, name: str) -> bool:
        """Whether `.dockerignore` keeps a file out of the context (Docker documentation, ".dockerignore files")."""
        parts = name.split("/")
        levels = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        answer = False
        for pattern in self.ignored:
            is_kept = pattern.startswith("!")
            compiled = _compile_pattern(pattern.lstrip("!"))
            if any(compiled.fullmatch(level) for level in levels):
                answer = not is_kept
        return answer

    def read(self, name: str) -> str | None:
        """The text of a file by its absolute name; `None` where it is not known. Raises `RequirementsError`."""
        if name in self.written:
            return self.written[name]
        found = self.find(name)
        if found is None or not found.is_file() or not found.resolve().is_relative_to(self.context.resolve()):
            # An image gets a link as a link: where it leads to on this machine is none of the image's files.
            return None
        return read_text(found)

    def write(self, name: str, text: str | None, *, is_appended: bool = False) -> None:
        """Give a file another text, or one that is not known."""
        if is_appended and text is not None:
            before = self.read(name)
            is_new = name not in self.written and self.find(name) is None
            text = text if is_new else None if before is None else before.rstrip("\n") + "\n" * bool(before) + text
        self.written[name] = text


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    text = pattern.strip("/").removeprefix("./")
    made = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", text):
        special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        made += special.get(part) or (part if part.startswith("[") and part.endswith("]") else re.escape(part))
    try:
        return re.compile(made)
    except re.error:
        return re.compile(re.escape(text))


def read_ignored(dockerfile: Path, context: Path) -> tuple[str, ...]:
    """The patterns of the context's `.dockerignore`, or of the Dockerfile's own one."""
    for path in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), context / ".dockerignore"):
        if path.is_file():
            rows = [row.strip() for row in read_text(path).splitlines()]
            return tuple(row for row in rows if row and not row.startswith("#"))
    return ()


def find_context(dockerfile: Path, sources: Sequence[str]) -> Path:
    """The folder that holds most of what is copied: the repository's root, the Dockerfile's own, or one between."""
    own = dockerfile.parent.resolve()
    above = (own, *list(own.parents)[:_ABOVE])
    root = next((folder for folder in above if (folder / ".git").exists()), None)
    here = Path.cwd()
    between = above[: above.index(root) + 1] if root is not None else above
    candidates = [*([root] if root is not None else []), *([here] if here in above and root is None else []), *between]
    plain = [source.strip("/") for source in sources if not re.match(r"[a-z]+://|git@", source) and source != "."]

    def count(folder: Path) -> int:
        return sum(_has(folder, source) for source in plain)

    most = max(map(count, candidates))
    if most == 0 and "." in sources:
        # All of it is copied: then it is what there is something to install in.
        near = between if root is not None else between[:3]
        return next((folder for folder in near if any((folder / name).is_file() for name in _PROJECT)), own)
    if not plain or most == 0:
        return own
    return next(folder for folder in candidates if count(folder) == most)


def _has(folder: Path, source: str) -> bool:
    if re.search(r"[*?\[]", source):
        head = source.rpartition("/")[0]
        base = folder / head
        return base.is_dir() and any(fnmatch.fnmatch(path.name, source.rpartition("/")[2]) for path in base.iterdir())
    return (folder / source).exists()


@dataclass(frozen=True, kw_only=True)
class ImageFiles(SourceFiles):
    """Files as the commands of an image's Dockerfile see them, from their working `folder`."""

    tree: ImageTree
    dockerfile: Path
    folder: str = "/"
    input: str | None = None

    def locate(self, place: SourceLocation, name: str) -> Path:
        """The context's file, or for one that was written a path of its name in the image."""
        plain = name.removeprefix("file://") if name.startswith("file:") else name
        if place.path != self.dockerfile:
            # Named by another file: from that one's folder in the image, else in the context.
            if place.path.as_posix() not in self.tree.written and (place.path.parent / plain).exists():
                return place.path.parent / plain
            inner = posixpath.normpath(posixpath.join(place.path.parent.as_posix(), plain))
        else:
            inner = posixpath.normpath(posixpath.join(self.folder, plain))
        if inner in {"/dev/stdin", "/proc/self/fd/0"} or name == "-":
            return Path("/dev/stdin")
        if inner in self.tree.written:
            if self.tree.written[inner] is None:
                raise RequirementsError(
                    tell("what {name} says here is made by commands that cannot be followed", name=name)
                )
            return Path(inner)
        found = self.tree.find(inner)
        if found is None and self._fetch_cloned(inner):
            return Path(inner)
        if found is None or not found.is_file() or not found.resolve().is_relative_to(self.tree.context.resolve()):
            raise RequirementsError(tell("{name} is not in the build context", name=name))
        return found

    def read(self, path: Path) -> str:
        """The text as it is at this point of the Dockerfile."""
        if path == Path("/dev/stdin"):
            if self.input is None:
                raise RequirementsError(tell("what comes through the pipe is not known"))
            return self.input
        text = self.tree.written.get(path.as_posix())
        return text if text is not None else super().read(path)

    def _fetch_cloned(self, inner: str) -> bool:
        """Have the text of a file of a cloned repository in the tree, if it can be fetched alone."""
        repository = self.tree.find_repository(inner)
        address = repository[0].make_raw_address(repository[1]) if repository is not None else None
        if address is None or self.fetch is None:
            return False
        try:
            self.tree.write(inner, self.fetch(address))
        except (RequirementsError, SourceError):
            return False
        return True

    def find_cloned(self, name: str) -> str | None:
        """The address of a project in a cloned repository that an argument of an install names."""
        found = self.tree.find_repository(posixpath.normpath(posixpath.join(self.folder, name)))
        return found[0].make_link(found[1]) if found is not None else None

    def find_project(self, name: str) -> Path | None:
        """The context's folder or file that an argument of an install names."""
        inner = posixpath.normpath(posixpath.join(self.folder, name))
        for inside in ("pyproject.toml", "setup.py", "setup.cfg"):
            found = self.tree.find(posixpath.join(inner, inside))
            if found is not None:
                return found.parent
        return self.tree.find(inner)
