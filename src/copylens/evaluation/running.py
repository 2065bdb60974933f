"""A benchmark and systems in, an evaluation out: descriptors and predictions to disk first, then figures from there.

A run folder holds ``catalogs/``, ``descriptors/``, ``chains/``, ``predictions/``, each file named by a digest of what
it depends on, and ``result.json``. So another evaluation in the same folder uses again whatever did not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from copylens.errors import EvaluationError, UsageError
from copylens.evaluation import digests
from copylens.evaluation.comparing import compare
from copylens.evaluation.describing import (
    BACKGROUND,
    QUERIES,
    REFERENCES,
    TRAINING,
    PictureSet,
    Roles,
    Source,
    open_source,
)
from copylens.evaluation.documents import read_result, write_result
from copylens.evaluation.nouns import Benchmark, CandidateRule, Ints
from copylens.evaluation.predicting import Predicted, Task
from copylens.evaluation.results import Evaluation, Origin, SystemResult
from copylens.evaluation.scoring import Resampling, score, truth_positions
from copylens.evaluation.systems import EvaluationSettings, System
from copylens.postprocess import Chain, ScoreNormalisation
from copylens.version import __version__
from copylens.workflows.settings import PathLike, Progress, default_catalog, silent

RESULT = "result.json"


def evaluate(
    benchmark: Benchmark,
    systems: Sequence[System],
    settings: EvaluationSettings | None = None,
    *,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate systems on a benchmark.

    Args:
        benchmark: pictures and truth.
        systems: models or saved descriptors; further ones are compared with the first.
        settings: None takes the defaults.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        EvaluationError: a picture cannot be read, or the run folder cannot be used.
        UsageError: a setting that cannot be meant, or saved descriptors that do not fit.
        ModelError: a model cannot be used.
    """
    return Run.prepare(benchmark, settings or EvaluationSettings(), progress=progress).evaluate(systems)


def load_evaluation(run_folder: PathLike) -> Evaluation:
    """Read the last result of a run folder.

    Raises:
        UsageError: there is none.
        EvaluationError: it is damaged, or a newer CopyLens wrote it.
    """
    path = Path(run_folder) / RESULT
    if not path.is_file():
        raise UsageError(f"{run_folder} is no run folder of an evaluation: it has no {RESULT}.")
    return read_result(path)


def default_folder(benchmark: Benchmark, digest: str) -> Path:
    """Where a benchmark's evaluations lie when no folder is named: beside the catalogs in the user's cache."""
    split = benchmark.split.replace(", ", "-").replace(" ", "-")
    return default_catalog("").parent / "evaluations" / f"{benchmark.name}-{split}-{digest}"


@dataclass(frozen=True)
class _System:
    """A source with a chain, as one row of the tables."""

    label: str
    source: Source
    chain: Chain


