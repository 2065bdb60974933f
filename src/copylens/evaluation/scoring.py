"""Predictions and a benchmark in, figures with intervals out; no network, no search, no file.

Shapes: Q queries, M candidates, T true pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.evaluation.examples import UNKNOWN, worst_false_matches, worst_misses
from copylens.evaluation.metrics import (
    AccuracyAt1,
    MeanAveragePrecision,
    MicroAveragePrecision,
    PrecisionRecall,
    RecallAtK,
    RecallAtPrecision,
    Statistic,
    bootstrap,
    judge,
    precision_recall_curve,
    recall_at_precision,
)
from copylens.evaluation.nouns import Benchmark, Ints, Judged, Protocol, Scores
from copylens.evaluation.predicting import Predicted
from copylens.evaluation.results import (
    FIGURES,
    Curve,
    Figure,
    Origin,
    Scored,
    ScoreHistogram,
    SystemResult,
    Threshold,
)
from copylens.evaluation.slices import Slicer
from copylens.evaluation.standings import ABSENT, Standings, standings_of

STATISTICS: Mapping[str, Statistic] = {
    "micro_average_precision": MicroAveragePrecision(),
    "recall_at_precision_90": RecallAtPrecision(0.9),
    "recall_at_precision_99": RecallAtPrecision(0.99),
    "accuracy_at_1": AccuracyAt1(),
    "recall_at_10": RecallAtK(10),
    "micro_average_precision_trapezoid": MicroAveragePrecision("trapezoid"),
    "mean_average_precision": MeanAveragePrecision(),
    "mean_average_precision_trapezoid": MeanAveragePrecision("trapezoid"),
}
"""How each key of `FIGURES` is computed."""

Floats = npt.NDArray[np.float64]

COPYDAYS_ONLY = tuple(FIGURES)[-3:]

PRECISIONS = (0.9, 0.99)

BINS = 60

CURVE_POINTS = 500

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made.

    Attributes:
        samples: 0 leaves them out.
        level: e.g. 0.95.
        seed: of the generator.
    """

    samples: int
    level: float
    seed: int


def statistics_for(protocol: Protocol) -> dict[str, Statistic]:
    """Choose the figures that a benchmark is quoted by, and those that say more."""
    return {
        key: statistic
        for key, statistic in STATISTICS.items()
        if protocol == "copydays" or key not in COPYDAYS_ONLY
    }


def truth_positions(benchmark: Benchmark) -> Ints:
    """Give the true pairs as ``(T, 2) int64`` positions of queries and references."""
    queries = {picture.key: position for position, picture in enumerate(benchmark.queries)}
    references = {picture.key: position for position, picture in enumerate(benchmark.references)}
    pairs = [(queries[query], references[reference]) for query, reference in benchmark.truth]
    return np.array(pairs, np.int64).reshape(-1, 2)


def score(
    benchmark: Benchmark,
    truth: Ints,
    label: str,
    origin: Origin,
    plain: Predicted,
    normalised: Predicted | None,
    resampling: Resampling,
) -> SystemResult:
    """Judge a system.

    Args:
        benchmark: names pictures, says how queries were made.
        truth: of `truth_positions`.
        label: the system's name.
        origin: where the figures come from.
        plain: predictions without score normalisation.
        normalised: with it; None without background.
        resampling: how intervals are made.

    Raises:
        UsageError: the benchmark has no true pair.
    """
    standings = standings_of(plain.predictions, truth, len(benchmark.queries))
    scored = scored_list(benchmark, truth, plain, standings, resampling)
    facts = [benchmark.facts.get(query.key, UNKNOWN) for query in benchmark.queries]
    limit = scored.thresholds[0].threshold
    slicer = Slicer.at_threshold(facts, truth, plain.truth_scores, plain.predictions, standings, limit)
    shown = (benchmark, truth, plain.truth_scores, plain.predictions, standings)
    other = None
    if normalised is not None:
        ranks = standings_of(normalised.predictions, truth, len(benchmark.queries))
        other = scored_list(benchmark, truth, normalised, ranks, resampling)
    return SystemResult(
        label=label,
        origin=origin,
        plain=scored,
        normalised=other,
        by_edit=slicer.by_edit(),
        several_edits=slicer.several_edits(),
        by_strength=slicer.by_strength(),
        by_kind=slicer.by_kind(),
        misses=worst_misses(*shown),
        false_matches=worst_false_matches(*shown),
    )


def scored_list(
    benchmark: Benchmark, truth: Ints, predicted: Predicted, standings: Standings, resampling: Resampling
) -> Scored:
    """Judge one list of predictions."""
    judged = judge(predicted.predictions, truth, len(benchmark.queries))
    points = [(wanted, recall_at_precision(judged, wanted)) for wanted in PRECISIONS]
    return Scored(
        post_processing=predicted.post_processing,
        dims=predicted.dims,
        figures=figures_of(judged, statistics_for(benchmark.protocol), resampling),
        thresholds=tuple(
            Threshold(wanted, _rounded(point.precision), _rounded(point.recall), point.threshold)
            for wanted, point in points
        ),
        histogram=histogram_of(predicted, standings),
        curve=thinned(precision_recall_curve(judged)),
    )


def figures_of(
    judged: Judged, statistics: Mapping[str, Statistic], resampling: Resampling
) -> dict[str, Figure]:
    """Compute figures, with intervals where there are samples."""
    if not resampling.samples:
        return {key: Figure(_rounded(statistic.of(judged))) for key, statistic in statistics.items()}
    intervals = bootstrap(
        judged, statistics, samples=resampling.samples, seed=resampling.seed, level=resampling.level
    )
    return {
        key: Figure(_rounded(found.value), _rounded(found.low), _rounded(found.high))
        for key, found in intervals.items()
    }


def histogram_of(predicted: Predicted, standings: Standings) -> ScoreHistogram:
    """Count true pairs by their score, and queries by the score of their best wrong candidate."""
    wrong = standings.best_wrong[standings.best_wrong != ABSENT]
    copies, others = predicted.truth_scores, predicted.predictions.scores[wrong]
    edges = _edges(np.concatenate((copies, others)))
    return ScoreHistogram(
        edges=tuple(edges.tolist()),
        copies=tuple(np.histogram(copies, edges)[0].tolist()),
        non_copies=tuple(np.histogram(others, edges)[0].tolist()),
    )


def _edges(scores: Scores) -> Floats:
    """Bounds of equal bins around all scores, on round numbers of hundredths."""
    low = np.floor(100 * float(scores.min(initial=np.inf))) / 100 if len(scores) else 0.0
    high = np.ceil(100 * float(scores.max(initial=-np.inf))) / 100 if len(scores) else 1.0
    bounds: Floats = np.linspace(low, high if high > low else low + 0.01, BINS + 1)
    return bounds.round(DIGITS)


def thinned(curve: PrecisionRecall) -> Curve:
    """Take at most `CURVE_POINTS` points: where recall rises, evenly, the last one included."""
    rises = np.flatnonzero(np.diff(curve.recall, prepend=0.0) > 0)
    count = min(len(rises), CURVE_POINTS)
    kept = (
        rises[np.unique(np.linspace(0, len(rises) - 1, count).round().astype(np.int64))] if count else rises
    )
    return Curve(
        recall=tuple(np.round(curve.recall[kept], DIGITS).tolist()),
        precision=tuple(np.round(curve.precision[kept], DIGITS).tolist()),
        thresholds=tuple(curve.thresholds[kept].tolist()),
    )


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)
