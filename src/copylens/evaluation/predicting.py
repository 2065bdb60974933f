"""Descriptors and a post-processing chain in; predictions on disk, and read back from there, out.

What is on disk is found again by a digest of all that it depends on: pictures, truth, model or file, chain, what the
chain learned from, and the candidate rule.

Shapes: Q queries, R references, M candidates, T true pairs, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from copylens.errors import EvaluationError
from copylens.evaluation import digests
from copylens.evaluation.archives import plain_arrays
from copylens.evaluation.candidates import find_candidates
from copylens.evaluation.describing import BACKGROUND, QUERIES, REFERENCES, TRAINING, Roles, Source
from copylens.evaluation.nouns import CandidateRule, Ints, Predictions, Scores
from copylens.evaluation.standings import ABSENT, true_pairs_of
from copylens.evaluation.view_scores import ViewSides, find_view_candidates
from copylens.postprocess import Chain
from copylens.records import Descriptors
from copylens.reports.atomic import whole_file
from copylens.workflows.settings import Progress

FORMAT = "predictions 1"
"""Part of every digest; raised when the meaning of a file changes."""

BLOCK = 1 << 16
"""Pairs that are scored together: 256 MiB at 512 dimensions, both sides."""

Sides = tuple[Descriptors, Descriptors]
"""Queries and references after post-processing; scores are their inner products."""


@dataclass(frozen=True)
class Predicted:
    """What is judged: candidates, and the scores of the true pairs whether they are candidates or not.

    Attributes:
        post_processing: the chain, in its canonical spelling.
        source_dims: D of the descriptors before it.
        dims: D after it, score normalisation not counted.
        predictions: M candidates.
        truth_scores: ``(T,) float32``, in the order of the truth.
    """

    post_processing: str
    source_dims: int
    dims: int
    predictions: Predictions = field(repr=False)
    truth_scores: Scores = field(repr=False)


@dataclass(frozen=True)
class Task:
    """What is predicted, for any source.

    Attributes:
        folder: the run folder.
        roles: the benchmark's pictures; training and background may be missing.
        truth: ``(T, 2) int64`` positions of queries and references.
        rule: which candidates are kept.
        background_is_optional: whether a system without background descriptors goes without score normalisation.
        progress: called as ``progress("match", done, total)``.
    """

    folder: Path
    roles: Roles
    truth: Ints
    rule: CandidateRule
    background_is_optional: bool
    progress: Progress

    def predict(self, source: Source, chain: Chain) -> tuple[Predicted, Predicted | None]:
        """Make or read back the predictions without and with score normalisation.

        Args:
            source: of descriptors.
            chain: not fitted. Where it has no score normalisation and there is a background, the usual one is added for
                the second answer.

        Returns:
            The second is None without background descriptors.

        Raises:
            EvaluationError: a picture cannot be read, or a file of the run folder is damaged.
            UsageError: saved descriptors do not fit the benchmark, or the chain cannot be fitted.
        """
        plain = chain.without_score_normalisation()
        normalised = self._normalised(chain)
        done = self._load(source, plain)
        done_normalised = None if normalised is None else self._load(source, normalised)
        if done is not None and (normalised is None or done_normalised is not None):
            return done, done_normalised
        run = _Run(self, source, plain, normalised)
        if done is None:
            done = self._save(source, plain, run.plain())
        if run.normalised_chain is not None and done_normalised is None:
            done_normalised = self._save(source, run.normalised_chain, run.normalised(done.predictions))
        return done, done_normalised

    def _normalised(self, chain: Chain) -> Chain | None:
        if chain.needs_background:
            return chain
        if BACKGROUND not in self.roles:
            return None
        return Chain.parse(f"{chain.text},sn" if chain.steps else "sn")

    def _load(self, source: Source, chain: Chain) -> Predicted | None:
        path = self._path(source, chain)
        return _read(path) if path.is_file() else None

    def _save(self, source: Source, chain: Chain, predicted: Predicted) -> Predicted:
        path = self._path(source, chain)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            np.savez(
                partial,
                post_processing=np.array(predicted.post_processing),
                dims=np.array([predicted.source_dims, predicted.dims]),
                queries=predicted.predictions.queries,
                references=predicted.predictions.references,
                scores=predicted.predictions.scores,
                truth_scores=predicted.truth_scores,
            )
        return predicted

    def _path(self, source: Source, chain: Chain) -> Path:
        both = self.roles[QUERIES].digest, self.roles[REFERENCES].digest
        pairs = digests.of_array(self.truth)
        digest = digests.of_texts(FORMAT, *both, pairs, self.rule.text, self.chain_digest(source, chain))
        return self.folder / "predictions" / f"{digest}.npz"

    def chain_digest(self, source: Source, chain: Chain) -> str:
        """Digest of a chain as it is fitted, known before it is."""
        needed = ((TRAINING, chain.needs_training), (BACKGROUND, chain.needs_background))
        learned = (self.roles[role].digest if needs else "" for role, needs in needed)
        return digests.of_texts(source.digest, chain.text, *learned)


class _Run:
    """The work for one source and one chain: describe, fit, transform, search."""

    def __init__(self, task: Task, source: Source, plain: Chain, normalised: Chain | None) -> None:
        self._task = task
        widest = normalised or plain
        wanted = {QUERIES, REFERENCES}
        wanted |= {TRAINING} if widest.needs_training else set()
        wanted |= {BACKGROUND} if widest.needs_background else set()
        optional = frozenset({BACKGROUND}) if task.background_is_optional else frozenset()
        roles = {role: task.roles[role] for role in task.roles if role in wanted}
        self._rows = source.descriptors(roles, optional=optional)
        self._penalties = source.penalties
        self._views = source.view_descriptors({role: roles[role] for role in (QUERIES, REFERENCES)})
        self.normalised_chain = normalised if BACKGROUND in self._rows else None
        fitted = self._fitted(source, self.normalised_chain or plain)
        self._plain_chain = fitted.without_score_normalisation()
        self._fitted_chain = fitted

    def plain(self) -> Predicted:
        """Search with what the chain makes of the descriptors."""
        sides = self._sides(self._plain_chain)
        return self._predicted(self._plain_chain, sides, self._search(self._plain_chain, sides))

    def normalised(self, plain: Predictions) -> Predicted:
        """Normalise the scores.

        A query's candidates stay the same, since the same number is taken off all its scores; only a rule over all
        queries chooses others, and views, of which each has a number of its own.
        """
        sides = self._sides(self._fitted_chain)
        if self._task.rule.overall is not None or self._views:
            predictions = self._search(self._fitted_chain, sides)
        else:
            scores = pair_scores(*sides, plain.queries, plain.references)
            predictions = Predictions(plain.queries, plain.references, scores)
        return self._predicted(self._fitted_chain, sides, predictions)

    def _fitted(self, source: Source, chain: Chain) -> Chain:
        path = self._task.folder / "chains" / f"{self._task.chain_digest(source, chain)}.npz"
        if not (chain.needs_training or chain.needs_background):
            return chain
        if path.is_file():
            return Chain.load(path)
        chain.fit(training=self._rows.get(TRAINING), background=self._rows.get(BACKGROUND))
        path.parent.mkdir(parents=True, exist_ok=True)
        chain.save(path)
        return chain

    def _sides(self, chain: Chain) -> Sides:
        return chain.transform(self._rows[QUERIES], self._rows[REFERENCES])

    def _search(self, chain: Chain, sides: Sides) -> Predictions:
        rule, progress = self._task.rule, self._task.progress
        if self._views:
            return find_view_candidates(self._view_sides(chain, sides), rule, progress=progress)
        return find_candidates(*sides, rule, progress=progress)

    def _view_sides(self, chain: Chain, sides: Sides) -> ViewSides:
        """Views go through the chain when they are asked for, a block at a time."""
        queries, references = self._views[QUERIES], self._views[REFERENCES]
        raw = self._rows[QUERIES][:1], self._rows[REFERENCES][:1]

        def flat(views: npt.NDArray[np.float16], which: Ints) -> Descriptors:
            return views[which].reshape(-1, views.shape[2]).astype(np.float32)

        def shaped(rows: Descriptors, there: npt.NDArray[np.bool_], which: Ints) -> Descriptors:
            # A row of zeros is no view, before the chain and after it.
            out = np.zeros((len(there), rows.shape[1]), np.float32)
            out[there] = rows
            return out.reshape(len(which), -1, rows.shape[1])

        def query_views(which: Ints) -> Descriptors:
            views = flat(queries, which)
            there = np.asarray(views.any(axis=1))
            rows, _ = chain.transform(views[there], raw[1])
            return shaped(rows, there, which)

        def reference_views(which: Ints) -> Descriptors:
            views = flat(references, which)
            there = np.asarray(views.any(axis=1))
            _, rows = chain.transform(raw[0], views[there])
            return shaped(rows, there, which)

        return ViewSides(*sides, query_views, reference_views, self._penalties)

    def _predicted(self, chain: Chain, sides: Sides, predictions: Predictions) -> Predicted:
        truth = self._task.truth
        if self._views:
            scores = self._view_sides(chain, sides).pair_scores(truth[:, 0], truth[:, 1])
        else:
            scores = pair_scores(*sides, truth[:, 0], truth[:, 1])
        # A search rounds differently in the last digit; what is the same pair shall have one score.
        pairs = true_pairs_of(predictions, truth)
        scores[pairs[pairs != ABSENT]] = predictions.scores[pairs != ABSENT]
        return Predicted(
            post_processing=chain.text,
            source_dims=self._rows[QUERIES].shape[1],
            dims=sides[0].shape[1] - int(chain.needs_background),
            predictions=predictions,
            truth_scores=scores,
        )


def pair_scores(queries: Descriptors, references: Descriptors, first: Ints, second: Ints) -> Scores:
    """Score given pairs.

    Args:
        queries: ``(Q, D) float32``.
        references: ``(R, D) float32``.
        first, second: ``(P,) int64`` positions.

    Returns:
        ``(P,) float32``.
    """
    scores = np.empty(len(first), np.float32)
    for block in _blocks(len(first)):
        np.einsum("pd,pd->p", queries[first[block]], references[second[block]], out=scores[block])
    return scores


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, start + BLOCK)


def _read(path: Path) -> Predicted:
    try:
        with plain_arrays(path) as arrays:
            source_dims, dims = arrays["dims"].tolist()
            return Predicted(
                post_processing=str(arrays["post_processing"]),
                source_dims=source_dims,
                dims=dims,
                predictions=Predictions(arrays["queries"], arrays["references"], arrays["scores"]),
                truth_scores=arrays["truth_scores"],
            )
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path} is damaged; delete it and run the same command again.") from error