@dataclass(frozen=True)
class Run:
    """A benchmark, settings and a run folder, ready for systems; make it with `Run.prepare`.

    Attributes:
        benchmark: pictures and truth.
        settings: how systems are evaluated.
        progress: called as ``progress(stage, done, total)``.
        roles: the pictures and their state on the disk.
        truth: ``(T, 2) int64`` positions of queries and references.
        digest: of the benchmark, the same wherever it lies.
        folder: the run folder.
        rule: which candidates are judged.
    """

    benchmark: Benchmark
    settings: EvaluationSettings
    progress: Progress
    roles: Roles
    truth: Ints
    digest: str
    folder: Path
    rule: CandidateRule

    @classmethod
    def prepare(cls, benchmark: Benchmark, settings: EvaluationSettings, *, progress: Progress) -> Run:
        """Look at the pictures' files and make the run folder.

        Raises:
            EvaluationError: a picture is not there, or the folder cannot be made.
            UsageError: a chain that cannot be meant.
        """
        chains = [Chain.parse(text) for text in settings.chains]
        roles = _roles(benchmark, training=any(chain.needs_training for chain in chains))
        digest = digests.of_texts(
            digests.of_truth(benchmark), roles[QUERIES].portable_digest, roles[REFERENCES].portable_digest
        )
        folder = default_folder(benchmark, digest) if settings.folder is None else Path(settings.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EvaluationError(
                f"The run folder {folder} cannot be made: {error.strerror or error}; choose another with --output."
            ) from error
        truth = truth_positions(benchmark)
        rule = settings.rule or benchmark.rule
        return cls(benchmark, settings, progress, roles, truth, digest, folder, rule)

    def evaluate(self, systems: Sequence[System]) -> Evaluation:
        """Predict with every system, judge, and write the result; see the function `evaluate`."""
        if not systems:
            raise UsageError("Give at least one model or file of descriptors to evaluate.")
        chosen = self._systems(systems)
        predicted = [self._task(system).predict(system.source, system.chain) for system in chosen]
        resampling = Resampling(self.settings.samples, self.settings.level, self.settings.seed)
        results: list[SystemResult] = []
        steps = len(chosen) + (len(chosen) > 1)
        for system, (plain, normalised) in zip(chosen, predicted, strict=True):
            self.progress("score", len(results), steps)
            origin = self._origin(system, plain, normalised)
            results.append(
                score(self.benchmark, self.truth, system.label, origin, plain, normalised, resampling)
            )
        self.progress("score", len(results), steps)
        candidates = [(system.label, *lists) for system, lists in zip(chosen, predicted, strict=True)]
        comparisons = compare(self.benchmark, self.truth, candidates, resampling)
        evaluation = Evaluation(tuple(results), comparisons)
        write_result(self.folder / RESULT, evaluation)
        return evaluation

    def _systems(self, systems: Sequence[System]) -> list[_System]:
        """Every system with every chain; labels tell them apart."""
        for text in self.settings.chains:
            self._check(Chain.parse(text))
        sources = [
            open_source(system, self.folder, workers=self.settings.workers, progress=self.progress)
            for system in systems
        ]
        labels = _labels(sources)
        chains = list(dict.fromkeys(Chain.parse(text).text for text in self.settings.chains))
        return [
            _System(label if len(chains) == 1 else f"{label} + {text}", source, Chain.parse(text))
            for label, source in zip(labels, sources, strict=True)
            for text in chains
        ]

    def _check(self, chain: Chain) -> None:
        """Refuse, before the work, a chain that has nothing to learn from."""
        if chain.needs_training and TRAINING not in self.roles:
            raise UsageError(
                f"--post {chain.text} learns from unrelated pictures and this benchmark brings none; name some with "
                "--training."
            )
        if chain.needs_background and BACKGROUND not in self.roles:
            raise UsageError(
                f"--post {chain.text} normalises scores with unrelated pictures and this benchmark brings none; name "
                "some with --background."
            )

    def _task(self, system: _System) -> Task:
        # Where nobody asked for score normalisation, pictures that are too few for it are no error.
        optional = not system.chain.needs_background and not self.settings.background_is_required
        roles = dict(self.roles)
        if optional and len(self.benchmark.background) <= ScoreNormalisation().last:
            roles.pop(BACKGROUND, None)
        return Task(self.folder, roles, self.truth, self.rule, optional, self.progress)

    def _origin(self, system: _System, plain: Predicted, normalised: Predicted | None) -> Origin:
        benchmark, source = self.benchmark, system.source
        learned = system.chain.needs_training
        return Origin(
            benchmark=benchmark.name,
            split=benchmark.split,
            protocol=benchmark.protocol,
            benchmark_digest=self.digest,
            rule=self.rule.text,
            queries=len(benchmark.queries),
            references=len(benchmark.references),
            pairs=len(benchmark.truth),
            without_reference=len(benchmark.queries) - len({query for query, _ in benchmark.truth}),
            training=len(benchmark.training) if learned else 0,
            background=0 if normalised is None else len(benchmark.background),
            model=source.model,
            fingerprint=source.fingerprint,
            source=source.file,
            precision=source.precision,
            dims=plain.source_dims,
            post_processing=system.chain.text,
            samples=self.settings.samples,
            level=self.settings.level,
            seed=self.settings.seed,
            command=self.settings.command,
            copylens=__version__,
            views=source.views,
        )


def _roles(benchmark: Benchmark, *, training: bool) -> dict[str, PictureSet]:
    """Pictures by role; a role without pictures, or that nobody asks for, is left out."""
    given = {
        QUERIES: benchmark.queries,
        REFERENCES: benchmark.references,
        TRAINING: benchmark.training if training else (),
        BACKGROUND: benchmark.background,
    }
    return {
        role: PictureSet.now(pictures)
        for role, pictures in given.items()
        if pictures or role in (QUERIES, REFERENCES)
    }


def _labels(sources: Sequence[Source]) -> list[str]:
    """Make labels unique: where two systems share a name, by fingerprint and precision."""
    labels = [source.label for source in sources]
    common = {label for label, count in Counter(labels).items() if count > 1}
    labels = [
        f"{label} ({source.fingerprint[:8]}{f', {source.precision}' if source.precision else ''})"
        if label in common
        else label
        for label, source in zip(labels, sources, strict=True)
    ]
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise UsageError(f"The system {twice[0]!r} is given twice; give each one once, or a name of its own.")
    return labels
