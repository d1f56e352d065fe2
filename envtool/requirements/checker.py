"""Predicts for every set of a file and for each installer that may run it, several sets at once."""

from __future__ import annotations

import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.errors import ResolutionError, SourceError
from envtool.language import join_messages, tell
from envtool.requirements.build_rights import find_build_rights
from envtool.requirements.metadata import DEFAULT_INDEX, MetadataReader
from envtool.requirements.model import Role, Section
from envtool.requirements.partial import predict_partly
from envtool.requirements.predict import predict, predict_static
from envtool.requirements.prediction import Prediction, Suggestion
from envtool.requirements.projects.expand import expand_file
from envtool.requirements.projects.project_reader import open_project_reader
from envtool.requirements.suggest import suggest
from envtool.requirements.uv_command import find_uv
from envtool.requirements.uv_options import Installer, UvIndexes, list_uv_indexes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from envtool.progress import Progress
    from envtool.requirements.model import DependencyFile, RequirementSet
    from envtool.requirements.projects.project_reader import ProjectReader
    from envtool.requirements.resolve import Resolver
    from envtool.requirements.target import Target

# Sets at once. They wait for the index most of the time, and uv itself runs in parallel.
_AT_ONCE = 4
# Seconds that are spent on a suggestion at most: it is worth much less than the verdict.
_SUGGESTING = 90.0


@dataclass(frozen=True, kw_only=True)
class Checker:
    """What files are held against. `constrained` are the installers that are held to the pins where they would run.

    `projects` reads what local projects require; without it they are unknown; `only` names the extras that are
    wanted of them.
    """

    target: Target
    resolvers: Mapping[Installer, Resolver]
    constrained: Collection[Installer] = ()
    projects: ProjectReader | None = None
    only: tuple[str, ...] = ()
    _readers: dict[tuple[str, ...], MetadataReader] = field(default_factory=dict)
    _unreachable: dict[str, SourceError] = field(default_factory=dict)

    def check(self, file: DependencyFile, progress: Progress = lambda *_: None) -> tuple[Prediction, ...]:
        """The second stage's answers on a file's sets. What keeps a set from being judged is in its answer.

        `progress` gets each set that is waited for, when it is begun and when it is done.
        """
        # Before there are threads: what it asks of `sysconfig` is not safe among them.
        find_uv()
        if self.projects is not None:
            file = expand_file(file, self.projects, self.only)
        # Extras have the main set's lines in them: what is known of it is most of what they ask.
        has_extras = any(item.section is Section.EXTRA for item in file.sets)
        first = file.sets[:1] if has_extras and file.sets[0].section is Section.MAIN else ()
        answers = [self._check_and_tell(item, progress, ()) for item in first]
        known = answers[0] if answers else ()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers += pool.map(lambda item: self._check_and_tell(item, progress, known), file.sets[len(first) :])
        return tuple(answer for found in answers for answer in found)

    def _check_and_tell(
        self, wanted: RequirementSet, progress: Progress, known: Sequence[Prediction]
    ) -> tuple[Prediction, ...]:
        progress(str(wanted), 0, 1)
        answers = self.check_set(wanted, known if wanted.section is Section.EXTRA else ())
        progress(str(wanted), 1, 1)
        return answers

    def check_set(self, wanted: RequirementSet, known: Sequence[Prediction] = ()) -> tuple[Prediction, ...]:
        """One answer for each installer, or a single one where they agree or the first stage settled it.

        `known` are the answers on a set that this one is more than.
        """
        if wanted.failure is not None:
            return (predict_static(wanted, self.target),)
        resolvers = self._select_resolvers(wanted)
        # With the same indexes one after the other: what the first has fetched, the second finds in uv's cache.
        options = [resolver.options for resolver in resolvers]
        places = {(item.index_url, item.extra_index_urls, item.find_links) for item in options}
        with ThreadPoolExecutor(len(places)) as pool:
            outcomes = list(pool.map(lambda resolver: self._try_predict(wanted, resolver), resolvers))
        judged = [answer for answer in outcomes if answer.failure is None]
        # That one cannot be predicted, having no index of its own, say, does not hide what the other would do.
        failed = [answer for answer in outcomes if answer.failure is not None]
        answers = [*_merge_equal(judged), *_merge_equal(failed)]
        return tuple(self._add_suggestion(answer, known) for answer in answers)

    def _try_predict(self, wanted: RequirementSet, resolver: Resolver) -> Prediction:
        """The prediction for one installer, as far as there is one."""
        if resolver.installer is Installer.UV:
            wanted = wanted.as_uv_reads_it()
        constrained = resolver.installer in self.constrained
        if wanted.is_constrained is not None:
            # An image's own: nothing that whoever checks it has set counts there.
            constrained, resolver = wanted.is_constrained, replace(resolver, constraints=())
        reader = self._reader(wanted, resolver)

        def run(item: RequirementSet) -> Prediction:
            return predict(item, resolver, reader, constrained=constrained)

        try:
            self._refuse_unreachable(wanted)
            return run(wanted)
        except (SourceError, ResolutionError) as error:
            self._keep_unreachable(wanted, error)
            found = predict_partly(wanted, self.target, _add_file_name(wanted, error), run)
            return replace(found, installer=resolver.installer)

    def _keep_unreachable(self, wanted: RequirementSet, error: SourceError | ResolutionError) -> None:
        """Remember the addresses that an error says cannot be fetched."""
        if isinstance(error, SourceError):
            links = [entry.link for entry in wanted.requirements if entry.link is not None and entry.link in error.why]
            self._unreachable.update(dict.fromkeys(links, error))

    def _refuse_unreachable(self, wanted: RequirementSet) -> None:
        """Raise the error of an address that could not be fetched before: trying it again takes as long each time."""
        for entry in wanted.requirements:
            if (error := self._unreachable.get(entry.link or "")) is not None:
                raise SourceError(error.what.rpartition(": ")[2], why=error.why, remedy=error.remedy)

    def _select_resolvers(self, wanted: RequirementSet) -> list[Resolver]:
        tool = wanted.instruction.tool if wanted.instruction is not None else None
        named = [resolver for installer, resolver in self.resolvers.items() if installer.value == tool]
        return named or list(self.resolvers.values())

    def read_hashes(self, wanted: RequirementSet, name: str, version: str) -> tuple[str, ...]:
        """The hashes of a version's files on the indexes of a set."""
        return self._reader(wanted, next(iter(self.resolvers.values()))).hashes(name, version)

    def _reader(self, wanted: RequirementSet, resolver: Resolver) -> MetadataReader:
        options = wanted.options.merge_over(resolver.options)
        configured = list_uv_indexes(resolver.variables) if resolver.installer is Installer.UV else UvIndexes()
        first = () if options.no_index else (options.index_url or configured.default or DEFAULT_INDEX,)
        indexes = (*first, *options.extra_index_urls, *configured.others)
        # One for all sets that have the same indexes: what one has read, the others need not.
        return self._readers.setdefault(indexes, MetadataReader(indexes, options.certificates))

    def _add_suggestion(self, answer: Prediction, known: Sequence[Prediction]) -> Prediction:
        if not answer.requirement_set.requirements and not any(answer.requirement_set.select_role(Role.CONDA)):
            return answer
        if not answer.is_bad or answer.requirement_set.locked or answer.requirement_set.unresolved:
            return answer
        resolver = self.resolvers.get(answer.installer or next(iter(self.resolvers)))
        if resolver is None or not answer.culprits:
            return answer
        limited = replace(resolver, deadline=time.monotonic() + min(_SUGGESTING, resolver.seconds_left_of_all))
        base = next((item.suggestion for item in known if item.installer in {None, answer.installer}), None)
        try:
            self._refuse_unreachable(answer.requirement_set)
            found = suggest(answer, limited, self._reader(answer.requirement_set, resolver), base)
        except (SourceError, ResolutionError) as error:
            found = Suggestion(none=tell("it could not be looked for, because {error}", error=error), is_proven=False)
        return replace(answer, suggestion=found)


