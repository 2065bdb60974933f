"""What must hold for any list: agreement with the twins and with scikit-learn, order, ties, misses, bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as curve_of_sklearn

from copylens.evaluation.metrics import (
    Statistic,
    accuracy_at_1,
    judge,
    mean_average_precision,
    micro_average_precision,
    precision_recall_curve,
    recall_at_k,
    recall_at_precision,
)
from copylens.evaluation.nouns import Judged, Predictions
from unit.evaluation.metrics.naive_metrics import (
    STATISTICS,
    judged_lists,
    make_judged,
    naive_recall_at_precision,
    naive_value,
    rows_of,
    shuffled,
    worst_order,
)

each_statistic = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())

FUNCTIONS: dict[str, Callable[[Judged], float]] = {
    "µAP": micro_average_precision,
    "µAP, trapezoid": lambda judged: micro_average_precision(judged, "trapezoid"),
    "recall at precision 0.5": lambda judged: recall_at_precision(judged, 0.5).recall,
    "recall at precision 0.9": lambda judged: recall_at_precision(judged, 0.9).recall,
    "accuracy at 1": accuracy_at_1,
    "recall at 2": lambda judged: recall_at_k(judged, 2),
    "mAP": mean_average_precision,
    "mAP, trapezoid": lambda judged: mean_average_precision(judged, "trapezoid"),
}


class TestTwins:
    @each_statistic
    @given(judged_lists())
    def test_agrees_with_the_loops(self, statistic: Statistic, judged: Judged) -> None:
        assert statistic.of(judged) == pytest.approx(naive_value(statistic, judged), rel=1e-12)

    def test_every_statistic_has_a_function(self) -> None:
        assert FUNCTIONS.keys() == STATISTICS.keys()

    @pytest.mark.parametrize("name", STATISTICS)
    @given(judged_lists())
    def test_statistic_equals_function(self, name: str, judged: Judged) -> None:
        assert STATISTICS[name].of(judged) == FUNCTIONS[name](judged)

    @given(judged_lists())
    def test_average_precision_of_sklearn(self, judged: Judged) -> None:
        """Its ties are broken by handing it ranks; missed true pairs only scale the sum."""
        assume(judged.hits.any())
        hits = np.array([hit for _, _, hit in worst_order(rows_of(judged))])
        found = average_precision_score(hits, -np.arange(len(hits)))
        expected = found * hits.sum() / judged.positives.sum()
        assert micro_average_precision(judged) == pytest.approx(expected, rel=1e-12)

    def test_average_precision_of_sklearn_on_many(self) -> None:
        """100,000 candidates with rounded scores, so that most are equal to others."""
        generator = np.random.default_rng(7)
        hits = generator.random(100_000) < 0.03
        scores = np.round(generator.normal(size=100_000) + hits, 2).astype(np.float32)
        judged = Judged(np.arange(100_000), scores, hits, hits.astype(np.int64))
        # Each hit is moved down, by less than the step between scores: the misses of its score pass it, and no two
        # hits stay equal (scikit-learn gives a group of equal scores the precision at its end).
        moved = hits * generator.uniform(0.001, 0.002, 100_000)
        expected = average_precision_score(hits, scores - moved)
        assert micro_average_precision(judged) == pytest.approx(expected, rel=1e-9)
        assert micro_average_precision(judged) < average_precision_score(hits, scores + moved) - 1e-4

    @given(judged_lists())
    def test_curve_of_sklearn(self, judged: Judged) -> None:
        assume(judged.hits.any())
        precision, recall, thresholds = curve_of_sklearn(judged.hits, judged.scores)
        curve = precision_recall_curve(judged)
        assert curve.thresholds.tolist() == thresholds[::-1].tolist()
        # Its last point, (precision 1, recall 0), returns nothing and has no threshold.
        assert curve.precision == pytest.approx(precision[-2::-1])
        assert curve.recall == pytest.approx(recall[-2::-1] * judged.hits.sum() / judged.positives.sum())

    @pytest.mark.parametrize("digits", [1, 8])
    def test_exam_of_one_copy_each(self, digits: int) -> None:
        """A matrix of scores, the 10 best of each query, one reference or none each: every figure from the matrix."""
        generator = np.random.default_rng(3)
        answers = [int(answer) if answer < 30 else None for answer in generator.integers(0, 40, 60)]
        exact = generator.normal(size=(60, 30))
        for query, answer in enumerate(answers):
            if answer is not None:
                exact[query, answer] += 2
        matrix = np.round(exact, digits).astype(np.float32)
        best = np.argsort(-matrix, axis=1, kind="stable")[:, :10]
        queries = np.repeat(np.arange(60), 10)
        judged = judge(
            Predictions(queries, best.ravel(), matrix[queries, best.ravel()]),
            np.array([(query, answer) for query, answer in enumerate(answers) if answer is not None]),
            60,
        )

        total = sum(answer is not None for answer in answers)
        listed = [(matrix[q, r], r == answers[q]) for q in range(60) for r in best[q].tolist()]
        listed.sort(key=lambda item: (-item[0], item[1]))
        found, area, recalls = 0, 0.0, dict.fromkeys((0.9, 0.99), 0.0)
        for rank, (_, hit) in enumerate(listed, start=1):
            found += hit
            area += hit * found / rank / total
            recalls = {p: found / total if found / rank >= p else recall for p, recall in recalls.items()}
        first = sum(
            answer is not None and bool(matrix[q, answer] > np.delete(matrix[q], answer).max())
            for q, answer in enumerate(answers)
        )

        assert micro_average_precision(judged) == pytest.approx(area, rel=1e-12)
        assert accuracy_at_1(judged) == recall_at_k(judged, 1) == pytest.approx(first / total, rel=1e-12)
        for precision, recall in recalls.items():
            assert recall_at_precision(judged, precision).recall == pytest.approx(recall, rel=1e-12)
        assert 0 < recalls[0.99] <= recalls[0.9] < first / total < 1


class TestInvariance:
    @each_statistic
    @given(st.data())
    def test_order_of_the_candidates(self, statistic: Statistic, data: st.DataObject) -> None:
        judged = data.draw(judged_lists())
        order = np.array(data.draw(st.permutations(range(len(judged.hits)))), np.int64)
        assert statistic.of(shuffled(judged, order)) == statistic.of(judged)

    @each_statistic
    @given(judged_lists())
    def test_stretched_scores(self, statistic: Statistic, judged: Judged) -> None:
        """Doubling is exact in float32, so it keeps the order and the ties."""
        assert statistic.of(
            Judged(judged.queries, judged.scores * 2, judged.hits, judged.positives)
        ) == statistic.of(judged)

    @each_statistic
    @given(st.data())
    def test_names_of_the_queries(self, statistic: Statistic, data: st.DataObject) -> None:
        judged = data.draw(judged_lists())
        names = np.array(data.draw(st.permutations(range(len(judged.positives)))), np.int64)
        positives = np.empty_like(judged.positives)
        positives[names] = judged.positives
        renamed = Judged(names[judged.queries], judged.scores, judged.hits, positives)
        assert statistic.of(renamed) == pytest.approx(statistic.of(judged), rel=1e-12)

    @each_statistic
    @given(judged_lists())
    def test_bounds(self, statistic: Statistic, judged: Judged) -> None:
        assert 0 <= statistic.of(judged) <= 1 + 1e-12


class TestOrder:
    @each_statistic
    @given(st.data())
    def test_ties_never_help(self, statistic: Statistic, data: st.DataObject) -> None:
        """Any other order of equal scores gives at least as much; the worst order gives exactly the same."""
        judged = data.draw(judged_lists())
        rows = rows_of(judged)
        any_order = sorted(data.draw(st.permutations(rows)), key=lambda row: -row[1])
        positives = judged.positives.tolist()

        def spread(ordered: list[tuple[int, float, bool]]) -> float:
            apart = [(query, -float(rank), hit) for rank, (query, _, hit) in enumerate(ordered)]
            return statistic.of(make_judged(apart, positives))

        assert statistic.of(judged) <= spread(any_order) + 1e-12
        assert statistic.of(judged) == pytest.approx(spread(worst_order(rows)), rel=1e-12)

    @each_statistic
    @given(st.data())
    def test_miss_below_everything_changes_nothing(self, statistic: Statistic, data: st.DataObject) -> None:
        judged = data.draw(judged_lists())
        query = data.draw(st.integers(0, len(judged.positives) - 1))
        more = make_judged([*rows_of(judged), (query, -9.0, False)], judged.positives.tolist())
        assert statistic.of(more) == statistic.of(judged)

    @each_statistic
    @given(st.data())
    def test_a_miss_never_helps(self, statistic: Statistic, data: st.DataObject) -> None:
        judged = data.draw(judged_lists())
        miss = (
            data.draw(st.integers(0, len(judged.positives) - 1)),
            data.draw(st.sampled_from([-0.5, 0.3, 3.0])),
            False,
        )
        more = make_judged([*rows_of(judged), miss], judged.positives.tolist())
        assert statistic.of(more) <= statistic.of(judged) + 1e-12

    @each_statistic
    @given(st.data())
    def test_a_hit_with_a_better_score_never_hurts(self, statistic: Statistic, data: st.DataObject) -> None:
        judged = data.draw(judged_lists())
        assume(judged.hits.any())
        chosen = data.draw(st.sampled_from(np.flatnonzero(judged.hits).tolist()))
        raised = judged.scores.copy()
        raised[chosen] += np.float32(data.draw(st.sampled_from([0.25, 0.3, 5.0])))
        better = Judged(judged.queries, raised, judged.hits, judged.positives)
        assert statistic.of(better) >= statistic.of(judged) - 1e-12

    @each_statistic
    @given(judged_lists())
    def test_a_missed_pair_never_helps(self, statistic: Statistic, judged: Judged) -> None:
        more = Judged(judged.queries, judged.scores, judged.hits, judged.positives + 1)
        assert statistic.of(more) <= statistic.of(judged) + 1e-12

    @given(judged_lists(), st.lists(st.floats(0.01, 1), min_size=2, max_size=2).map(sorted))
    def test_recall_falls_with_the_precision(self, judged: Judged, precisions: list[float]) -> None:
        low, high = precisions
        assert recall_at_precision(judged, low).recall >= recall_at_precision(judged, high).recall

    @given(judged_lists(), st.integers(1, 6))
    def test_recall_grows_with_k(self, judged: Judged, k: int) -> None:
        assert recall_at_k(judged, k) <= recall_at_k(judged, k + 1)

    @given(judged_lists())
    def test_accuracy_is_recall_at_1_where_queries_have_one_true_pair(self, judged: Judged) -> None:
        assume(judged.positives.max() == 1)
        assert accuracy_at_1(judged) == recall_at_k(judged, 1)

    @given(judged_lists())
    def test_micro_is_mean_for_one_query(self, judged: Judged) -> None:
        one = Judged(
            np.zeros_like(judged.queries), judged.scores, judged.hits, judged.positives.sum(keepdims=True)
        )
        assert micro_average_precision(one) == pytest.approx(mean_average_precision(one), rel=1e-12)
        assert micro_average_precision(one) == pytest.approx(micro_average_precision(judged), rel=1e-12)


def returned_at(judged: Judged, threshold: float) -> tuple[float, float]:
    """Precision and recall of everything with at least this score."""
    returned: npt.NDArray[np.bool_] = judged.hits[judged.scores >= threshold]
    return float(returned.mean()), float(returned.sum() / judged.positives.sum())


class TestRealisable:
    @given(judged_lists(), st.sampled_from([0.1, 1 / 3, 0.5, 0.75, 0.9, 0.99, 1.0]))
    def test_operating_point(self, judged: Judged, precision: float) -> None:
        point = recall_at_precision(judged, precision)
        assert point.recall == naive_recall_at_precision(judged, precision)
        if point.threshold is None:
            assert (point.precision, point.recall) == (1, 0)
            return
        assert returned_at(judged, point.threshold) == pytest.approx(
            (point.precision, point.recall), rel=1e-12
        )
        assert point.precision >= precision
        # The highest such threshold: above it something is missing.
        above = judged.hits[judged.scores > point.threshold].sum()
        assert above / judged.positives.sum() < point.recall

    @given(judged_lists(), st.sampled_from([0.1, 1 / 3, 0.5, 0.75, 0.9, 0.99, 1.0]))
    def test_operating_point_is_the_best_of_all_ranks(self, judged: Judged, precision: float) -> None:
        """As DISC2021 defines it: the highest recall at any rank of the worst order."""
        best, found = 0.0, 0
        for rank, (_, _, hit) in enumerate(worst_order(rows_of(judged)), start=1):
            found += hit
            if found / rank >= precision:
                best = max(best, found / int(judged.positives.sum()))
        assert recall_at_precision(judged, precision).recall == best

    @given(judged_lists())
    def test_curve(self, judged: Judged) -> None:
        curve = precision_recall_curve(judged)
        assert curve.thresholds.tolist() == sorted(set(judged.scores.tolist()), reverse=True)
        assert np.all(np.diff(curve.recall) >= 0)
        for precision, recall, threshold in zip(curve.precision, curve.recall, curve.thresholds, strict=True):
            assert returned_at(judged, float(threshold)) == pytest.approx((precision, recall), rel=1e-12)
