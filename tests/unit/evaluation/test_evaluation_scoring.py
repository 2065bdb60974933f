"""Figures, thresholds, histogram and curve of a list of predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from copylens.errors import UsageError
from copylens.evaluation import scoring
from copylens.evaluation.metrics import (
    PrecisionRecall,
    accuracy_at_1,
    judge,
    mean_average_precision,
    micro_average_precision,
    precision_recall_curve,
    recall_at_k,
    recall_at_precision,
)
from copylens.evaluation.nouns import Benchmark, Picture, Predictions
from copylens.evaluation.predicting import Predicted
from copylens.evaluation.results import FIGURES, Scored
from copylens.evaluation.scoring import (
    STATISTICS,
    Resampling,
    histogram_of,
    scored_list,
    statistics_for,
    thinned,
    truth_positions,
)
from copylens.evaluation.standings import ABSENT, standings_of
from evaluation_cases import Case, random_case

SEEDS = range(15)
NONE = Resampling(samples=0, level=0.95, seed=0)


def scored(case: Case, resampling: Resampling = NONE) -> Scored:
    standings = standings_of(case.predictions, case.truth, len(case.benchmark.queries))
    return scored_list(case.benchmark, case.truth, case.predicted, standings, resampling)


def test_every_figure_has_a_statistic_and_a_name() -> None:
    assert list(STATISTICS) == list(FIGURES)
    assert list(statistics_for("micro")) == list(FIGURES)[:5]
    assert list(statistics_for("copydays")) == list(FIGURES)


@pytest.mark.parametrize("seed", SEEDS)
def test_figures_are_the_metrics(seed: int) -> None:
    case = random_case(seed)
    judged = judge(case.predictions, case.truth, len(case.benchmark.queries))
    expected = {
        "micro_average_precision": micro_average_precision(judged),
        "recall_at_precision_90": recall_at_precision(judged, 0.9).recall,
        "recall_at_precision_99": recall_at_precision(judged, 0.99).recall,
        "accuracy_at_1": accuracy_at_1(judged),
        "recall_at_10": recall_at_k(judged, 10),
        "micro_average_precision_trapezoid": micro_average_precision(judged, "trapezoid"),
        "mean_average_precision": mean_average_precision(judged, "plain"),
        "mean_average_precision_trapezoid": mean_average_precision(judged, "trapezoid"),
    }
    copydays = replace(case, benchmark=replace(case.benchmark, protocol="copydays"))
    figures = scored(copydays).figures
    assert figures.keys() == expected.keys()
    for key, value in expected.items():
        assert figures[key].value == pytest.approx(value, abs=1e-6), key
        assert figures[key].low is figures[key].high is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_threshold_brings_what_it_says(seed: int) -> None:
    case = random_case(seed, queries=30)
    p, true = case.predictions, set(map(tuple, case.truth.tolist()))
    for point in scored(case).thresholds:
        if point.threshold is None:
            assert point.recall == 0
            continue
        taken = [
            (int(q), int(r)) in true
            for q, r, s in zip(p.queries, p.references, p.scores, strict=True)
            if s >= point.threshold
        ]
        assert sum(taken) / len(taken) == pytest.approx(point.precision, abs=1e-6)
        assert point.precision >= point.wanted - 1e-6
        assert sum(taken) / len(true) == pytest.approx(point.recall, abs=1e-6)


def test_intervals_hold_the_value_and_depend_on_the_seed() -> None:
    case = random_case(4, queries=60)
    one, again, other = (scored(case, Resampling(200, 0.95, seed)).figures for seed in (0, 0, 1))
    assert one == again != other
    for figure in one.values():
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high
    narrow = scored(case, Resampling(200, 0.5, 0)).figures["accuracy_at_1"]
    wide = one["accuracy_at_1"]
    assert (narrow.high or 0) - (narrow.low or 0) < (wide.high or 0) - (wide.low or 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_histogram_counts_everything_once(seed: int) -> None:
    case = random_case(seed)
    count = len(case.benchmark.queries)
    standings = standings_of(case.predictions, case.truth, count)
    found = histogram_of(case.predicted, standings)
    wrong = case.predictions.scores[standings.best_wrong[standings.best_wrong != ABSENT]]
    assert len(found.edges) == len(found.copies) + 1 == len(found.non_copies) + 1 == scoring.BINS + 1
    assert list(found.edges) == sorted(set(found.edges))
    assert sum(found.copies) == len(case.truth)
    assert sum(found.non_copies) == len(wrong)
    for number, (low, high) in enumerate(zip(found.edges, found.edges[1:], strict=False)):
        last = number == scoring.BINS - 1
        for counts, scores in ((found.copies, case.truth_scores), (found.non_copies, wrong)):
            inside = [s for s in scores.tolist() if low <= s and (s <= high if last else s < high)]
            assert counts[number] == len(inside)


def test_a_histogram_of_one_score_and_of_none() -> None:
    one = Predicted("none", 1, 1, predictions_of([0], [0], [0.5]), np.array([0.5], np.float32))
    found = histogram_of(one, standings_of(one.predictions, np.array([[0, 0]]), 1))
    assert (sum(found.copies), sum(found.non_copies)) == (1, 0)
    none = Predicted("none", 1, 1, predictions_of([], [], []), np.empty(0, np.float32))
    found = histogram_of(none, standings_of(none.predictions, np.empty((0, 2), np.int64), 1))
    assert (sum(found.copies), sum(found.non_copies)) == (0, 0)


def predictions_of(queries: list[int], references: list[int], scores: list[float]) -> Predictions:
    return Predictions(
        np.array(queries, np.int64), np.array(references, np.int64), np.array(scores, np.float32)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_short_curve_keeps_every_point_where_recall_rises(seed: int) -> None:
    case = random_case(seed)
    curve = precision_recall_curve(judge(case.predictions, case.truth, len(case.benchmark.queries)))
    kept = thinned(curve)
    points = set(zip(kept.recall, kept.precision, kept.thresholds, strict=True))
    before = 0.0
    for recall, precision, threshold in zip(
        curve.recall.tolist(), curve.precision.tolist(), curve.thresholds.tolist(), strict=True
    ):
        assert ((round(recall, 6), round(precision, 6), threshold) in points) == (recall > before)
        before = recall


def test_a_long_curve_is_thinned_evenly() -> None:
    recall = np.arange(1, 20_001) / 20_000
    kept = thinned(PrecisionRecall(1 - recall / 2, recall, (1 - recall).astype(np.float32)))
    assert len(kept.recall) == scoring.CURVE_POINTS
    assert (kept.recall[0], kept.recall[-1]) == (recall[0], 1.0)
    steps = np.diff(kept.recall)
    assert steps.min() > 0
    assert steps.max() < 2.1 / scoring.CURVE_POINTS


def test_a_curve_of_nothing() -> None:
    empty = np.empty(0)
    kept = thinned(PrecisionRecall(empty, empty, empty.astype(np.float32)))
    assert kept.recall == kept.precision == kept.thresholds == ()


def test_pairs_become_positions() -> None:
    case = random_case(7)
    np.testing.assert_array_equal(truth_positions(case.benchmark), case.truth)
    pictures = (Picture("a", "a"), Picture("b", "b"))
    empty = Benchmark(name="x", split="all", queries=pictures, references=pictures, truth=())
    assert truth_positions(empty).shape == (0, 2)


def test_a_benchmark_without_pairs_has_no_figures() -> None:
    case = random_case(1)
    bare = Case(
        replace(case.benchmark, truth=()),
        np.empty((0, 2), np.int64),
        case.predictions,
        np.empty(0, np.float32),
    )
    with pytest.raises(UsageError, match="has a true pair"):
        scored(bare)