@contextmanager
def open_checkers(checker: Checker) -> Iterator[Callable[[DependencyFile], Checker]]:
    """Tells of a file which checker may check it: one with the rights of those who wrote it, and a reader of projects.

    They are open as long as the context.
    """
    made: dict[tuple[int | None, str], Checker] = {}
    with ExitStack() as stack:

        def select(file: DependencyFile) -> Checker:
            rights = find_build_rights(file, checker.resolvers.values())
            key = (rights.owner.uid if rights.owner is not None else None, rights.refusal)
            if key not in made:
                resolvers = {installer: rights.apply(resolver) for installer, resolver in checker.resolvers.items()}
                first = next(iter(resolvers.values()))
                projects = stack.enter_context(open_project_reader(first))
                made[key] = replace(
                    checker,
                    target=first.target,
                    resolvers=resolvers,
                    projects=projects,
                    _readers={},
                    _unreachable={},
                )
            return made[key]

        yield select


def _add_file_name(wanted: RequirementSet, error: SourceError | ResolutionError) -> SourceError | ResolutionError:
    """The error with the file that it came up for, where it does not name it already."""
    if str(wanted.path) in error.what:
        return error
    remedy = error.remedy or tell(
        "envtool check --static {path}   (needs no index)", path=shlex.quote(str(wanted.path))
    )
    return type(error)(join_messages(": ", (str(wanted), error.what)), why=error.why, remedy=remedy)


def _merge_equal(answers: Sequence[Prediction]) -> list[Prediction]:
    """One answer in the place of several that say the same."""
    if not answers:
        return []
    first = answers[0]
    same = all((item.verdict, item.clobbers) == (first.verdict, first.clobbers) for item in answers)
    return [replace(first, installer=None if len(answers) > 1 else first.installer)] if same else list(answers)
